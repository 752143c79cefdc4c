import type { Header } from './envelope.ts';
import { typeOf, valueToText } from './header-values.ts';

type Field = readonly [name: string, value: string];

/** Fields of a message for people (`WireMessage.fields`): those that have a value, named as the protocol writes them. */
export function fieldsOf(fields: object, prefix = ''): Field[] {
  return Object.entries(fields).flatMap(([name, value]: [string, unknown]): Field[] =>
    value === undefined ? [] : [[prefix + dashed(name), fieldText(value)]],
  );
}

/** Headers for people, each with its type where that is not text. */
export const headerFields = (headers: readonly Header[], prefix = ''): Field[] =>
  headers.map(([name, value, declared]) => {
    const type = typeOf(value, declared);
    return [prefix + name, `${valueToText(value)}${type === 'string' ? '' : ` (${type})`}`];
  });

const dashed = (name: string): string => name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);

/** A value of a field: text as it is, bytes in hexadecimal, all else as JSON would have it. */
export function fieldText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value instanceof Uint8Array) return `0x${Buffer.from(value).toString('hex')}`;
  if (value instanceof Date) return value.toISOString();
  if (typeof value !== 'object' || value === null || 'text' in value) return String(value);
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each));
}
