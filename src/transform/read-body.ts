import type { PlainFormat } from './formats.ts';
import { plainFormat } from './plain.ts';
import { Decimal, Instant, invalid, mapLeaves, type Value } from './values.ts';

/**
 * Reads bodies of a format for those who know the values of JSON, bigints, bytes and dates: decimals become the closest
 * doubles, moments dates to the millisecond, keys of maps texts.
 */
export async function bodyReader(format: PlainFormat): Promise<(body: Uint8Array) => Value> {
  const read = await plainFormat(format);
  return (body) => mapLeaves(read.decode(body), simple, { textKeys: true });
}

function simple(value: Value): Value {
  if (value instanceof Decimal) return Number(value.text);
  if (!(value instanceof Instant)) return value;
  const date = new Date(Number(value.seconds) * 1000 + Math.floor(value.nanos / 1e6));
  if (Number.isNaN(date.getTime())) throw invalid('the body holds a moment that no calendar has');
  return date;
}
