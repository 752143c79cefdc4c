import { createHash, randomBytes } from 'node:crypto';
import { envelope, type Envelope, type Identifier } from '../../core/envelope.ts';
import { identifierFromText, identifierToText } from '../../core/identifier-text.ts';
import { bodyTypeHeader, hopsHeader, isBodyKind, timestampField } from '../../core/reserved-headers.ts';
import { fromTextHeaders, toTextHeaders } from '../../core/text-headers.ts';
import { isPlausibleTime, timeFromText } from '../../core/time.ts';
import { invalidTag } from './address.ts';
import {
  isPlainProperty,
  isReserved,
  moreProperties,
  readMore,
  writeMore,
  type Further,
} from './properties.ts';
import { definition, millisOf, timestampOf, type Message } from './wire.ts';

/** Headers that are a message's tag, its keys (divided by spaces) and the time to deliver it (ms since the epoch). */
export const tagHeader = 'rocketmq-tag';
export const keysHeader = 'rocketmq-keys';
export const deliverAtHeader = 'rocketmq-deliver-at';

/** RocketMQ refuses an empty body, and has none that is absent: this property says so, beside a body of one byte. */
export const bodyProperty = 'junction-body';
const placeholder = new Uint8Array(1);

/** What the envelope says about how to send it. */
export interface Properties {
  readonly tag: string | undefined;
  readonly keys: readonly string[];
  /** Ms since the epoch. */
  readonly deliverAt: number | undefined;
  /** User properties. */
  readonly pairs: ReadonlyMap<string, string>;
  /** How many headers are left out because RocketMQ holds one value a name. */
  readonly repeats: number;
}

/** @param keyed whether the envelope's key is carried as the message group; else it becomes a property */
export function toProperties(envelope: Envelope, keyed: boolean): Properties {
  const pairs = new Map<string, string>();
  const more: Further[] = [];
  const add = (name: string, value: string, field = true): void => {
    if (isPlainProperty(name, value)) pairs.set(name, value);
    else more.push({ name, value, field });
  };
  if (envelope.id !== undefined) add('message-id', identifierToText(envelope.id));
  if (envelope.contentType !== undefined) add('content-type', envelope.contentType);
  if (envelope.contentEncoding !== undefined) add('content-encoding', envelope.contentEncoding);
  if (envelope.subject !== undefined) add('subject', envelope.subject);
  if (envelope.correlationId !== undefined) add('correlation-id', identifierToText(envelope.correlationId));
  if (envelope.replyTo !== undefined) add('reply-to', envelope.replyTo);
  if (envelope.priority !== undefined) add('priority', String(envelope.priority));
  if (envelope.expiresAt !== undefined) add('expires-at', String(envelope.expiresAt));
  const { timestamp } = envelope;
  if (timestamp !== undefined && bornAt(timestamp, Date.now()) !== timestamp)
    add(timestampField, String(timestamp));
  if (envelope.key !== undefined && !(keyed && isGroup(envelope.key))) add('group-id', envelope.key);
  let [tag, keys, deliverAt]: [string | undefined, readonly string[] | undefined, number | undefined] = [
    undefined,
    undefined,
    undefined,
  ];
  const seen = new Set<string>();
  let repeats = 0;
  for (const [name, text] of toTextHeaders(envelope.headers)) {
    if (seen.has(name)) {
      repeats++;
      continue;
    }
    seen.add(name);
    if (name === tagHeader && invalidTag(text) === undefined) tag = text;
    else if (name === keysHeader && legalKeys.test(text)) keys = text.split(' ');
    else if (name === deliverAtHeader && isInteger(text)) deliverAt = Number(text);
    else if (fieldProperties.has(name)) more.push({ name, value: text, field: false });
    else add(name, text, false);
  }
  if (envelope.hops > 0) add(hopsHeader, String(envelope.hops));
  if (envelope.bodyType !== 'data') add(bodyTypeHeader, envelope.bodyType);
  if (envelope.body === null || envelope.body.length === 0)
    add(bodyProperty, envelope.body === null ? 'null' : 'empty');
  if (more.length > 0) pairs.set(moreProperties, writeMore(more));
  return { tag, keys: keys ?? idKeys(pairs), deliverAt, pairs, repeats };
}

/** The message's own id, so that operators find the message by it. */
function idKeys(pairs: ReadonlyMap<string, string>): readonly string[] {
  const id = pairs.get('message-id');
  return id !== undefined && !id.includes(' ') ? [id] : [];
}

export interface MessageOptions {
  readonly topic: definition.Resource;
  readonly tag: string | undefined;
  readonly type: definition.MessageType;
  readonly group: string | undefined;
  /** Ms since the epoch. */
  readonly deliverAt: number | undefined;
}

export function toMessage(
  { body, timestamp }: Envelope,
  { keys, pairs }: Properties,
  { topic, tag, type, group, deliverAt }: MessageOptions,
): Message {
  const system = new definition.SystemProperties()
    .setMessageId(newMessageId())
    .setMessageType(type)
    .setKeysList([...keys])
    .setBornTimestamp(timestampOf(bornAt(timestamp, Date.now())))
    .setBornHost('junction')
    .setBodyEncoding(definition.Encoding.IDENTITY);
  if (tag !== undefined) system.setTag(tag);
  if (group !== undefined) system.setMessageGroup(group);
  if (deliverAt !== undefined) system.setDeliveryTimestamp(timestampOf(deliverAt));
  const message = new definition.Message()
    .setTopic(topic)
    .setSystemProperties(system)
    .setBody(body === null || body.length === 0 ? placeholder : body);
  const properties = message.getUserPropertiesMap();
  for (const [name, value] of pairs) properties.set(name, value);
  return message;
}

