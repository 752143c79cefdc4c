import { Builder } from './builder.ts';
import { Cursor } from './cursor.ts';
import {
  checkText,
  Decimal,
  emptyRecord,
  Instant,
  invalid,
  maxDepth,
  tooDeep,
  type Value,
} from './values.ts';

// The library that is common for this makes an array of any length that a body declares, before it looks at the rest:
// docs/decisions/0019-own-codecs-of-bodies.md.

/** Reads MessagePack; its timestamps become moments. A map with a key that is no text becomes a Map. */
export function decodeMsgpack(bytes: Uint8Array): Value {
  const cursor = new Cursor(bytes, 'MessagePack');
  const value = read(cursor, 0);
  cursor.end();
  return value;
}

function read(from: Cursor, depth: number): Value {
  const head = from.byte();
  if (head < 0x80) return head;
  if (head < 0x90) return readMap(from, head & 0x0f, depth);
  if (head < 0xa0) return readList(from, head & 0x0f, depth);
  if (head < 0xc0) return from.text(head & 0x1f);
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
    case 0xc5:
    case 0xc6:
      return from.bytes(from.uint(lengths[head - 0xc4]!));
    case 0xc7:
    case 0xc8:
    case 0xc9:
      return readExtension(from, from.uint(lengths[head - 0xc7]!));
    case 0xca:
      return from.float();
    case 0xcb:
      return from.double();
    case 0xcc:
    case 0xcd:
    case 0xce:
      return from.uint(lengths[head - 0xcc]!);
    case 0xcf:
      return from.uint64();
    case 0xd0:
    case 0xd1:
    case 0xd2:
      return from.int(lengths[head - 0xd0]!);
    case 0xd3:
      return from.int64();
    case 0xd4:
    case 0xd5:
    case 0xd6:
    case 0xd7:
    case 0xd8:
      return readExtension(from, 1 << (head - 0xd4));
    case 0xd9:
    case 0xda:
    case 0xdb:
      return from.text(from.uint(lengths[head - 0xd9]!));
    case 0xdc:
    case 0xdd:
      return readList(from, from.uint(head === 0xdc ? 2 : 4), depth);
    case 0xde:
    case 0xdf:
      return readMap(from, from.uint(head === 0xde ? 2 : 4), depth);
    default:
      return from.wrong(`no value begins with 0x${head.toString(16)}`);
  }
}

const lengths = [1, 2, 4] as const;

function readList(from: Cursor, length: number, depth: number): Value[] {
  enter(from, length, depth);
  const list: Value[] = [];
  for (let n = 0; n < length; n++) list.push(read(from, depth + 1));
  return list;
}

function readMap(from: Cursor, length: number, depth: number): Value {
  enter(from, length * 2, depth);
  const map = new Map<Value, Value>();
  let texts = true;
  for (let n = 0; n < length; n++) {
    const key = read(from, depth + 1);
    if (map.has(key)) from.wrong('a key is there twice');
    texts &&= typeof key === 'string';
    map.set(key, read(from, depth + 1));
  }
  if (!texts) return map;
  const record = emptyRecord();
  for (const [key, value] of map) record[key as string] = value;
  return record;
}

function enter(from: Cursor, values: number, depth: number): void {
  if (depth >= maxDepth) throw tooDeep();
  if (values > from.left) from.wrong('it ends too early');
}

function readExtension(from: Cursor, length: number): Instant {
  const type = from.int(1);
  if (type !== -1)
    throw invalid(`the body holds the MessagePack extension type ${type}, which no other format has`);
  switch (length) {
    case 4:
      return new Instant(BigInt(from.uint(4)), 0);
    case 8: {
      const both = BigInt(from.uint64());
      return new Instant(both & 0x3_ffff_ffffn, nanosOf(from, Number(both >> 34n)));
    }
    case 12: {
      const nanos = nanosOf(from, from.uint(4));
      return new Instant(BigInt(from.int64()), nanos);
    }
    default:
      return from.wrong(`a timestamp has ${length} bytes`);
  }
}

const nanosOf = (from: Cursor, nanos: number): number =>
  nanos < 1e9 ? nanos : from.wrong(`a timestamp has ${nanos} nanoseconds`);

