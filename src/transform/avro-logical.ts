import { uuidForm } from '../core/header-values.ts';
import type { Logical } from './avro-schema.ts';
import {
  Decimal,
  fractionOf,
  Instant,
  instantFromText,
  invalid,
  numberFromText,
  type Value,
} from './values.ts';

/** What a logical type is of its underlying value: a whole number, bytes or text. */
export function fromUnderlying(logical: Logical, value: Value): Value {
  switch (logical.kind) {
    case 'decimal':
      return numberFromText(Decimal.of(signed(value as Uint8Array), BigInt(-logical.scale)).text);
    case 'uuid':
      return typeof value === 'string' ? value : uuidText(value as Uint8Array);
    case 'date':
      return instantOf(BigInt(value as number) * 86_400n, 0n, 0)
        .toString()
        .slice(0, 10);
    case 'time':
      return timeText(BigInt(value as number | bigint), logical.digits);
    case 'timestamp':
      return instantOf(0n, BigInt(value as number | bigint), logical.digits);
    case 'local-timestamp':
      return instantOf(0n, BigInt(value as number | bigint), logical.digits)
        .toString()
        .slice(0, -1);
  }
}

/** The reverse; undefined where the value is none of this type. Whole numbers are taken as they are where they count time. */
export function toUnderlying(logical: Logical, value: Value, fixed: number | undefined): Value {
  switch (logical.kind) {
    case 'decimal':
      return decimalBytes(logical, value, fixed);
    case 'uuid': {
      if (typeof value !== 'string' || !uuidForm.test(value)) return undefined;
      return fixed === undefined ? value : Buffer.from(value.replaceAll('-', ''), 'hex');
    }
    case 'date': {
      if (isWhole(value)) return value;
      const text = typeof value === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
      const ms = text === undefined ? NaN : Date.parse(`${text}T00:00:00Z`);
      return Number.isNaN(ms) ? undefined : ms / 86_400_000;
    }
    case 'time': {
      if (isWhole(value) || typeof value !== 'string') return isWhole(value) ? value : undefined;
      const instant = timeForm.test(value) ? instantFromText(`1970-01-01T${value}`) : undefined;
      return instant && unitsOf(instant, logical.digits);
    }
    default: {
      if (isWhole(value)) return value;
      const instant = typeof value === 'string' ? instantFromText(value) : value;
      return instant instanceof Instant ? unitsOf(instant, logical.digits) : undefined;
    }
  }
}

const timeForm = /^\d{2}:\d{2}:\d{2}(\.\d+)?$/;

const isWhole = (value: Value): value is number | bigint =>
  typeof value === 'bigint' || Number.isInteger(value);

function uuidText(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** @param units of 10^-digits seconds */
function instantOf(seconds: bigint, units: bigint, digits: number): Instant {
  const perSecond = 10n ** BigInt(digits);
  const rest = ((units % perSecond) + perSecond) % perSecond;
  return new Instant(seconds + (units - rest) / perSecond, Number(rest * 10n ** BigInt(9 - digits)));
}

/** @throws JunctionError where the moment is more exact than the type, rather than cut it */
function unitsOf({ seconds, nanos }: Instant, digits: number): bigint {
  const perUnit = 10 ** (9 - digits);
  if (nanos % perUnit !== 0)
    throw invalid(
      `the body holds a time of more than ${digits} digits of a second, which its Avro type has not`,
    );
  return seconds * 10n ** BigInt(digits) + BigInt(nanos / perUnit);
}

function timeText(units: bigint, digits: number): string {
  const perSecond = 10n ** BigInt(digits);
  if (units < 0n || units >= 86_400n * perSecond)
    throw invalid('the body holds a time of day that is not within a day');
  const instant = instantOf(0n, units, digits);
  return `${instant.toString().slice(11, 19)}${fractionOf(instant.nanos)}`;
}

/** Two's complement, most significant byte first. */
function signed(bytes: Uint8Array): bigint {
  if (bytes.length > 415) throw invalid('the body holds a number of more than 1,000 digits');
  if (bytes.length === 0) return 0n;
  const whole = BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`);
  return BigInt.asIntN(bytes.length * 8, whole);
}

/** @throws JunctionError where the number needs more digits than the type has */
function decimalBytes(
  { precision, scale }: Extract<Logical, { kind: 'decimal' }>,
  value: Value,
  fixed: number | undefined,
): Uint8Array | undefined {
  const text = typeof value === 'string' ? value : value instanceof Decimal ? value.text : String(value);
  if (!isNumber(value) || !/^-?\d+(\.\d+)?([eE][+-]?\d{1,4})?$/.test(text)) return undefined;
  const { mantissa, exponent } = new Decimal(text).parts;
  const shift = exponent + BigInt(scale);
  const [unscaled, rest] =
    shift >= 0n ? [mantissa * 10n ** shift, 0n] : [mantissa / 10n ** -shift, mantissa % 10n ** -shift];
  if (rest !== 0n || String(unscaled).replace('-', '').length > precision)
    throw invalid(`the body holds ${text}, which decimal(${precision}, ${scale}) cannot`);
  let length = fixed ?? 1;
  while (fixed === undefined && BigInt.asIntN(length * 8, unscaled) !== unscaled) length++;
  if (BigInt.asIntN(length * 8, unscaled) !== unscaled)
    throw invalid(`the body holds ${text}, which ${length} bytes cannot`);
  const hex = BigInt.asUintN(length * 8, unscaled).toString(16);
  return Buffer.from(hex.padStart(length * 2, '0'), 'hex');
}

const isNumber = (value: Value): boolean =>
  typeof value === 'number' ||
  typeof value === 'bigint' ||
  typeof value === 'string' ||
  value instanceof Decimal;
