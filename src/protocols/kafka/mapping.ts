import { isUtf8 } from 'node:buffer';
import type { IHeaders } from 'kafkajs';
import { envelope, type Envelope, type Header, type Identifier } from '../../core/envelope.ts';
import { typeOf, valueFromText, type TextType } from '../../core/header-values.ts';
import { identifierFromText, identifierToText } from '../../core/identifier-text.ts';
import {
  bodyTypeHeader,
  hopsHeader,
  isBodyKind,
  nameFromText,
  timestampField,
  typesHeader,
} from '../../core/reserved-headers.ts';
import { DeclaredTypes, toTextHeaders } from '../../core/text-headers.ts';
import { isPlausibleTime, timeFromText } from '../../core/time.ts';
import type { KafkaMessage } from './wire/record-batch.ts';

/** A record as kafkajs reads it. */
export interface KafkaRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** ms since the epoch, as text. */
  readonly timestamp: string;
  readonly headers?: IHeaders | undefined;
}

type Value = Buffer | string;

/**
 * A record. Envelope fields become headers of their own, before those of the message; binary headers stay bytes, all
 * others are text whose types `junction-types` names.
 * @param now ms since the epoch
 */
export function fromEnvelope(envelope: Envelope, now: number = Date.now()): KafkaMessage {
  const headers: [string, Value][] = [];
  const add = (name: string, value: Value): void => void headers.push([name, value]);
  if (envelope.id !== undefined) add('message-id', identifierToText(envelope.id));
  if (envelope.contentType !== undefined) add('content-type', envelope.contentType);
  if (envelope.contentEncoding !== undefined) add('content-encoding', envelope.contentEncoding);
  if (envelope.subject !== undefined) add('subject', envelope.subject);
  if (envelope.correlationId !== undefined) add('correlation-id', identifierToText(envelope.correlationId));
  if (envelope.replyTo !== undefined) add('reply-to', envelope.replyTo);
  if (envelope.priority !== undefined) add('priority', String(envelope.priority));
  if (envelope.expiresAt !== undefined) add('expires-at', String(envelope.expiresAt));
  const { timestamp } = envelope;
  const plausible = timestamp !== undefined && isPlausibleTime(timestamp, now);
  if (timestamp !== undefined && !plausible) add(timestampField, String(timestamp));
  if (envelope.hops > 0) add(hopsHeader, String(envelope.hops));
  if (envelope.bodyType !== 'data') add(bodyTypeHeader, envelope.bodyType);
  if (envelope.headers.length > 0) {
    const fields = new Set(headers.map(([name]) => name));
    addHeaders(envelope.headers, (name) => fields.has(name), add);
  }
  return {
    key: envelope.key === undefined ? null : toKey(envelope.key),
    value: envelope.body === null ? null : toBuffer(envelope.body),
    headers,
    timestamp: plausible ? timestamp : undefined,
  };
}

/** @param isThere whether a field of this name is there: a header of the name of another would be taken for it */
function addHeaders(
  headers: readonly Header[],
  isThere: (name: string) => boolean,
  add: (name: string, value: Value) => void,
): void {
  const taken = (name: string, text: string): boolean =>
    (fieldHeaders.get(name)?.(text) ?? false) && !isThere(name);
  const texts = toTextHeaders(headers, { taken });
  for (let i = 0; i < texts.length; i++) {
    const [name, text] = texts[i]!;
    const header = headers[i]; // none for the trailing junction-types
    if (header && typeOf(header[1], header[2]) === 'binary') add(name, toBuffer(header[1] as Uint8Array));
    else add(name, text);
  }
}

/** The first header of a field's name is the field; what repeats it stays a header. */
export function toEnvelope(topic: string, record: KafkaRecord): Envelope {
  const fields = new Map<string, string>();
  const headers = record.headers === undefined ? [] : readHeaders(record.headers, fields);
  const timestamp = Number(record.timestamp);
  const kind = fields.get(bodyTypeHeader);
  return envelope({
    address: topic,
    body: record.value,
    bodyType: isBodyKind(kind) && kind !== 'null' ? kind : 'data',
    headers,
    id: identifier(fields.get('message-id')),
    contentType: fields.get('content-type'),
    contentEncoding: fields.get('content-encoding'),
    subject: fields.get('subject'),
    correlationId: identifier(fields.get('correlation-id')),
    replyTo: fields.get('reply-to'),
    priority: integer(fields.get('priority')),
    expiresAt: integer(fields.get('expires-at')),
    key: record.key === null ? undefined : fromKey(record.key),
    timestamp: integer(fields.get(timestampField)) ?? (timestamp >= 0 ? timestamp : undefined),
    hops: integer(fields.get(hopsHeader)) ?? 0,
  });
}

const isHops = (text: string): boolean => /^\d{1,6}$/.test(text);

/** The headers that are fields of the envelope, and what a value must look like to be one. */
const fieldHeaders = new Map<string, (text: string) => boolean>([
  ['message-id', () => true],
  ['content-type', () => true],
  ['content-encoding', () => true],
  ['subject', () => true],
  ['correlation-id', () => true],
  ['reply-to', () => true],
  ['priority', (text) => /^[0-9]$/.test(text)],
  ['expires-at', (text) => timeFromText(text) !== undefined],
  [timestampField, (text) => timeFromText(text) !== undefined],
  [hopsHeader, isHops],
  [bodyTypeHeader, isBodyKind],
]);

function readHeaders(headers: IHeaders, fields: Map<string, string>): Header[] {
  const raw: [string, Buffer | null][] = [];
  let types: DeclaredTypes | undefined;
  for (const [name, values] of Object.entries(headers))
    for (const value of Array.isArray(values) ? values : [values]) {
      // kafkajs finds inherited members (`constructor`) among the repeats of such a name
      if (value !== null && !Buffer.isBuffer(value)) continue;
      if (name === typesHeader) types ??= new DeclaredTypes(value?.toString('utf8') ?? '');
      else if (value === null || fields.has(name) || !takes(name, value, fields)) raw.push([name, value]);
    }
  return raw.map(([name, value]) => readHeader(nameFromText(name), value, types?.next(name)));
}

/** Whether it is a field of the envelope. */
function takes(name: string, value: Buffer, fields: Map<string, string>): boolean {
  const isField = fieldHeaders.get(name);
  if (!isField || !isUtf8(value)) return false;
  const text = value.toString('utf8');
  if (!isField(text)) return false;
  fields.set(name, text);
  return true;
}

/** Bytes that are declared binary, or are no text, stay what they are. */
function readHeader(name: string, value: Buffer | null, type: TextType | undefined): Header {
  if (value === null) return [name, null];
  if (type === 'binary' || (type === undefined && !isUtf8(value))) return [name, value];
  const text = value.toString('utf8');
  return type === undefined ? [name, text] : valueFromText(name, text, type);
}

/** A key that is no text travels through the envelope in the text form of a binary identifier. */
function fromKey(key: Buffer): string {
  return isUtf8(key) ? key.toString('utf8') : identifierToText(key);
}

function toKey(key: string): Value {
  const id = key.startsWith('AMQP_BINARY:') ? identifierFromText(key) : key;
  return id instanceof Uint8Array && !isUtf8(id) ? toBuffer(id) : key;
}

const identifier = (text: string | undefined): Identifier | undefined =>
  text === undefined ? undefined : identifierFromText(text);

const integer = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

const toBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
