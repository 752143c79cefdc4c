import { setImmediate as nextTick } from 'node:timers/promises';
import { envelope, type Envelope, type EnvelopeInit } from '../src/core/envelope.ts';
import type { Log } from '../src/core/protocol.ts';

export { until } from './until.ts';

/** A message for tests; its body is its number unless told otherwise. */
export const message = (
  address: string,
  n: number | string = 1,
  over: Partial<EnvelopeInit> = {},
): Envelope => envelope({ address, body: Buffer.from(String(n)), ...over });

export const textOf = (body: Uint8Array | null): string => Buffer.from(body ?? []).toString();

/** Lets everything that is already due happen. */
export async function settleDown(): Promise<void> {
  for (let i = 0; i < 5; i++) await nextTick();
}

/** The state of a promise at this moment. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const mark = Symbol();
  await settleDown();
  return (await Promise.race([promise, Promise.resolve(mark)])) === mark;
}

export interface LogLine {
  readonly level: string;
  readonly fields: object;
  readonly message: string;
}

/** A log that keeps its lines. */
export function keptLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (fields: object, message: string) =>
    void lines.push({ level, fields, message });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}