/** A message of RocketMQ always has a time; 0 is none. */
const bornAt = (timestamp: number | undefined, now: number): number =>
  timestamp !== undefined && timestamp !== 0 && isPlausibleTime(timestamp, now) ? timestamp : now;

/** Keyless messages of a FIFO topic, which wants a group on each: they share this one. */
const keylessGroup = 'junction-no-key';
/** Before a hash of a key that RocketMQ does not take for a group; the key itself is then a property. */
const hashedGroup = 'junction-key-';

/** What RocketMQ takes for a message group. */
const isGroup = (key: string): boolean =>
  key.length <= 64 &&
  key.trim() !== '' &&
  !/[\u0000-\u001f\u007f-\u009f]/.test(key) &&
  !key.startsWith('junction-');

/** The message group of a FIFO message. */
export function groupOf(key: string | undefined): string {
  if (key === undefined) return keylessGroup;
  return isGroup(key) ? key : hashedGroup + createHash('sha256').update(key).digest('hex').slice(0, 40);
}

/**
 * @param message as received
 * @param address what it is read under
 * @param body its bytes, decompressed
 * @param tagged whether its address tells its tag
 */
export function toEnvelope(message: Message, address: string, body: Uint8Array, tagged: boolean): Envelope {
  const system = message.getSystemProperties();
  const fields = new Map<string, string>();
  const texts: (readonly [string, string])[] = [];
  for (const [name, value] of message.getUserPropertiesMap().getEntryList()) {
    if (name === moreProperties)
      for (const further of readMore(value))
        if (!further.field) texts.push([further.name, further.value]);
        else if (isField(further.name, further.value)) fields.set(further.name, further.value);
        else texts.push([further.name, further.value]);
    else if (isField(name, value)) fields.set(name, value);
    else if (!isReserved(name)) texts.push([name, value]);
  }
  const id = fields.get('message-id');
  const tag = system?.getTag() ?? '';
  if (!tagged && tag !== '') texts.push([tagHeader, tag]);
  const keys = system?.getKeysList().join(' ') ?? '';
  if (keys !== '' && keys !== id) texts.push([keysHeader, keys]);
  if (system?.hasDeliveryTimestamp())
    texts.push([deliverAtHeader, String(millisOf(system.getDeliveryTimestamp()!))]);
  const group = system?.getMessageGroup() ?? '';
  const born = system?.getBornTimestamp();
  const kind = fields.get(bodyProperty);
  const type = fields.get(bodyTypeHeader);
  return envelope({
    address,
    body: kind === 'null' ? null : kind === 'empty' ? new Uint8Array() : body,
    bodyType: isBodyKind(type) && type !== 'null' ? type : 'data',
    headers: fromTextHeaders(texts),
    id: identifier(id),
    contentType: fields.get('content-type'),
    contentEncoding: fields.get('content-encoding'),
    subject: fields.get('subject'),
    correlationId: identifier(fields.get('correlation-id')),
    replyTo: fields.get('reply-to'),
    priority: integer(fields.get('priority')),
    expiresAt: integer(fields.get('expires-at')),
    key:
      group === '' || group === keylessGroup || group.startsWith(hashedGroup)
        ? fields.get('group-id')
        : group,
    timestamp:
      integer(fields.get(timestampField)) ?? (born && millisOf(born) > 0 ? millisOf(born) : undefined),
    deliveryCount: Math.max(0, (system?.getDeliveryAttempt() ?? 1) - 1),
    hops: integer(fields.get(hopsHeader)) ?? 0,
  });
}

const isInteger = (text: string): boolean => /^\d{1,15}$/.test(text);
const legalKeys = /^[^\s\u0000-\u001f\u007f-\u009f]+( [^\s\u0000-\u001f\u007f-\u009f]+)*$/;
const always = (): boolean => true;

/** The properties that are fields of the envelope, and what a value must look like to be one. */
const fieldProperties = new Map<string, (text: string) => boolean>([
  ['message-id', always],
  ['content-type', always],
  ['content-encoding', always],
  ['subject', always],
  ['correlation-id', always],
  ['reply-to', always],
  ['group-id', always],
  ['priority', (text) => /^[0-9]$/.test(text)],
  ['expires-at', (text) => timeFromText(text) !== undefined],
  [timestampField, (text) => timeFromText(text) !== undefined],
  [hopsHeader, isInteger],
  [bodyTypeHeader, isBodyKind],
  [bodyProperty, (text) => text === 'null' || text === 'empty'],
]);

const isField = (name: string, value: string): boolean => fieldProperties.get(name)?.(value) ?? false;

const identifier = (text: string | undefined): Identifier | undefined =>
  text === undefined ? undefined : identifierFromText(text);

const integer = (text: string | undefined): number | undefined =>
  text === undefined ? undefined : Number(text);

const idBase = randomBytes(6).toString('hex').toUpperCase();
let serial = 0;

/** An id that is RocketMQ's to find the message by: version 1, who made it, when, and a number. */
function newMessageId(): string {
  serial = (serial + 1) % 0x1_0000_0000;
  return `01${idBase}${hex(process.pid % 0x1_0000, 4)}${hex(Math.floor(Date.now() / 1000) % 0x1_0000_0000, 8)}${hex(serial, 8)}`;
}

const hex = (value: number, digits: number): string => value.toString(16).toUpperCase().padStart(digits, '0');
