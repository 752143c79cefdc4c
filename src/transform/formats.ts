import type { Value } from './values.ts';

/** Formats that need no schema, by the names that routes use. */
export const plainFormats = ['json', 'cbor', 'msgpack', 'text', 'binary'] as const;

export type PlainFormat = (typeof plainFormats)[number];

/** How bodies of one format are read and written. Both throw JunctionError `invalid-message`. */
export interface Format {
  /** For comparing: two formats of one name are one. */
  readonly name: string;
  readonly contentType: string;
  /** Whether what it writes is UTF-8. */
  readonly text: boolean;
  /** Returns a promise of the value only where `async`. */
  decode(body: Uint8Array): Value;
  encode(value: Value): Uint8Array | Promise<Uint8Array>;
  /** Whether it may have to wait, e.g. for a schema. */
  readonly async?: boolean;
}

const contentTypes: ReadonlyMap<string, PlainFormat> = new Map([
  ['application/json', 'json'],
  ['text/json', 'json'],
  ['application/cbor', 'cbor'],
  ['application/msgpack', 'msgpack'],
  ['application/x-msgpack', 'msgpack'],
  ['application/vnd.msgpack', 'msgpack'],
]);

/** The format of a content type; JSON where there is none, undefined where it tells no format. */
export function formatOf(contentType: string | undefined): PlainFormat | undefined {
  if (contentType === undefined) return 'json';
  const type = contentType.split(';', 1)[0]!.trim().toLowerCase();
  const known = contentTypes.get(type);
  if (known !== undefined) return known;
  if (type.endsWith('+json')) return 'json';
  if (type.endsWith('+cbor')) return 'cbor';
  return type.startsWith('text/') ? 'text' : undefined;
}
