import { envelope, type BodyType, type Envelope, type Header } from '../../core/envelope.ts';
import {
  bodyTypeHeader,
  fromTextHeaders,
  hopsHeader,
  identifierFromText,
  identifierToText,
  toTextHeaders,
  typesHeader,
} from '../../core/headers.ts';
import type { Pair } from './frame.ts';

/** An application header whose name has a meaning of its own in STOMP travels with this before its name. */
export const renamedPrefix = 'junction-header-';

/** Names that we, the protocol or JMS practice give a meaning; never those of application headers on the wire. */
const reserved: ReadonlySet<string> = new Set([
  ...[
    'destination',
    'message-id',
    'subscription',
    'ack',
    'content-length',
    'receipt',
    'receipt-id',
    'transaction',
  ],
  ...['content-type', 'content-encoding', 'correlation-id', 'reply-to', 'priority', 'persistent', 'expires'],
  ...['timestamp', 'type', 'JMSXGroupID', 'redelivered'],
]);
const ours: ReadonlySet<string> = new Set([typesHeader, hopsHeader, bodyTypeHeader]);
const bodyTypes: ReadonlySet<string> = new Set<BodyType>(['data', 'string', 'binary', 'value', 'sequence']);

/**
 * What a SEND or MESSAGE means.
 * A standard header whose value is not what it should be (`priority:high`) stays an application header.
 * Without `persistent` a message is durable: what the sender leaves open is not weakened on the way.
 * @param headers unescaped; the first of a repeated name counts
 * @param rename how an address of the client's is called here, e.g. its temporary queues
 */
export function toEnvelope(
  headers: readonly Pair[],
  body: Uint8Array,
  rename: (address: string) => string = (address) => address,
): Envelope {
  const fields = new Fields();
  const rest: Pair[] = [];
  for (const header of headers) {
    if (fields.take(header[0], header[1])) continue;
    const name = header[0];
    if (!rest.some((other) => other[0] === name)) rest.push(header);
  }
  return envelope({
    id: fields.id === undefined ? undefined : identifierFromText(fields.id),
    address: rename(fields.address ?? ''),
    body,
    bodyType: fields.bodyType,
    headers: rest.length === 0 ? undefined : applicationHeaders(rest),
    contentType: fields.contentType,
    contentEncoding: fields.contentEncoding,
    subject: fields.subject,
    correlationId: fields.correlationId === undefined ? undefined : identifierFromText(fields.correlationId),
    replyTo: fields.replyTo === undefined ? undefined : rename(fields.replyTo),
    key: fields.key,
    priority: fields.priority,
    durable: fields.durable,
    // JMS writes 0 for "never"
    expiresAt: fields.expiresAt === 0 ? undefined : fields.expiresAt,
    timestamp: fields.timestamp,
    deliveryCount: fields.redelivered ? 1 : 0,
    hops: fields.hops,
  });
}

/** The standard headers, each the first of its name. */
class Fields {
  id: string | undefined;
  address: string | undefined;
  bodyType: BodyType | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  subject: string | undefined;
  correlationId: string | undefined;
  replyTo: string | undefined;
  key: string | undefined;
  priority: number | undefined;
  durable: boolean | undefined;
  expiresAt: number | undefined;
  timestamp: number | undefined;
  redelivered: boolean | undefined;
  hops: number | undefined;

  /** False where it is an application header. */
  take(name: string, value: string): boolean {
    switch (name) {
      case 'destination':
        this.address ??= value;
        return true;
      case 'content-length':
      case 'receipt':
      case 'transaction':
        return true;
      case 'content-type':
        this.contentType ??= value;
        return true;
      case 'content-encoding':
        this.contentEncoding ??= value;
        return true;
      case 'message-id':
        this.id ??= value;
        return true;
      case 'correlation-id':
        this.correlationId ??= value;
        return true;
      case 'reply-to':
        this.replyTo ??= value;
        return true;
      case 'type':
        this.subject ??= value;
        return true;
      case 'JMSXGroupID':
        this.key ??= value;
        return true;
      case 'priority':
        if (!/^\d$/.test(value)) return false;
        this.priority ??= Number(value);
        return true;
      case 'persistent':
      case 'redelivered':
        if (value !== 'true' && value !== 'false') return false;
        if (name === 'persistent') this.durable ??= value === 'true';
        else this.redelivered ??= value === 'true';
        return true;
      case 'expires':
        if (!isTime(value)) return false;
        this.expiresAt ??= Number(value);
        return true;
      case 'timestamp':
        if (!isTime(value)) return false;
        this.timestamp ??= Number(value);
        return true;
      case hopsHeader:
        if (/^\d{1,6}$/.test(value)) this.hops ??= Number(value);
        return true;
      case bodyTypeHeader:
        if (bodyTypes.has(value)) this.bodyType ??= value as BodyType;
        return true;
      default:
        return false;
    }
  }
}

/** Milliseconds since the epoch that a JavaScript date can hold. */
const isTime = (text: string): boolean => /^\d{1,16}$/.test(text) && Number(text) <= 8.64e15;

function applicationHeaders(pairs: readonly Pair[]): Header[] {
  const named = pairs.some(([name]) => name.startsWith(renamedPrefix))
    ? pairs.map(([name, value]): Pair => [
        name.startsWith(renamedPrefix) ? name.slice(renamedPrefix.length) : name,
        value,
      ])
    : pairs;
  return fromTextHeaders(named);
}

/**
 * The headers of a SEND or MESSAGE, without what only the frame knows (content-length, subscription, ack, redelivered).
 * Each name once: of application headers that repeat a name, the first is kept.
 */
export function fromEnvelope(message: Envelope): Pair[] {
  const pairs: Pair[] = [['destination', message.address]];
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) pairs.push([name, String(value)]);
  };
  if (message.id !== undefined) add('message-id', identifierToText(message.id));
  add('content-type', message.contentType);
  add('content-encoding', message.contentEncoding);
  if (message.correlationId !== undefined) add('correlation-id', identifierToText(message.correlationId));
  add('reply-to', message.replyTo);
  add('priority', message.priority);
  add('persistent', String(message.durable));
  add('expires', message.expiresAt);
  add('timestamp', message.timestamp);
  add('JMSXGroupID', message.key);
  add('type', message.subject);
  if (message.hops > 0) add(hopsHeader, message.hops);
  if (message.bodyType !== 'data') add(bodyTypeHeader, message.bodyType);
  if (message.headers.length > 0) addApplicationHeaders(pairs, message.headers);
  return pairs;
}

function addApplicationHeaders(pairs: Pair[], headers: readonly Header[]): void {
  const seen = new Set<string>();
  const once = headers.filter(([name]) => {
    if (ours.has(name) || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
  for (const [name, text] of toTextHeaders(once))
    pairs.push([reserved.has(name) || name.startsWith(renamedPrefix) ? renamedPrefix + name : name, text]);
}
