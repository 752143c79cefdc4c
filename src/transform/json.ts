import { isUtf8 } from 'node:buffer';
import { parse } from 'lossless-json';
import {
  Decimal,
  Instant,
  invalid,
  maxDepth,
  numberFromText,
  textEntries,
  toBase64,
  tooDeep,
  type Value,
} from './values.ts';

/** Digits that a double may not hold: 16 or more, with a point in between or not, or an exponent of 3 digits. */
const mayBeInexact = /\d[\d.]{15}|[eE][+-]?\d{3}/;

/**
 * Reads JSON; numbers that no double holds become bigints and Decimals. Of a name that is written twice in one object
 * the last one counts, as everywhere in JavaScript.
 * @param exact whether numbers that no double holds are kept; otherwise they become the nearest double
 */
export function decodeJson(bytes: Uint8Array, exact = true): Value {
  const text = textOf(bytes);
  try {
    if (!exact || !mayBeInexact.test(text)) return JSON.parse(text) as Value;
    return parse(text, undefined, {
      parseNumber: numberFromText,
      onDuplicateKey: ({ newValue }) => newValue,
    });
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid(`the body is not JSON: ${error.message}`, error);
  }
}

/** The text of UTF-8, without a byte order mark. @throws JunctionError invalid-message where it is none */
export function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw invalid('the body is not UTF-8');
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

/** Writes JSON: bytes in base64, bigints and Decimals with all their digits, moments as RFC 3339. */
export const encodeJson = (value: Value): Uint8Array => Buffer.from(write(value, 0));

/** Whole doubles beyond 2^53 with all their digits: the shortest ones are those of another number. */
function doubleText(value: number): string {
  if (Number.isSafeInteger(value)) return Object.is(value, -0) ? '-0' : String(value);
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? String(BigInt(value)) : String(value);
}

function write(value: Value, depth: number): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'number':
      if (Number.isFinite(value)) return doubleText(value);
      throw invalid(`the body holds ${value}, which JSON cannot`);
    case 'boolean':
    case 'bigint':
      return String(value);
    case 'object':
      break;
    default:
      return 'null';
  }
  if (value === null) return 'null';
  if (depth >= maxDepth) throw tooDeep();
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`;
  if (value instanceof Uint8Array) return `"${toBase64(value)}"`;
  if (value instanceof Decimal) return value.text;
  if (value instanceof Instant) return `"${value.toString()}"`;
  const entries = value instanceof Map ? textEntries(value) : Object.entries(value);
  let text = '';
  for (const [name, item] of entries)
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${write(item, depth + 1)}`;
  return `{${text}}`;
}
