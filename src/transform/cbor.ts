import { decode, Token, Tokenizer, Type, type TagDecoder, type DecodeOptions } from 'cborg';
import { Builder } from './builder.ts';
import {
  checkText,
  Decimal,
  Instant,
  invalid,
  maxDepth,
  tooDeep,
  wholeFromBytes,
  type Value,
} from './values.ts';

/**
 * Reads CBOR (RFC 8949). Bignums (tags 2, 3) and decimal fractions (tag 4) become numbers; of all other tags the content
 * counts (RFC 8949 §6.1).
 */
export function decodeCbor(bytes: Uint8Array): Value {
  try {
    return read(bytes, false);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('non-string keys')) throw failure(error);
  }
  try {
    return read(bytes, true);
  } catch (error) {
    throw failure(error);
  }
}

const read = (bytes: Uint8Array, useMaps: boolean): Value => {
  const options: DecodeOptions = {
    useMaps,
    rejectDuplicateMapKeys: true,
    coerceUndefinedToNull: true,
    allowUndefined: true,
    allowIndefinite: true,
    allowBigInt: true,
    tags,
  };
  return decode(bytes, { ...options, tokenizer: new Tokens(bytes, options) });
};

const failure = (error: unknown): unknown =>
  error instanceof Error && error.message.startsWith('CBOR decode error')
    ? invalid(`the body is not CBOR: ${error.message.slice('CBOR decode error: '.length)}`, error)
    : error;

/** Adds what the library leaves out: texts and bytes in chunks (RFC 8949 §3.2.3). */
class Tokens extends Tokenizer {
  constructor(data: Uint8Array, options: DecodeOptions) {
    // a view of the same bytes: the library slices a Buffer slowly
    super(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), options);
  }

  override next(): Token {
    const head = this.data[this._pos];
    return head === 0x5f || head === 0x7f ? this.#chunks(head >> 5) : super.next();
  }

  #chunks(major: number): Token {
    this._pos++;
    const chunks: Uint8Array[] = [];
    for (;;) {
      const head = this.data[this._pos];
      if (head === undefined) throw invalid('the body is not CBOR: it ends within chunks');
      if (head === 0xff) break;
      if (head >> 5 !== major || (head & 31) === 31)
        throw invalid('the body is not CBOR: chunks of text or bytes hold something else');
      const { value } = super.next() as { value: Uint8Array | string };
      chunks.push(typeof value === 'string' ? Buffer.from(value) : value);
    }
    this._pos++;
    const all = Buffer.concat(chunks);
    return major === 3 ? new Token(Type.string, all.toString()) : new Token(Type.bytes, new Uint8Array(all));
  }
}

const known = new Map<string, TagDecoder>([
  ['2', (content) => wholeFromBytes(bytesOf(content(), 2))],
  ['3', (content) => -1n - wholeFromBytes(bytesOf(content(), 3))],
  ['4', (content) => decimalOf(content())],
  [
    '5',
    () => {
      throw invalid('the body holds a CBOR bigfloat (tag 5), which no other format has');
    },
  ],
]);
const content: TagDecoder = (of) => of();

/** Every tag has a reader. */
const tags = new Proxy({} as Record<number, TagDecoder>, {
  get: (_, tag) => known.get(String(tag)) ?? content,
});

function bytesOf(value: unknown, tag: number): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw invalid(`the body is not valid CBOR: tag ${tag} is not of bytes`);
}

function decimalOf(value: unknown): Decimal {
  if (Array.isArray(value) && value.length === 2) {
    const [exponent, mantissa] = value as unknown[];
    if (isWhole(exponent) && isWhole(mantissa)) return Decimal.of(BigInt(mantissa), BigInt(exponent));
  }
  throw invalid('the body is not valid CBOR: tag 4 is not of an exponent and a mantissa');
}

const isWhole = (value: unknown): value is number | bigint =>
  typeof value === 'bigint' || Number.isInteger(value);

/**
 * Writes CBOR of definite lengths, in the order of the entries, each number in its shortest form but doubles in 64 bits; whole
 * numbers beyond 64 bits as bignums, Decimals by tag 4, moments by tag 0. (The library
 * has no such numbers: it would need a copy of the value first.)
 */
export function encodeCbor(value: Value): Uint8Array {
  const builder = new Builder();
  write(builder, value, 0);
  return builder.finish();
}

function write(to: Builder, value: Value, depth: number): void {
  switch (typeof value) {
    case 'string': {
      const length = Buffer.byteLength(checkText(value));
      writeHead(to, 0x60, length);
      return to.text(value, length);
    }
    case 'number':
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) return writeWhole(to, value);
      to.byte(0xfb);
      return to.double(value);
    case 'bigint':
      return (value < 0n ? ~value : value) > most64 ? writeBignum(to, value) : writeWhole(to, value);
    case 'boolean':
      return to.byte(value ? 0xf5 : 0xf4);
    case 'object':
      return value === null ? to.byte(0xf6) : writeObject(to, value, depth);
    default:
      return to.byte(0xf6);
  }
}

function writeObject(to: Builder, value: object, depth: number): void {
  if (depth >= maxDepth) throw tooDeep();
  if (value instanceof Uint8Array) {
    writeHead(to, 0x40, value.length);
    return to.bytes(value);
  }
  if (Array.isArray(value)) {
    writeHead(to, 0x80, value.length);
    for (const item of value as Value[]) write(to, item, depth + 1);
    return;
  }
  if (value instanceof Decimal) {
    const { mantissa, exponent } = value.parts;
    to.byte(0xc4);
    return write(to, [exponent, mantissa], depth + 1);
  }
  if (value instanceof Instant) {
    to.byte(0xc0);
    return write(to, value.toString(), depth + 1);
  }
  const entries = value instanceof Map ? [...(value as Map<Value, Value>)] : Object.entries(value);
  writeHead(to, 0xa0, entries.length);
  for (const [key, item] of entries) {
    write(to, key, depth + 1);
    write(to, item, depth + 1);
  }
}

const writeWhole = (to: Builder, value: number | bigint): void =>
  value < 0 ? writeHead(to, 0x20, typeof value === 'bigint' ? ~value : -1 - value) : writeHead(to, 0, value);

/** The kind of what follows and its length, or the number itself (RFC 8949 §3). */
function writeHead(to: Builder, kind: number, value: number | bigint): void {
  if (value < 24) to.byte(kind | Number(value));
  else if (value < 0x100) to.headed(kind | 24, Number(value), 1);
  else if (value < 0x10000) to.headed(kind | 25, Number(value), 2);
  else if (value <= 0xffff_ffff) to.headed(kind | 26, Number(value), 4);
  else {
    to.byte(kind | 27);
    to.uint64(BigInt(value));
  }
}

const most64 = 2n ** 64n - 1n;

/** RFC 8949 §3.4.3 */
function writeBignum(to: Builder, value: bigint): void {
  const hex = (value < 0n ? ~value : value).toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length & 1), '0'), 'hex');
  to.byte(value < 0n ? 0xc3 : 0xc2);
  writeHead(to, 0x40, bytes.length);
  to.bytes(bytes);
}
