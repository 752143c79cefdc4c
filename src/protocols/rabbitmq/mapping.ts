import { envelope, type Envelope, type Header, type Identifier } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { identifierFromText, identifierToText } from '../../core/identifier-text.ts';
import {
  bodyKind,
  bodyTypeHeader,
  furtherFields,
  headerPrefix,
  hopsHeader,
  isBodyKind,
  nameFromText,
  renamed,
  typesHeader,
} from '../../core/reserved-headers.ts';
import { DeclaredTypes } from '../../core/text-headers.ts';
import { queuePrefix } from './address.ts';
import { readProperties, writeProperties, type Properties } from './codec/properties.ts';
import type { Field, Table } from './codec/table.ts';
import { Writer } from './codec/writer.ts';
import { deliveryCountOf } from './delivery-count.ts';
import { fromField, fromNested, toField, toNested, withType } from './fields.ts';
import { longestTtl } from './traits.ts';

/** The reserved header that names the headers which are tables or arrays, in JSON: `x-death;other`, percent-encoded. */
export const nestedHeader = 'junction-nested';
/** RabbitMQ’s own name for the milliseconds that its timestamp lacks. */
const msHeader = 'timestamp_in_ms';
const keyHeader = 'x-group-id';
/** Headers that make RabbitMQ deliver to further queues: data must not, so they travel under another name. */
const routingHeaders: ReadonlySet<string> = new Set(['CC', 'BCC']);
const routingPrefix = 'junction-';

/** What a client means by this it can only say on the channel of its own consumer. */
const directReplyTo = 'amq.rabbitmq.reply-to';

export interface FromOptions {
  /** ms since the epoch. */
  readonly now: number;
  /** As whom we log in: the only `user-id` that the broker lets us say. */
  readonly username: string | undefined;
  /** Told the name of a header that came twice, of which only the first is written. */
  readonly onRepeated?: (name: string) => void;
}

const scratch = new Writer(4096);

/**
 * The properties of a message for RabbitMQ, encoded; its body is the envelope's, empty for a tombstone.
 * @throws JunctionError `expired`, or `invalid-message` where a field cannot be held
 */
export function fromEnvelope(from: Envelope, options: FromOptions): Buffer {
  const extra: [string, Field][] = [];
  const text = (name: string, value: string): void => void extra.push([name, { tag: 'S', value }]);
  /** What does not fit a property travels in a header of its name. */
  const fit = (name: string, value: string | undefined): string | undefined => {
    if (value === undefined || !isLong(value)) return value;
    text(`x-${name}`, value);
    return undefined;
  };
  if (from.replyTo === directReplyTo)
    throw new JunctionError(
      'invalid-message',
      `the reply address ${directReplyTo} means something to its own connection only`,
    );
  const properties: Properties = {
    contentType: fit('content-type', from.contentType),
    contentEncoding: fit('content-encoding', from.contentEncoding),
    deliveryMode: from.durable ? 2 : 1,
    priority: from.priority,
    correlationId: fit('correlation-id', identifier(from.correlationId)),
    replyTo: fit('reply-to', from.replyTo && asQueueName(from.replyTo)),
    expiration: expiration(from.expiresAt, options.now),
    messageId: fit('message-id', identifier(from.id)),
    timestamp: undefined,
    type: fit('type', from.subject),
  };
  if (from.timestamp !== undefined && from.timestamp >= 0) {
    properties.timestamp = BigInt(Math.floor(from.timestamp / 1000));
    if (from.timestamp % 1000 !== 0)
      extra.push([msHeader, { tag: 'l', value: BigInt(Math.floor(from.timestamp)) }]);
  }
  if (from.key !== undefined) text(keyHeader, from.key);
  if (from.hops > 0) extra.push([hopsHeader, { tag: 'I', value: from.hops }]);
  const kind = bodyKind(from);
  if (kind !== undefined) text(bodyTypeHeader, kind);
  const headers = from.headers.length === 0 ? extra : writeHeaders(from.headers, extra, properties, options);
  if (headers.length > 0) properties.headers = headers;
  try {
    scratch.clear();
    writeProperties(scratch, properties);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new JunctionError('invalid-message', `RabbitMQ cannot hold this message: ${error.message}`);
  }
  return scratch.take();
}