/** Writes MessagePack: whole numbers of up to 64 bits, moments as timestamps, each in its shortest form. */
export function encodeMsgpack(value: Value): Uint8Array {
  const builder = new Builder();
  write(builder, value, 0);
  return builder.finish();
}

function write(to: Builder, value: Value, depth: number): void {
  switch (typeof value) {
    case 'string':
      return writeText(to, value);
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeWhole(to, value);
      to.byte(0xcb);
      return to.double(value);
    case 'bigint':
      if (value > 2n ** 64n - 1n || value < -(2n ** 63n))
        throw invalid('the body holds a whole number of more than 64 bits, which MessagePack cannot');
      to.byte(value < 0n ? 0xd3 : 0xcf);
      return to.uint64(value);
    case 'boolean':
      return to.byte(value ? 0xc3 : 0xc2);
    case 'object':
      return value === null ? to.byte(0xc0) : writeObject(to, value, depth);
    default:
      return to.byte(0xc0);
  }
}

function writeObject(to: Builder, value: object, depth: number): void {
  if (depth >= maxDepth) throw tooDeep();
  if (value instanceof Uint8Array) {
    writeLength(to, value.length, [0xc4, 0xc5, 0xc6]);
    return to.bytes(value);
  }
  if (Array.isArray(value)) {
    writeLength(to, value.length, [undefined, 0xdc, 0xdd], 0x90, 16);
    for (const item of value as Value[]) write(to, item, depth + 1);
    return;
  }
  if (value instanceof Decimal)
    throw invalid(
      `the body holds the number ${value.text}, which MessagePack has not exactly; "numbers: double" rounds it`,
    );
  if (value instanceof Instant) return writeInstant(to, value);
  const entries = value instanceof Map ? [...(value as Map<Value, Value>)] : Object.entries(value);
  writeLength(to, entries.length, [undefined, 0xde, 0xdf], 0x80, 16);
  for (const [key, item] of entries) {
    write(to, key, depth + 1);
    write(to, item, depth + 1);
  }
}

function writeText(to: Builder, text: string): void {
  const length = Buffer.byteLength(checkText(text));
  writeLength(to, length, [0xd9, 0xda, 0xdb], 0xa0, 32);
  to.text(text, length);
}

/** @param heads of lengths of 1, 2 and 4 bytes @param fixed the head to which lengths below `end` are added */
function writeLength(
  to: Builder,
  length: number,
  heads: readonly [number | undefined, number, number],
  fixed = 0,
  end = 0,
): void {
  if (length < end) to.byte(fixed + length);
  else if (length < 0x100 && heads[0] !== undefined) to.headed(heads[0], length, 1);
  else if (length < 0x10000) to.headed(heads[1], length, 2);
  else to.headed(heads[2], length, 4);
}

function writeWhole(to: Builder, value: number): void {
  if (value >= 0) {
    if (value > 0xffff_ffff) {
      to.byte(0xcf);
      to.uint64(BigInt(value));
    } else writeLength(to, value, [0xcc, 0xcd, 0xce], 0, 0x80);
  } else if (value >= -0x20) to.byte(value & 0xff);
  else if (value >= -0x80) to.headed(0xd0, value & 0xff, 1);
  else if (value >= -0x8000) to.headed(0xd1, value & 0xffff, 2);
  else if (value >= -0x8000_0000) to.headed(0xd2, value >>> 0, 4);
  else {
    to.byte(0xd3);
    to.uint64(BigInt(value));
  }
}

function writeInstant(to: Builder, { seconds, nanos }: Instant): void {
  if (seconds >= 0n && seconds < 2n ** 32n && nanos === 0) {
    to.byte(0xd6);
    to.byte(0xff);
    to.bytes(Buffer.from(seconds.toString(16).padStart(8, '0'), 'hex'));
  } else if (seconds >= 0n && seconds < 2n ** 34n) {
    to.byte(0xd7);
    to.byte(0xff);
    to.uint64((BigInt(nanos) << 34n) | seconds);
  } else {
    to.headed(0xc7, 12, 1);
    to.headed(0xff, nanos, 4);
    to.uint64(seconds);
  }
}
