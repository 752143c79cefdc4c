import { code, layout, sized1, sized4, unknownCode } from './codes.ts';
import type { Cursor } from './cursor.ts';
import { AmqpArray, AmqpMap, Described, Typed, type AmqpType, type AmqpValue } from './types.ts';

/** How deep values may be nested. */
export const maxDepth = 32;

/**
 * Reads one value of any type and keeps its type.
 * @throws DecodeError where the bytes are not AMQP 1.0, counts exceed the bytes, or it is nested deeper than 32
 */
export function decodeValue(cursor: Cursor, depth = 0): AmqpValue {
  const format = cursor.u8();
  if (format !== code.described) return decodeBody(cursor, format, depth);
  if (depth >= maxDepth) cursor.fail(`values are nested deeper than ${maxDepth}`);
  spend(cursor, 1);
  const descriptor = decodeValue(cursor, depth + 1);
  return new Described(descriptor, decodeValue(cursor, depth + 1));
}

function spend(cursor: Cursor, count: number): void {
  cursor.budget -= count;
  if (cursor.budget < 0) cursor.fail('more elements than the bytes can justify');
}

function decodeBody(cursor: Cursor, format: number, depth: number): AmqpValue {
  spend(cursor, 1);
  switch (format) {
    case code.null:
      return null;
    case code.true:
      return true;
    case code.false:
      return false;
    case code.boolean: {
      const value = cursor.u8();
      if (value > 1) cursor.fail('a boolean is neither 0 nor 1');
      return value === 1;
    }
    case code.ubyte:
      return new Typed('ubyte', cursor.u8());
    case code.ushort:
      return new Typed('ushort', cursor.u16());
    case code.uint:
      return new Typed('uint', cursor.u32());
    case code.smallUint:
      return new Typed('uint', cursor.u8());
    case code.uint0:
      return new Typed('uint', 0);
    case code.ulong:
      return new Typed('ulong', cursor.u64());
    case code.smallUlong:
      return new Typed('ulong', BigInt(cursor.u8()));
    case code.ulong0:
      return new Typed('ulong', 0n);
    case code.byte:
      return new Typed('byte', (cursor.u8() << 24) >> 24);
    case code.short:
      return new Typed('short', (cursor.u16() << 16) >> 16);
    case code.int:
      return new Typed('int', cursor.u32() | 0);
    case code.smallInt:
      return new Typed('int', (cursor.u8() << 24) >> 24);
    case code.long:
      return cursor.i64();
    case code.smallLong:
      return BigInt((cursor.u8() << 24) >> 24);
    case code.float:
      return new Typed('float', cursor.bytes(4).readFloatBE(0));
    case code.double:
      return cursor.bytes(8).readDoubleBE(0);
    case code.decimal32:
      return new Typed('decimal32', copy(cursor.bytes(4)));
    case code.decimal64:
      return new Typed('decimal64', copy(cursor.bytes(8)));
    case code.decimal128:
      return new Typed('decimal128', copy(cursor.bytes(16)));
    case code.char: {
      const point = cursor.u32();
      if (point > 0x10ffff) cursor.fail('a char is beyond Unicode');
      return new Typed('char', String.fromCodePoint(point));
    }
    case code.timestamp: {
      const value = cursor.i64();
      const number = Number(value);
      return new Typed('timestamp', Number.isSafeInteger(number) ? number : value);
    }
    case code.uuid:
      return cursor.uuid();
    case code.binary8:
      return copy(cursor.bytes(cursor.u8()));
    case code.binary32:
      return copy(cursor.bytes(cursor.u32()));
    case code.string8:
      return cursor.utf8(cursor.u8());
    case code.string32:
      return cursor.utf8(cursor.u32());
    case code.symbol8:
      return new Typed('symbol', cursor.latin1(cursor.u8()));
    case code.symbol32:
      return new Typed('symbol', cursor.latin1(cursor.u32()));
    case code.list0:
    case code.list8:
    case code.list32:
      return decodeItems(cursor, format, depth);
    case code.map8:
    case code.map32: {
      const items = decodeItems(cursor, format, depth);
      if (items.length % 2 !== 0) cursor.fail('a map has a key without value');
      return new AmqpMap(pairs(items));
    }
    case code.array8:
    case code.array32:
      return decodeArray(cursor, format === code.array8, depth);
    default:
      return cursor.fail(`unknown format code 0x${format.toString(16)}`);
  }
}

