import { isUtf8 } from 'node:buffer';
import { envelope, type BodyType, type Envelope, type Header, type Identifier } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { identifierFromText, identifierToText } from '../../core/identifier-text.ts';
import { bodyKind, bodyTypeHeader, hopsHeader, isBodyKind } from '../../core/reserved-headers.ts';
import { fromTextField, fromTextHeaders, toTextField, toTextHeaders } from '../../core/text-headers.ts';
import { timeFromText } from '../../core/time.ts';
import { mqttAddress } from './address.ts';
import type { MessageProperties, MqttMessage } from './codec/message.ts';

/** User properties that carry envelope fields for which MQTT 5 has no property of its own. */
const named = {
  id: 'message-id',
  key: 'group-id',
  priority: 'priority',
  timestamp: 'timestamp',
  contentEncoding: 'content-encoding',
  subject: 'subject',
  replyTo: 'reply-to',
  /** Where the property of its own cannot hold it. */
  contentType: 'content-type',
} as const;

const nothing: readonly Header[] = [];

/**
 * An MQTT message as an envelope. Of a user property that carries an envelope field the first is taken, and only if
 * it has the form of that field; all others stay headers.
 * @param now ms since the epoch
 */
export function toEnvelope(message: MqttMessage, now: number): Envelope {
  const { properties } = message;
  const found = properties && properties.user.length > 0 ? readUser(properties.user) : undefined;
  const isNull = found?.kind === 'null' && message.payload.length === 0;
  return envelope({
    id: found?.id,
    address: message.topic,
    body: isNull ? null : message.payload,
    bodyType: readBodyType(message, found?.kind),
    headers: found ? fromTextHeaders(found.headers) : nothing,
    contentType: properties?.contentType ?? found?.contentType,
    contentEncoding: found?.contentEncoding,
    subject: found?.subject,
    correlationId:
      properties?.correlationData === undefined ? undefined : readCorrelation(properties.correlationData),
    replyTo: properties?.responseTopic ?? found?.replyTo,
    key: found?.key,
    priority: found?.priority,
    durable: message.qos > 0,
    expiresAt: properties?.expiry === undefined ? undefined : now + properties.expiry * 1000,
    timestamp: found?.timestamp,
    deliveryCount: message.dup ? 1 : 0,
    hops: found?.hops,
    retain: message.retain,
  });
}

/**
 * An envelope as an MQTT message for `topic`. A peer of MQTT 3 does not get the properties.
 * @param now ms since the epoch
 * @throws JunctionError `expired`; `invalid-message` where MQTT cannot hold a header
 */
export function fromEnvelope(from: Envelope, topic: string, now: number): MqttMessage {
  const user: [string, string][] = [];
  // Fields come first: of a name that repeats, the first is the field.
  const add = (name: string, text: string): void => void user.push(toTextField(name, text, unfit));
  if (from.id !== undefined) add(named.id, identifierToText(from.id));
  if (from.key !== undefined) add(named.key, from.key);
  if (from.priority !== undefined) add(named.priority, String(from.priority));
  if (from.timestamp !== undefined) add(named.timestamp, String(from.timestamp));
  if (from.contentEncoding !== undefined) add(named.contentEncoding, from.contentEncoding);
  if (from.subject !== undefined) add(named.subject, from.subject);
  const responseTopic =
    from.replyTo !== undefined && isResponseTopic(from.replyTo) ? from.replyTo : undefined;
  if (from.replyTo !== undefined && responseTopic === undefined) add(named.replyTo, from.replyTo);
  const contentType =
    from.contentType !== undefined && !unfit.test(from.contentType) ? from.contentType : undefined;
  if (from.contentType !== undefined && contentType === undefined) add(named.contentType, from.contentType);
  const kind = bodyKind(from);
  const text = kind === 'string' && isUtf8(from.body!); // MQTT 5 §3.3.2.3.2
  if (kind !== undefined && !text) add(bodyTypeHeader, kind);
  if (from.hops > 0) add(hopsHeader, String(from.hops));
  if (from.headers.length > 0) addHeaders(user, from.headers);
  for (const pair of user) checkPair(pair);
  if (contentType !== undefined) checkPair(['content type', contentType]);
  const properties: MessageProperties = {
    text: text ? true : undefined,
    expiry: from.expiresAt === undefined ? undefined : secondsLeft(from.expiresAt, now),
    contentType,
    responseTopic,
    correlationData: from.correlationId === undefined ? undefined : writeCorrelation(from.correlationId),
    user,
  };
  return {
    topic,
    payload: from.body === null ? Buffer.alloc(0) : asBuffer(from.body),
    qos: from.durable ? 1 : 0,
    retain: from.retain,
    dup: false,
    properties,
  };
}

const fieldNames: ReadonlySet<string> = new Set(Object.values(named));

/** @param user what has been written: a header of the name of a field that is not there would be taken for it */
function addHeaders(user: [string, string][], headers: readonly Header[]): void {
  const taken = (name: string, text: string): boolean =>
    fieldNames.has(name) && !user.some(([field]) => field === name) && take({ headers: [] }, name, text);
  for (const pair of toTextHeaders(headers, { unfit, unfitName: unfit, taken })) user.push(pair);
}