/** Clients send answers to the default exchange, with the reply address as routing key: the bare name of a queue. */
const asQueueName = (address: string): string =>
  address.startsWith(queuePrefix) ? address.slice(queuePrefix.length) : address;

const isLong = (text: string): boolean => text.length > 85 && Buffer.byteLength(text) > 255;

const identifier = (id: Identifier | undefined): string | undefined =>
  id === undefined ? undefined : identifierToText(id);

function expiration(expiresAt: number | undefined, now: number): string | undefined {
  if (expiresAt === undefined) return undefined;
  const ttl = Math.ceil(expiresAt - now);
  if (ttl <= 0) throw new JunctionError('expired', 'the message’s time to live is over');
  // What lives longer than RabbitMQ can say is kept for ever rather than ended too soon.
  return ttl > longestTtl ? undefined : String(ttl);
}

function writeHeaders(
  headers: readonly Header[],
  extra: readonly [string, Field][],
  properties: Properties,
  { username, onRepeated }: FromOptions,
): Table {
  const table: (readonly [string, Field])[] = [];
  const fields = new Set(extra.map(([name]) => name));
  const seen = new Set<string>();
  const nested = namesIn(headers);
  let types = '';
  for (const header of headers) {
    const [name, value] = header;
    if (name === nestedHeader) continue;
    if (name === furtherFields.appId && typeof value === 'string' && !isLong(value)) {
      properties.appId = value;
      continue;
    }
    if (name === furtherFields.userId && value === username) {
      properties.userId = username;
      continue;
    }
    if (seen.has(name)) {
      onRepeated?.(name);
      continue;
    }
    seen.add(name);
    const inner = nested.has(name) ? fromNested(header) : undefined;
    const { field, as } = inner ? { field: inner, as: undefined } : toField(header);
    const taken = fields.has(name) || fieldOf(name, field, properties) !== undefined;
    const carried =
      taken || name.startsWith(headerPrefix)
        ? renamed(name)
        : routingHeaders.has(name)
          ? routingPrefix + name
          : name;
    table.push([carried, field]);
    if (as !== undefined) types += `${types === '' ? '' : ';'}${encodeURIComponent(carried)}=${as}`;
  }
  if (types !== '') table.push([typesHeader, { tag: 'S', value: types }]);
  table.push(...extra);
  return table;
}

const nothing: ReadonlySet<string> = new Set();

