import { isUtf8 } from 'node:buffer';
import { Uuid, type Header, type HeaderType, type HeaderValue } from './envelope.ts';

/** The type of a header: the declared one, or what its JavaScript value tells. */
export function typeOf(value: HeaderValue, declared?: HeaderType): HeaderType {
  if (declared !== undefined) return declared;
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'double';
    case 'bigint':
      return 'long';
    case 'boolean':
      return 'boolean';
    default:
      return value === null ? 'null' : value instanceof Uuid ? 'uuid' : 'binary';
  }
}

/** What `junction-types` may say of a header: its type, or that it is base64 of a text of this type. */
export type TextType = HeaderType | 'base64' | 'char-base64' | 'symbol-base64';

/** A header's value as text; binary and decimals in base64, a timestamp in ms since the epoch. */
export function valueToText(value: HeaderValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (Object.is(value, -0)) return '-0';
  return String(value);
}

/** What valueToText wrote, with its type again; a text that does not fit the type stays a string. */
export function valueFromText(name: string, text: string, type: TextType): Header {
  switch (type) {
    case 'base64':
    case 'char-base64':
    case 'symbol-base64': {
      const bytes = bytesFromText(text);
      if (!bytes || !isUtf8(bytes)) return [name, text];
      const plain = Buffer.from(bytes).toString();
      return type === 'base64' ? [name, plain] : valueFromText(name, plain, plainTypes[type]);
    }
    case 'string':
      return [name, text];
    case 'null':
      return [name, null];
    case 'boolean':
      return text === 'true' ? [name, true] : text === 'false' ? [name, false] : [name, text];
    case 'ulong':
    case 'long': {
      const number = wholeFromText(text, type);
      if (number === undefined) return [name, text];
      return type === 'long' ? [name, number] : [name, number, type];
    }
    case 'timestamp': {
      const number = wholeFromText(text, type);
      if (number === undefined) return [name, text];
      return [name, Number.isSafeInteger(Number(number)) ? Number(number) : number, type];
    }
    case 'ubyte':
    case 'ushort':
    case 'uint':
    case 'byte':
    case 'short':
    case 'int': {
      const number = wholeFromText(text, type);
      return number === undefined ? [name, text] : [name, Number(number), type];
    }
    case 'float':
    case 'double': {
      const number = Number(text);
      if (text.trim() === '' || (Number.isNaN(number) && text !== 'NaN')) return [name, text];
      return type === 'double' ? [name, number] : [name, number, type];
    }
    case 'uuid':
      return [name, uuidForm.test(text) ? new Uuid(text) : text];
    case 'binary': {
      const bytes = bytesFromText(text);
      return [name, bytes ?? text];
    }
    case 'decimal32':
    case 'decimal64':
    case 'decimal128': {
      const bytes = bytesFromText(text);
      return bytes?.length === decimalBytes[type] ? [name, bytes, type] : [name, text];
    }
    case 'char':
      return isOneCodePoint(text) ? [name, text, type] : [name, text];
    case 'symbol':
      return [name, text, type];
  }
}

const plainTypes = { 'char-base64': 'char', 'symbol-base64': 'symbol' } as const;

/** Least and most of the whole numbers (AMQP 1.0 §1.6). */
const wholeRanges = {
  ubyte: [0n, 0xffn],
  ushort: [0n, 0xffffn],
  uint: [0n, 0xffff_ffffn],
  ulong: [0n, 0xffff_ffff_ffff_ffffn],
  byte: [-0x80n, 0x7fn],
  short: [-0x8000n, 0x7fffn],
  int: [-0x8000_0000n, 0x7fff_ffffn],
  long: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
  timestamp: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
} as const satisfies Partial<Record<HeaderType, readonly [bigint, bigint]>>;

/** Whether values of this type are whole numbers. */
export const isWholeType = (type: HeaderType | undefined): boolean => wholeTypes.has(type);
const wholeTypes: ReadonlySet<string | undefined> = new Set(Object.keys(wholeRanges));

const decimalBytes = { decimal32: 4, decimal64: 8, decimal128: 16 } as const;
/** A UUID as text, in capitals or not. */
export const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A whole number of this type from text; undefined where it is none. */
export function wholeFromText(text: string, type: keyof typeof wholeRanges): bigint | undefined {
  // No number of 64 bits is longer; a text from outside may be, and BigInt takes its time for it.
  if (text.length > 20 || !/^-?\d+$/.test(text)) return undefined;
  const number = BigInt(text);
  const [least, most] = wholeRanges[type];
  return number >= least && number <= most ? number : undefined;
}

function bytesFromText(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64: only what comes back as it was is taken.
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

function isOneCodePoint(text: string): boolean {
  const point = text.codePointAt(0);
  return point !== undefined && String.fromCodePoint(point) === text;
}