/** What the sender declares as text is a string, as long as it is one. */
function readBodyType({ payload, properties }: MqttMessage, kind: BodyType | 'null' | undefined): BodyType {
  if (kind !== undefined) return kind === 'null' ? 'data' : kind;
  return properties?.text === true && isUtf8(payload) ? 'string' : 'data';
}

interface UserFields {
  headers: (readonly [string, string])[];
  id?: Identifier;
  key?: string;
  priority?: number;
  timestamp?: number;
  contentEncoding?: string;
  contentType?: string;
  subject?: string;
  replyTo?: string;
  kind?: BodyType | 'null';
  hops?: number;
}

function readUser(user: readonly (readonly [string, string])[]): UserFields {
  const fields: UserFields = { headers: [] };
  for (const pair of user) if (!take(fields, pair[0], pair[1])) fields.headers.push(pair);
  return fields;
}

/** Whether the pair carried an envelope field. */
function take(fields: UserFields, name: string, value: string): boolean {
  switch (name) {
    case named.id:
      if (fields.id !== undefined) return false;
      fields.id = identifierFromText(value);
      return true;
    case named.key:
      if (fields.key !== undefined) return false;
      fields.key = value;
      return true;
    case named.priority:
      if (fields.priority !== undefined || !/^[0-9]$/.test(value)) return false;
      fields.priority = Number(value);
      return true;
    case named.timestamp:
      if (fields.timestamp !== undefined) return false;
      fields.timestamp = timeFromText(value);
      return fields.timestamp !== undefined;
    case named.contentEncoding:
      if (fields.contentEncoding !== undefined) return false;
      fields.contentEncoding = value;
      return true;
    case named.subject:
      if (fields.subject !== undefined) return false;
      fields.subject = value;
      return true;
    case named.replyTo:
      if (fields.replyTo !== undefined) return false;
      fields.replyTo = value;
      return true;
    case bodyTypeHeader:
      if (isBodyKind(value)) fields.kind = value;
      return true;
    case hopsHeader:
      if (/^\d{1,4}$/.test(value)) fields.hops = Number(value);
      return true;
    default: {
      const field = fromTextField(name, value);
      if (field?.[0] !== named.contentType) return field !== undefined && take(fields, ...field);
      fields.contentType = field[1];
      return true;
    }
  }
}

/** Not above what 32 bits hold, and never 0, which would mean "at once". */
function secondsLeft(expiresAt: number, now: number): number {
  const left = Math.ceil((expiresAt - now) / 1000);
  if (left <= 0) throw new JunctionError('expired', 'the time to live of the message is over');
  return Math.min(left, 0xffff_ffff);
}

const control = /[\u0000-\u001f\u007f-\u009f]/;
/** What [MQTT-1.5.4-2] forbids, and what it lets a receiver end the connection for. */
const unfit = /[\u0000-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/u;
const loneSurrogate = /\p{Surrogate}/u;

/**
 * Bytes that are plain text become a string, so that protocols with textual ids carry them as they look. Those with
 * control characters do only where the text tells its type.
 */
function readCorrelation(data: Buffer): Identifier {
  if (!isUtf8(data)) return new Uint8Array(data);
  const text = data.toString('utf8');
  const plain = !control.test(text) || text.startsWith('AMQP_STRING:');
  return plain ? identifierFromText(text) : new Uint8Array(data);
}

/** What would be read as another type tells its own (§3.2.1.2 of the AMQP JMS mapping). */
function writeCorrelation(id: Identifier): Buffer {
  let bytes: Buffer;
  if (id instanceof Uint8Array) {
    bytes = asBuffer(id);
    if (!(readCorrelation(bytes) instanceof Uint8Array)) bytes = Buffer.from(identifierToText(id));
  } else {
    const text = identifierToText(id);
    bytes = Buffer.from(control.test(text) ? `AMQP_STRING:${id as string}` : text);
  }
  if (bytes.length > 65_535)
    throw new JunctionError('invalid-message', 'the correlation id is longer than the 65,535 bytes of MQTT');
  return bytes;
}

/** [MQTT-3.3.2-14] a response topic has no wildcards. */
const isResponseTopic = (address: string): boolean =>
  address.length > 0 &&
  Buffer.byteLength(address) <= 65_535 &&
  !unfit.test(address) &&
  mqttAddress.invalid!(address) === undefined;

/** MQTT 5 §1.5.4 and the two-byte length of a string; dropping a header silently would be worse than refusing. */
function checkPair([name, value]: readonly [string, string]): void {
  for (const text of [name, value]) {
    if (text.length * 3 > 65_535 && Buffer.byteLength(text) > 65_535)
      throw new JunctionError(
        'invalid-message',
        `header ${name.slice(0, 50)} is longer than the 65,535 bytes of MQTT`,
      );
    if (unfit.test(text) || loneSurrogate.test(text))
      throw new JunctionError(
        'invalid-message',
        `header ${name.slice(0, 50)} holds a character that MQTT cannot carry`,
      );
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
