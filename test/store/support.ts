import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { envelope, type Envelope } from '../../src/core/envelope.ts';
import type { Log } from '../../src/core/protocol.ts';
import { Store, type StoreOptions } from '../../src/store/store.ts';

/** A log that keeps its lines. */
export function linesLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const keep = (_fields: object, message: string): void => void lines.push(message);
  return { lines, debug: keep, info: keep, warn: keep, error: keep };
}

export async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-store-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** An open store that is closed after the test. */
export async function openStore(
  t: TestContext,
  folder: string,
  options: Partial<StoreOptions> = {},
  log: Log = linesLog(),
): Promise<Store> {
  const store = new Store({ folder, damaged: 'refuse', ...options }, log);
  await store.open();
  t.after(() => store.close());
  return store;
}

export const message = (number: number, init: Partial<Envelope> = {}): Envelope =>
  envelope({ address: `numbers/${number}`, body: Buffer.from(String(number)), ...init });

export const numberOf = ({ body }: Envelope): number => Number(Buffer.from(body!).toString());