/** Decoded values outlive the chunk that they came in, and are small: they must not pin it. */
const copy = (bytes: Buffer): Uint8Array => new Uint8Array(bytes);

/** The elements of a list, or the keys and values of a map. */
function decodeItems(cursor: Cursor, format: number, depth: number): readonly AmqpValue[] {
  if (depth >= maxDepth) cursor.fail(`values are nested deeper than ${maxDepth}`);
  const outer = cursor.end;
  const count = cursor.enterBody(format);
  const items: AmqpValue[] = [];
  for (let i = 0; i < count; i++) items.push(decodeValue(cursor, depth + 1));
  finish(cursor, outer);
  return items;
}

function finish(cursor: Cursor, outerEnd: number): void {
  if (cursor.pos !== cursor.end) cursor.fail('a compound value is longer than its elements');
  cursor.end = outerEnd;
}

function decodeArray(cursor: Cursor, small: boolean, depth: number): AmqpArray {
  if (depth >= maxDepth) cursor.fail(`values are nested deeper than ${maxDepth}`);
  const size = small ? cursor.u8() : cursor.u32();
  cursor.need(size);
  const outer = cursor.end;
  cursor.end = cursor.pos + size;
  const count = small ? cursor.u8() : cursor.u32();
  const descriptors: AmqpValue[] = [];
  let format = cursor.u8();
  while (format === code.described) {
    descriptors.push(decodeValue(cursor, depth + 1));
    if (descriptors.length > maxDepth) cursor.fail('an array has too many descriptors');
    format = cursor.u8();
  }
  const width = layout[format]!;
  if (width === unknownCode) cursor.fail(`unknown format code 0x${format.toString(16)}`);
  // Elements of no width are bounded by the budget, all others by the bytes that they need at least.
  const least = width === sized1 ? 1 : width === sized4 ? 4 : width;
  if (count * least > cursor.end - cursor.pos) cursor.fail(`${count} elements cannot be in ${size} bytes`);
  if (count > cursor.budget) cursor.fail('more elements than the bytes can justify');
  const items: AmqpValue[] = [];
  const type = typeNames.get(format)!;
  for (let i = 0; i < count; i++) items.push(decodeBody(cursor, format, depth + 1));
  finish(cursor, outer);
  return new AmqpArray(type, items, descriptors);
}

function pairs(items: readonly AmqpValue[]): [AmqpValue, AmqpValue][] {
  const entries: [AmqpValue, AmqpValue][] = [];
  for (let i = 0; i < items.length; i += 2) entries.push([items[i]!, items[i + 1]!]);
  return entries;
}

const typeNames: ReadonlyMap<number, AmqpType> = new Map<number, AmqpType>([
  [code.null, 'null'],
  [code.true, 'boolean'],
  [code.false, 'boolean'],
  [code.boolean, 'boolean'],
  [code.uint0, 'uint'],
  [code.smallUint, 'uint'],
  [code.uint, 'uint'],
  [code.ulong0, 'ulong'],
  [code.smallUlong, 'ulong'],
  [code.ulong, 'ulong'],
  [code.ubyte, 'ubyte'],
  [code.ushort, 'ushort'],
  [code.byte, 'byte'],
  [code.short, 'short'],
  [code.smallInt, 'int'],
  [code.int, 'int'],
  [code.smallLong, 'long'],
  [code.long, 'long'],
  [code.float, 'float'],
  [code.double, 'double'],
  [code.decimal32, 'decimal32'],
  [code.decimal64, 'decimal64'],
  [code.decimal128, 'decimal128'],
  [code.char, 'char'],
  [code.timestamp, 'timestamp'],
  [code.uuid, 'uuid'],
  [code.binary8, 'binary'],
  [code.binary32, 'binary'],
  [code.string8, 'string'],
  [code.string32, 'string'],
  [code.symbol8, 'symbol'],
  [code.symbol32, 'symbol'],
  [code.list0, 'list'],
  [code.list8, 'list'],
  [code.list32, 'list'],
  [code.map8, 'map'],
  [code.map32, 'map'],
  [code.array8, 'array'],
  [code.array32, 'array'],
]);
