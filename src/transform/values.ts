import { JunctionError } from '../core/errors.ts';

/**
 * What a body holds, whatever its format: null, booleans, numbers, bigints, texts, Uint8Array, Decimal, Instant, arrays,
 * objects, and a Map where a key is no text. Formats make it of bytes and bytes of it; none of them changes it.
 */
export type Value = unknown;

/** Structures that go deeper are refused, so that no message exhausts the stack. */
export const maxDepth = 512;

/** A number of more digits would take a noticeable time to convert. */
const maxDigits = 1000;

export const invalid = (message: string, cause?: unknown): JunctionError =>
  new JunctionError('invalid-message', message, cause === undefined ? undefined : { cause });

export const tooDeep = (): JunctionError => invalid(`the body is nested more than ${maxDepth} levels deep`);

/** A number that is no double: its digits as JSON writes them. */
export class Decimal {
  // private, so that an expression sees an object without keys and passes it on as it is
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** mantissa × 10^exponent */
  static of(mantissa: bigint, exponent: bigint): Decimal {
    const digits = String(mantissa < 0n ? -mantissa : mantissa);
    const sign = mantissa < 0n ? '-' : '';
    const point = BigInt(digits.length) + exponent;
    if (exponent > 0n || point < -20n) return new Decimal(`${sign}${digits}e${exponent}`);
    if (exponent === 0n) return new Decimal(`${sign}${digits}`);
    if (point <= 0n) return new Decimal(`${sign}0.${'0'.repeat(Number(-point))}${digits}`);
    return new Decimal(`${sign}${digits.slice(0, Number(point))}.${digits.slice(Number(point))}`);
  }

  get text(): string {
    return this.#text;
  }

  /** The mantissa and the exponent of 10. @throws JunctionError where either is absurdly large */
  get parts(): { readonly mantissa: bigint; readonly exponent: bigint } {
    const [, sign, whole, fraction = '', exponent = '0'] = decimalForm.exec(this.#text)!;
    if (whole!.length + fraction.length > maxDigits || exponent.length > 20) throw tooLong();
    return {
      mantissa: BigInt(`${sign}${whole}${fraction}`),
      exponent: BigInt(exponent.replace('+', '')) - BigInt(fraction.length),
    };
  }

  toString(): string {
    return this.#text;
  }
}

const decimalForm = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

const tooLong = (): JunctionError => invalid(`the body holds a number of more than ${maxDigits} digits`);

/**
 * A number as JSON writes it: a double where that is exactly the same number, a bigint for whole numbers that are
 * not, else a Decimal.
 * @throws JunctionError invalid-message for a number of more than 1,000 digits
 */
export function numberFromText(text: string): number | bigint | Decimal {
  const number = Number(text);
  if (text.length < 16 && Number.isFinite(number)) return number; // at most 15 digits
  if (text.length > maxDigits) throw tooLong();
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(number) ? number : BigInt(text);
  return sameNumber(text, number) ? number : new Decimal(text);
}

/** Whether a double's shortest form is the number of the text. */
export function sameNumber(text: string, number: number): boolean {
  if (!Number.isFinite(number)) return false;
  return normal(text) === normal(String(number));
}

/** One text for each number: its digits without zeros around them, and the exponent of the last. */
function normal(text: string): string {
  const [, sign, whole, fraction = '', exponent = '0'] = decimalForm.exec(text)!;
  const all = `${whole}${fraction}`.replace(/^0+/, '');
  const digits = all.replace(/0+$/, '');
  if (digits === '') return `${sign}0`;
  return `${sign}${digits}e${Number(exponent) - fraction.length + (all.length - digits.length)}`;
}

/** A whole number of unlimited size as bytes, most significant first, of CBOR bignums. */
export function wholeFromBytes(bytes: Uint8Array): bigint {
  if (bytes.length > maxDigits * 0.415) throw tooLong(); // a byte is 2.41 digits
  return bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
}

/** A moment, to the nanosecond; RFC 3339 text where a format has none. */
export class Instant {
  readonly #seconds: bigint;
  readonly #nanos: number;

  /** @param seconds since 1970, at or before the moment @param nanos from 0 to 999,999,999 */
  constructor(seconds: bigint, nanos: number) {
    this.#seconds = seconds;
    this.#nanos = nanos;
  }

  get seconds(): bigint {
    return this.#seconds;
  }

  get nanos(): number {
    return this.#nanos;
  }