function namesIn(headers: readonly Header[]): ReadonlySet<string> {
  const value = headers.find(([name]) => name === nestedHeader)?.[1];
  return typeof value === 'string' ? new Set(value.split(';').map(decoded)) : nothing;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** A message as the broker delivers it. */
export interface Delivered {
  /** As the broker encodes them. */
  readonly properties: Buffer;
  readonly body: Buffer;
  readonly redelivered: boolean;
}

/**
 * @param address the queue, as the route writes it
 * @param now ms since the epoch
 * @throws Malformed, RangeError where the properties cannot be read
 */
export function toEnvelope(delivered: Delivered, address: string, now: number): Envelope {
  const properties = readProperties(delivered.properties);
  const found: Found = { fields: new Map(), headers: [] };
  if (properties.headers) readHeaders(properties.headers, properties, found);
  const { fields, headers } = found;
  if (properties.appId !== undefined) headers.push([furtherFields.appId, properties.appId]);
  if (properties.userId !== undefined) headers.push([furtherFields.userId, properties.userId]);
  const kind = fields.get(bodyTypeHeader);
  const ttl = properties.expiration === undefined ? NaN : Number(properties.expiration);
  return envelope({
    address,
    body: kind === 'null' ? null : delivered.body,
    bodyType: isBodyKind(kind) && kind !== 'null' ? kind : 'data',
    headers,
    id: idOf(properties.messageId ?? long(fields, 'x-message-id')),
    contentType: properties.contentType ?? long(fields, 'x-content-type'),
    contentEncoding: properties.contentEncoding ?? long(fields, 'x-content-encoding'),
    subject: properties.type ?? long(fields, 'x-type'),
    correlationId: idOf(properties.correlationId ?? long(fields, 'x-correlation-id')),
    replyTo: properties.replyTo ?? long(fields, 'x-reply-to'),
    key: fields.get(keyHeader) as string | undefined,
    priority: properties.priority === undefined ? undefined : Math.min(9, properties.priority),
    durable: properties.deliveryMode === 2,
    expiresAt: ttl >= 0 ? now + ttl : undefined,
    timestamp: (fields.get(msHeader) as number | undefined) ?? timestampOf(properties.timestamp),
    deliveryCount: deliveryCountOf(properties.headers, delivered.redelivered),
    hops: (fields.get(hopsHeader) as number | undefined) ?? 0,
  });
}

const long = (fields: Found['fields'], name: string): string | undefined =>
  fields.get(name) as string | undefined;

function idOf(id: string | Buffer | undefined): Identifier | undefined {
  return typeof id === 'string' ? identifierFromText(id) : id;
}

function timestampOf(seconds: bigint | undefined): number | undefined {
  const ms = seconds === undefined ? NaN : Number(seconds) * 1000;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

interface Found {
  /** Headers that are fields of the envelope. */
  readonly fields: Map<string, string | number>;
  readonly headers: Header[];
}

function readHeaders(table: Table, properties: Properties, { fields, headers }: Found): void {
  let nested = '';
  let types: DeclaredTypes | undefined;
  /** What each header came under. */
  const carried: string[] = [];
  for (const [name, field] of table) {
    if (name === typesHeader && typeof field.value === 'string') {
      types = new DeclaredTypes(field.value);
      continue;
    }
    const value = fieldOf(name, field, properties);
    if (value !== undefined) {
      if (value !== leftOut) fields.set(name, value);
      continue;
    }
    const restored = name.startsWith(routingPrefix) ? name.slice(routingPrefix.length) : '';
    const called = routingHeaders.has(restored) ? restored : nameFromText(name);
    let header = fromField(called, field);
    if (!header) {
      header = toNested(called, field);
      nested += `${nested === '' ? '' : ';'}${encodeURIComponent(called)}`;
    }
    carried.push(name);
    headers.push(header);
  }
  if (types)
    for (const [i, header] of headers.entries()) {
      const type = types.next(carried[i]!);
      if (type !== undefined) headers[i] = withType(header, type);
    }
  if (nested !== '') headers.push([nestedHeader, nested]);
}

/** A header that the broker writes for itself. */
const leftOut = Symbol('left out');

/** The header's value where it is a field of the envelope; else undefined. */
function fieldOf(
  name: string,
  { tag, value }: Field,
  properties: Properties,
): string | number | typeof leftOut | undefined {
  switch (name) {
    case hopsHeader: {
      const hops = tag === 'V' || tag === 'A' || tag === 'F' ? NaN : Number(value);
      return Number.isSafeInteger(hops) && hops >= 0 ? hops : undefined;
    }
    case bodyTypeHeader:
      return isBodyKind(value) ? value : undefined;
    case keyHeader:
      return tag === 'S' && typeof value === 'string' ? value : undefined;
    case msHeader: {
      // Only beside the timestamp that it completes: otherwise it is a header like any other.
      const ms = tag === 'l' ? Number(value) : NaN;
      const completes = ms % 1000 !== 0 && BigInt(Math.floor(ms / 1000) || 0) === properties.timestamp;
      return completes ? ms : undefined;
    }
    case 'x-delivery-count':
      return typeof value === 'number' || typeof value === 'bigint' ? leftOut : undefined;
    case 'x-message-id':
      return longText(value, properties.messageId);
    case 'x-content-type':
      return longText(value, properties.contentType);
    case 'x-content-encoding':
      return longText(value, properties.contentEncoding);
    case 'x-type':
      return longText(value, properties.type);
    case 'x-correlation-id':
      return longText(value, properties.correlationId);
    case 'x-reply-to':
      return longText(value, properties.replyTo);
    default:
      return undefined;
  }
}

/** A text that is here because it does not fit its property. */
const longText = (value: unknown, property: unknown): string | undefined =>
  property === undefined && typeof value === 'string' && isLong(value) ? value : undefined;
