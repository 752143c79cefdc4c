import { isUtf8 } from 'node:buffer';
import { Malformed, Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/**
 * A value of a field table with its type, by the tags that RabbitMQ and its clients write (the errata to AMQP 0-9-1,
 * not §4.2.5.5): b B s u I i l are 8 to 64 bits, lower case signed but for u and i; T is seconds since the epoch; D is
 * `digits` × 10^-`places`; S and x are strings and bytes (S as bytes only where it is not UTF-8); V is nothing.
 */
export type Field =
  | { readonly tag: 't'; readonly value: boolean }
  | { readonly tag: 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'f' | 'd'; readonly value: number }
  | { readonly tag: 'l' | 'T'; readonly value: bigint }
  | { readonly tag: 'D'; readonly value: Decimal }
  | { readonly tag: 'S'; readonly value: string | Buffer }
  | { readonly tag: 'x'; readonly value: Uint8Array }
  | { readonly tag: 'A'; readonly value: readonly Field[] }
  | { readonly tag: 'F'; readonly value: Table }
  | { readonly tag: 'V'; readonly value: null };

export interface Decimal {
  readonly places: number;
  readonly digits: number;
}

/** In the order of writing; a table, not an object, for names come from outside. */
export type Table = readonly (readonly [name: string, field: Field])[];

/** RabbitMQ nests three deep (x-death); what goes deeper than this is an attack. */
const deepest = 32;

/** @throws Malformed, RangeError */
export function readTable(reader: Reader, depth = 0): Table {
  const inner = new Reader(reader.longBytes());
  const table: (readonly [string, Field])[] = [];
  while (inner.left > 0) table.push([inner.shortString(), readField(inner, depth)]);
  return table;
}

/** @throws Malformed, RangeError */
export function readField(reader: Reader, depth = 0): Field {
  if (depth > deepest) throw new Malformed(`tables are nested more than ${deepest} deep`);
  const { bytes } = reader;
  const tag = String.fromCharCode(reader.octet());
  const from = reader.at;
  switch (tag) {
    case 't':
      return { tag, value: reader.octet() !== 0 };
    case 'b':
      return { tag, value: (reader.octet() << 24) >> 24 };
    case 'B':
      return { tag, value: reader.octet() };
    case 's':
      return { tag, value: (reader.short() << 16) >> 16 };
    case 'u':
      return { tag, value: reader.short() };
    case 'I':
      return { tag, value: reader.long() | 0 };
    case 'i':
      return { tag, value: reader.long() };
    case 'l':
      return { tag, value: BigInt.asIntN(64, reader.longlong()) };
    case 'T':
      return { tag, value: reader.longlong() };
    case 'f':
      reader.long();
      return { tag, value: bytes.readFloatBE(from) };
    case 'd':
      reader.longlong();
      return { tag, value: bytes.readDoubleBE(from) };
    case 'D':
      return { tag, value: { places: reader.octet(), digits: reader.long() } };
    case 'S':
      return { tag, value: readText(reader) };
    case 'x':
      return { tag, value: Buffer.from(reader.longBytes()) };
    case 'A': {
      const inner = new Reader(reader.longBytes());
      const items: Field[] = [];
      while (inner.left > 0) items.push(readField(inner, depth + 1));
      return { tag, value: items };
    }
    case 'F':
      return { tag, value: readTable(reader, depth + 1) };
    case 'V':
      return { tag, value: null };
    default:
      throw new Malformed(`a table holds a value of the unknown type "${tag}"`);
  }
}

function readText(reader: Reader): string | Buffer {
  const bytes = reader.longBytes();
  const text = bytes.toString('utf8');
  return text.includes('\ufffd') && !isUtf8(bytes) ? Buffer.from(bytes) : text;
}

/** @throws RangeError where a name is longer than 255 bytes or a number does not fit its type */
export function writeTable(writer: Writer, table: Table): void {
  const place = writer.holdLong();
  for (const [name, field] of table) {
    writer.shortString(name);
    writeField(writer, field);
  }
  writer.setLong(place, writer.length - place - 4);
}

/** @throws RangeError, as writeTable */
export function writeField(writer: Writer, field: Field): void {
  writer.octet(field.tag.charCodeAt(0));
  switch (field.tag) {
    case 't':
      return writer.octet(field.value ? 1 : 0);
    case 'b':
    case 'B':
      return writer.octet(field.value & 0xff);
    case 's':
    case 'u':
      return writer.short(field.value & 0xffff);
    case 'I':
    case 'i':
      return writer.long(field.value >>> 0);
    case 'l':
    case 'T':
      return writer.longlong(field.value);
    case 'f':
      return writer.float(field.value);
    case 'd':
      return writer.double(field.value);
    case 'D':
      writer.octet(field.value.places);
      return writer.long(field.value.digits);
    case 'S':
    case 'x':
      return writer.longString(field.value);
    case 'A': {
      const place = writer.holdLong();
      for (const item of field.value) writeField(writer, item);
      return writer.setLong(place, writer.length - place - 4);
    }
    case 'F':
      return writeTable(writer, field.value);
    case 'V':
      return;
  }
}
