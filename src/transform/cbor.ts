import { decode, encode, Tagged, Token, Tokenizer, Type, type TagDecoder, type DecodeOptions } from 'cborg';
import { checkText, Decimal, Instant, invalid, mapLeaves, wholeFromBytes, type Value } from './values.ts';

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
 * Writes CBOR of definite lengths, in the order of the entries; whole numbers beyond 64 bits as bignums, Decimals by
 * tag 4, moments by tag 0.
 */
export const encodeCbor = (value: Value): Uint8Array =>
  // without a sorter: otherwise the library sorts the names
  encode(mapLeaves(value, prepare), { mapSorter: undefined as never });

const most64 = 2n ** 64n - 1n;

function prepare(value: Value): Value {
  if (typeof value === 'string') return checkText(value);
  if (typeof value === 'bigint') return (value < 0n ? ~value : value) > most64 ? bignum(value) : value;
  if (value instanceof Instant) return new Tagged(0, value.toString());
  if (!(value instanceof Decimal)) return typeof value === 'function' ? undefined : value;
  const { mantissa, exponent } = value.parts;
  return new Tagged(4, [exponent, mantissa].map(prepare));
}

/** RFC 8949 §3.4.3 */
function bignum(value: bigint): Tagged {
  const hex = (value < 0n ? ~value : value).toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length & 1), '0'), 'hex');
  return new Tagged(value < 0n ? 3 : 2, bytes);
}
