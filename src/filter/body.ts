import { isUtf8 } from 'node:buffer';
import { parse } from 'lossless-json';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';

/** A body as conditions see it: objects are Maps, so that no name in it means anything to JavaScript. */
export type BodyValue =
  null | string | number | bigint | boolean | Uint8Array | Date | BodyValue[] | Map<string, BodyValue>;

/**
 * Reads bodies of one content type; what it returns may hold plain objects, and dates for moments.
 * @throws if the body is none
 */
export type BodyDecoder = (body: Uint8Array) => unknown;

/** The decoder of a content type, which is in lower case and without parameters; undefined where there is none. */
export type BodyDecoders = (contentType: string) => BodyDecoder | undefined;

/** How a body is read. */
export interface BodyReading {
  /** For bodies that are neither JSON nor text. */
  readonly decoders?: BodyDecoders | undefined;
  /** Its content type, whatever the message says of that. */
  readonly contentType?: string | undefined;
}

/** The largest body that is decoded, in bytes. */
const largest = 1 << 20;
/** How deep lists and objects may be nested. */
const deepest = 128;

const isJson = (type: string): boolean => /^(?:application|text)\/(?:json|[^;\s]+\+json)$/.test(type);

/**
 * The body as a value. By its content type: JSON, a text, or what `decoders` know. Without one, or with one that is not
 * known: JSON where it parses as such, else a text where it is UTF-8, else bytes. A tombstone is null.
 * @throws JunctionError invalid-message where it is not what its content type says, compressed, too large or too deep
 */
export function decodeBody(message: Envelope, reading: BodyReading = {}): BodyValue {
  const { body, bodyType, contentEncoding } = message;
  if (body === null) return null;
  if (bodyType === 'value' || bodyType === 'sequence')
    throw invalid(`it is an AMQP ${bodyType}, which conditions cannot read`);
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity')
    throw invalid(`its content encoding is ${contentEncoding}`);
  if (body.length > largest) throw invalid(`it has ${body.length} bytes, more than ${largest}`);
  const declared = reading.contentType ?? message.contentType;
  const type = declared?.split(';', 1)[0]!.trim().toLowerCase() ?? '';
  const decoder = reading.decoders?.(type);
  if (decoder) return decoded(() => decoder(body));
  const text = isUtf8(body) ? utf8.decode(body) : undefined;
  if (isJson(type)) {
    if (text === undefined) throw invalid('it is not UTF-8');
    return decoded(() => readJson(text));
  }
  if (text === undefined && reading.contentType !== undefined) throw invalid('it is not UTF-8');
  if (text === undefined) return bytes(body);
  if (type.startsWith('text/')) return text;
  let value: unknown;
  try {
    value = readJson(text);
  } catch {
    return text;
  }
  return plain(value, 0);
}

/** The same bytes, no Buffer, which CEL does not know. */
export const bytes = ({ buffer, byteOffset, length }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length);

/** Numbers are doubles, as in JavaScript; a whole number that no double holds is a bigint, so that ids stay apart. */
function readJson(text: string): unknown {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return parse(text, null, { parseNumber: numberOf, onDuplicateKey: ({ newValue }) => newValue });
}

function numberOf(text: string): number | bigint {
  const number = Number(text);
  const whole = /^-?\d{16,20}$/.test(text) && !Number.isSafeInteger(number);
  return whole ? BigInt(text) : number;
}

const utf8 = new TextDecoder();

const invalid = (why: string): JunctionError =>
  new JunctionError('invalid-message', `the body cannot be decoded: ${why}`);

function decoded(decode: () => unknown): BodyValue {
  let value: unknown;
  try {
    value = decode();
  } catch (error) {
    throw invalid((error as Error).message);
  }
  return plain(value, 0);
}

function plain(value: unknown, depth: number): BodyValue {
  if (value instanceof Uint8Array) return bytes(value);
  if (value instanceof Date) return value;
  if (typeof value !== 'object' || value === null) return value === undefined ? null : (value as BodyValue);
  if (depth === deepest) throw invalid(`it is nested more than ${deepest} deep`);
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  const entries = value instanceof Map ? value.entries() : Object.entries(value);
  const map = new Map<string, BodyValue>();
  for (const [name, item] of entries) map.set(String(name), plain(item, depth + 1));
  return map;
}
