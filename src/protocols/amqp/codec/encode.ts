import { Uuid } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import { typeOf } from '../../../core/header-values.ts';
import { code } from './codes.ts';
import { AmqpArray, AmqpMap, Described, Typed, type AmqpType, type AmqpValue } from './types.ts';
import * as write from './write-values.ts';
import type { Writer } from './writer.ts';

/**
 * Writes one value in the shortest encoding of its type.
 * @throws JunctionError `invalid-message` for a value that its type cannot hold
 */
export function encodeValue(writer: Writer, value: AmqpValue): void {
  if (value instanceof Typed) return encodeScalar(writer, value.value, value.type);
  if (Array.isArray(value)) return encodeList(writer, value as readonly AmqpValue[]);
  if (value instanceof AmqpMap) return encodeMap(writer, value);
  if (value instanceof AmqpArray) return encodeArray(writer, value);
  if (value instanceof Described) {
    writer.u8(code.described);
    encodeValue(writer, value.descriptor);
    return encodeValue(writer, value.value);
  }
  const scalar = value as Exclude<typeof value, readonly AmqpValue[]>;
  encodeScalar(writer, scalar, typeOf(scalar));
}

type Scalar = null | boolean | string | number | bigint | Uint8Array | Uuid;

const wrong = (value: unknown, type: string): never => {
  const text = value instanceof Uint8Array ? `${value.length} bytes` : String(value);
  throw new JunctionError('invalid-message', `an AMQP ${type} cannot hold ${text.slice(0, 100)}`);
};

/** Writes a value of a simple type: what headers hold. */
export function encodeScalar(
  writer: Writer,
  value: Scalar,
  type: Exclude<AmqpType, 'list' | 'map' | 'array'>,
): void {
  switch (type) {
    case 'null':
      return value === null ? writer.u8(code.null) : wrong(value, type);
    case 'boolean':
      return typeof value === 'boolean' ? write.boolean(writer, value) : wrong(value, type);
    case 'uint':
      return write.uint(writer, integer(value, type, 0, 0xffff_ffff));
    case 'int': {
      const number = integer(value, type, -0x8000_0000, 0x7fff_ffff);
      if (number < -128 || number > 127) return plain(writer, value, type, code.int);
      writer.u8(code.smallInt);
      return writer.u8(number);
    }
    case 'ulong':
      return write.ulong(writer, long(value, type, 0n, 0xffff_ffff_ffff_ffffn));
    case 'long': {
      const number = long(value, type, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn);
      if (number < -128n || number > 127n) return plain(writer, value, type, code.long);
      writer.u8(code.smallLong);
      return writer.u8(Number(number));
    }
    case 'binary':
      return value instanceof Uint8Array ? write.binary(writer, value) : wrong(value, type);
    case 'string':
      return typeof value === 'string' ? write.string(writer, value) : wrong(value, type);
    case 'symbol':
      return write.symbol(writer, symbolText(value));
    default:
      return plain(writer, value, type, widest(type));
  }
}

/** Format code and body. */
function plain(writer: Writer, value: Scalar, type: AmqpType, format: number): void {
  writer.u8(format);
  encodeBody(writer, value, type, format);
}

/** The body alone, in the given format: what an element of an array is. */
function encodeBody(writer: Writer, value: AmqpValue, type: AmqpType, format: number): void {
  switch (type) {
    case 'null':
      return value === null ? undefined : wrong(value, type);
    case 'boolean':
      return typeof value === 'boolean' ? writer.u8(value ? 1 : 0) : wrong(value, type);
    case 'ubyte':
      return writer.u8(integer(value, type, 0, 0xff));
    case 'byte':
      return writer.u8(integer(value, type, -0x80, 0x7f));
    case 'ushort':
      return writer.u16(integer(value, type, 0, 0xffff));
    case 'short':
      return writer.u16(integer(value, type, -0x8000, 0x7fff));
    case 'uint':
      return writer.u32(integer(value, type, 0, 0xffff_ffff));
    case 'int':
      return writer.u32(integer(value, type, -0x8000_0000, 0x7fff_ffff));
    case 'ulong':
      return writer.u64(long(value, type, 0n, 0xffff_ffff_ffff_ffffn));
    case 'long':
      return writer.i64(long(value, type, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn));
    case 'timestamp':
      return writer.i64(long(value, type, -0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn));
    case 'float':
      return typeof value === 'number' ? writer.f32(value) : wrong(value, type);
    case 'double':
      return typeof value === 'number' ? writer.f64(value) : wrong(value, type);
    case 'decimal32':
      return writer.bytes(exactly(value, type, 4));
    case 'decimal64':
      return writer.bytes(exactly(value, type, 8));
    case 'decimal128':
      return writer.bytes(exactly(value, type, 16));
    case 'char': {
      const point = typeof value === 'string' ? value.codePointAt(0) : undefined;
      if (point === undefined || String.fromCodePoint(point) !== value) return wrong(value, type);
      return writer.u32(point);
    }
    case 'uuid':
      return value instanceof Uuid ? write.uuidBody(writer, value) : wrong(value, type);
    case 'binary':
      if (!(value instanceof Uint8Array)) return wrong(value, type);
      length(writer, value.length, format === code.binary32);
      return writer.bytes(value);
    case 'string': {
      if (typeof value !== 'string') return wrong(value, type);
      length(writer, Buffer.byteLength(value), format === code.string32);
      writer.text(value, 'utf8');
      return;
    }
    case 'symbol': {
      const text = symbolText(value);
      length(writer, text.length, format === code.symbol32);
      writer.text(text, 'latin1');
      return;
    }
    case 'list':
      return Array.isArray(value) ? compound(writer, value as AmqpValue[]) : wrong(value, type);
    case 'map':
      return value instanceof AmqpMap ? compound(writer, value.entries.flat()) : wrong(value, type);
    case 'array':
      return value instanceof AmqpArray ? arrayBody(writer, value) : wrong(value, type);
  }
}