  /** RFC 3339, with as many digits of a second as are needed, of 3, 6 or 9. @throws JunctionError outside of the years 0 to 9999 */
  toString(): string {
    if (this.#seconds < -62167219200n || this.#seconds > 253402300799n)
      throw invalid('the body holds a moment that is not within the years 0 to 9999');
    const text = new Date(Number(this.#seconds) * 1000).toISOString().slice(0, 19);
    return `${text}${fractionOf(this.#nanos)}Z`;
  }
}

/** `.123` of nanoseconds; nothing for 0. */
export function fractionOf(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/^(\d{3})(?:0{6}|(\d{3})0{3})$/, '$1$2')}`;
}

const isoForm = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d{2}:\d{2})?$/;

/** Reads RFC 3339; without zone it is UTC. Undefined where the text is none. */
export function instantFromText(text: string): Instant | undefined {
  const found = isoForm.exec(text);
  if (!found) return undefined;
  const ms = Date.parse(`${found[1]}T${found[2]}${found[4]?.toUpperCase() ?? 'Z'}`);
  if (Number.isNaN(ms)) return undefined;
  return new Instant(BigInt(ms / 1000), Number((found[3] ?? '').padEnd(9, '0')));
}

/** Whether it is an object of names and values. */
export function isRecord(value: Value): value is Readonly<Record<string, Value>> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

export interface MapOptions {
  /** Whether Maps become objects; otherwise their keys stay as they are. */
  readonly textKeys?: boolean;
  /** Which objects are not looked into but given to `leaf`, beside those of a class. */
  isLeaf?(value: object): boolean;
}

/**
 * A copy in which every value that holds no others is what `leaf` makes of it; what is undefined in an object is left out,
 * in a list it is null.
 * @throws JunctionError where it is nested too deeply
 */
export function mapLeaves(
  value: Value,
  leaf: (value: Value) => Value,
  options: MapOptions = {},
  depth = 0,
): Value {
  if (typeof value !== 'object' || value === null) return leaf(value);
  if (depth > maxDepth) throw tooDeep();
  const inner = (item: Value): Value => mapLeaves(item, leaf, options, depth + 1);
  // not `map`: lists of expressions bring methods of their own
  if (Array.isArray(value)) return Array.from(value, (item) => inner(item) ?? null);
  if (value instanceof Map) {
    if (options.textKeys) return recordOf(textEntries(value), inner);
    return new Map([...(value as Map<Value, Value>)].map(([key, item]) => [key, inner(item) ?? null]));
  }
  if (!isRecord(value) || options.isLeaf?.(value)) return leaf(value);
  return recordOf(Object.entries(value), inner);
}

function recordOf(entries: Iterable<readonly [string, Value]>, inner: (item: Value) => Value): Value {
  const record = emptyRecord();
  for (const [name, value] of entries) {
    const item = inner(value);
    if (item !== undefined) record[name] = item;
  }
  return record;
}

/** Refuses half a surrogate pair, which JavaScript and JSON can hold and UTF-8 cannot. */
export function checkText(text: string): string {
  if (loneSurrogate.test(text))
    throw invalid('the body holds half a surrogate pair, which is no text in UTF-8');
  return text;
}

const loneSurrogate = /\p{Surrogate}/u;

/** An object without prototype, so that no name from outside has a meaning. */
export const emptyRecord = (): Record<string, Value> => Object.create(null) as Record<string, Value>;

/** The entries of a Map whose keys become texts, as JSON has them. @throws JunctionError where they cannot, or clash */
export function textEntries(map: ReadonlyMap<Value, Value>): Map<string, Value> {
  const entries = new Map<string, Value>();
  for (const [key, value] of map) {
    const name = keyText(key);
    if (name === undefined)
      throw invalid('the body holds a map with a key that is neither text nor a number');
    if (entries.has(name)) throw invalid(`the body holds a map whose keys are both "${name}" as text`);
    entries.set(name, value);
  }
  return entries;
}

function keyText(key: Value): string | undefined {
  if (typeof key === 'string') return key;
  if (typeof key === 'number' || typeof key === 'bigint' || typeof key === 'boolean') return String(key);
  return undefined;
}

/** Bytes as standard base64. */
export const toBase64 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');

const base64Form = /^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}(?:==)?|[A-Za-z0-9+/_-]{3}=?)?$/;

/** Reads base64 of either alphabet, padded or not; undefined where the text is none. */
export const fromBase64 = (text: string): Uint8Array | undefined =>
  base64Form.test(text) ? Buffer.from(text, 'base64') : undefined;