const length = (writer: Writer, bytes: number, wide: boolean): void =>
  wide ? writer.u32(bytes) : writer.u8(bytes);

function integer(value: unknown, type: string, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    wrong(value, type);
  return value as number;
}

function long(value: unknown, type: string, least: bigint, most: bigint): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) value = BigInt(value);
  if (typeof value !== 'bigint' || value < least || value > most) wrong(value, type);
  return value as bigint;
}

function exactly(value: unknown, type: string, bytes: number): Uint8Array {
  if (!(value instanceof Uint8Array) || value.length !== bytes) wrong(value, type);
  return value as Uint8Array;
}

function symbolText(value: unknown): string {
  if (typeof value !== 'string') return wrong(value, 'symbol');
  if (/[^\u0000-\u007f]/.test(value)) wrong(value, 'symbol, which is ASCII (§1.6.21),');
  return value;
}

export function encodeList(writer: Writer, items: readonly AmqpValue[]): void {
  if (items.length === 0) return writer.u8(code.list0);
  const at = write.beginCompound(writer, code.list32);
  for (const item of items) encodeValue(writer, item);
  write.endCompound(writer, at, items.length, code.list8);
}

export function encodeMap(writer: Writer, map: AmqpMap): void {
  const at = write.beginCompound(writer, code.map32);
  for (const [key, value] of map.entries) {
    encodeValue(writer, key);
    encodeValue(writer, value);
  }
  write.endCompound(writer, at, map.entries.length * 2, code.map8);
}

export function encodeArray(writer: Writer, array: AmqpArray): void {
  writer.u8(code.array32);
  arrayBody(writer, array);
}

function compound(writer: Writer, items: readonly AmqpValue[]): void {
  const at = writer.length;
  writer.u32(0);
  writer.u32(items.length);
  for (const item of items) encodeValue(writer, item);
  writer.setU32(writer.start + at, writer.length - at - 4);
}

function arrayBody(writer: Writer, array: AmqpArray): void {
  const at = writer.length;
  writer.u32(0);
  writer.u32(array.items.length);
  for (const descriptor of array.descriptors) {
    writer.u8(code.described);
    encodeValue(writer, descriptor);
  }
  const format = elementFormat(array);
  writer.u8(format);
  for (const item of array.items)
    encodeBody(writer, item instanceof Typed ? typedItem(item, array) : item, array.type, format);
  writer.setU32(writer.start + at, writer.length - at - 4);
}

function typedItem(item: Typed, array: AmqpArray): AmqpValue {
  return item.type === array.type ? item.value : wrong(item.value, array.type);
}

/** All elements share one format: the short one where every element fits into it. */
function elementFormat(array: AmqpArray): number {
  const wide = widest(array.type);
  const short = shortForms.get(array.type);
  if (short === undefined) return wide;
  const fits = array.items.every((item) => {
    const value = item instanceof Typed ? item.value : item;
    return (typeof value === 'string' ? Buffer.byteLength(value) : (value as Uint8Array).length) <= 255;
  });
  return fits ? short : wide;
}

const shortForms: ReadonlyMap<AmqpType, number> = new Map<AmqpType, number>([
  ['binary', code.binary8],
  ['string', code.string8],
  ['symbol', code.symbol8],
]);

const wideForms: ReadonlyMap<AmqpType, number> = new Map<AmqpType, number>([
  ['null', code.null],
  ['boolean', code.boolean],
  ['ubyte', code.ubyte],
  ['byte', code.byte],
  ['ushort', code.ushort],
  ['short', code.short],
  ['uint', code.uint],
  ['int', code.int],
  ['ulong', code.ulong],
  ['long', code.long],
  ['float', code.float],
  ['double', code.double],
  ['decimal32', code.decimal32],
  ['decimal64', code.decimal64],
  ['decimal128', code.decimal128],
  ['char', code.char],
  ['timestamp', code.timestamp],
  ['uuid', code.uuid],
  ['binary', code.binary32],
  ['string', code.string32],
  ['symbol', code.symbol32],
  ['list', code.list32],
  ['map', code.map32],
  ['array', code.array32],
]);

const widest = (type: AmqpType): number => wideForms.get(type)!;
