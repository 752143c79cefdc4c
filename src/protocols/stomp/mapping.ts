import { envelope, type BodyType, type Envelope, type Header } from '../../core/envelope.ts';
import { identifierFromText, identifierToText } from '../../core/identifier-text.ts';
import {
  bodyKind,
  bodyTypeHeader,
  fieldPrefix,
  furtherFields,
  hopsHeader,
  isBodyKind,
  typesHeader,
} from '../../core/reserved-headers.ts';
import { fromTextField, fromTextHeaders, toTextField, toTextHeaders } from '../../core/text-headers.ts';
import { timeFromText } from '../../core/time.ts';
import type { Pair, Version } from './frame.ts';

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
  ...['timestamp', 'type', 'JMSXGroupID', 'JMSXGroupSeq', 'redelivered'],
]);
const ours: ReadonlySet<string> = new Set([typesHeader, hopsHeader, bodyTypeHeader]);

/**
 * What each version has no way to write. 1.0 has no escapes, and readers of it take spaces off; 1.1 has none for CR, and
 * none has one for NUL (STOMP 1.2 "Value Encoding").
 */
const unfit: Readonly<Record<Version, { readonly value: RegExp; readonly name: RegExp }>> = {
  '1.0': { value: /[\0\n\r]|^\s|\s$/, name: /[\0\n\r:]|^$/ },
  '1.1': { value: /[\0\r]/, name: /[\0\r]|^$/ },
  '1.2': { value: /\0/, name: /\0|^$/ },
};

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
    body: fields.kind === 'null' && body.length === 0 ? null : body,
    bodyType: fields.kind === 'null' ? 'data' : fields.kind,
    headers: applicationHeaders(rest, fields.groupSequence),
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
  kind: BodyType | 'null' | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  subject: string | undefined;
  correlationId: string | undefined;
  replyTo: string | undefined;
  key: string | undefined;
  groupSequence: number | undefined;
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
      case 'JMSXGroupSeq':
        if (!/^\d{1,10}$/.test(value) || Number(value) > 0xffff_ffff) return false;
        this.groupSequence ??= Number(value);
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
      case 'timestamp': {
        const time = timeFromText(value);
        if (time === undefined) return false;
        if (name === 'expires') this.expiresAt ??= time;
        else this.timestamp ??= time;
        return true;
      }
      case hopsHeader:
        if (/^\d{1,6}$/.test(value)) this.hops ??= Number(value);
        return true;
      case bodyTypeHeader:
        if (isBodyKind(value)) this.kind ??= value;
        return true;
      default: {
        const field = fromTextField(name, value);
        return field !== undefined && this.take(...field);
      }
    }
  }
}

function applicationHeaders(pairs: readonly Pair[], groupSequence: number | undefined): readonly Header[] {
  const headers = fromTextHeaders(pairs);
  return groupSequence === undefined
    ? headers
    : [...headers, [furtherFields.groupSequence, groupSequence, 'uint']];
}

/**
 * The headers of a SEND or MESSAGE, without what only the frame knows (content-length, subscription, ack, redelivered).
 * Each name once: of application headers that repeat a name, the first is kept.
 * @param version whose peers are to read them
 * @param special whether a name means something more to the peer: application headers of such names are renamed
 */
export function fromEnvelope(
  message: Envelope,
  version: Version,
  special: (name: string) => boolean = nothing,
): Pair[] {
  const pairs: Pair[] = [['destination', message.address]];
  const rules = unfit[version];
  const add = (name: string, value: string | number | undefined): void => {
    if (typeof value === 'number') pairs.push([name, String(value)]);
    else if (value !== undefined) pairs.push(toTextField(name, value, rules.value));
  };
  // An empty message-id says none.
  if (message.id === '') pairs.push([`${fieldPrefix}message-id`, '']);
  else if (message.id !== undefined) add('message-id', identifierToText(message.id));
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
  add(bodyTypeHeader, bodyKind(message));
  if (message.headers.length > 0) addApplicationHeaders(pairs, message.headers, version, special);
  return pairs;
}

const nothing = (): boolean => false;

function addApplicationHeaders(
  pairs: Pair[],
  headers: readonly Header[],
  version: Version,
  special: (name: string) => boolean,
): void {
  const seen = new Set<string>();
  const once = headers.filter(([name, value]) => {
    if (ours.has(name) || seen.has(name)) return false;
    seen.add(name);
    if (name !== furtherFields.groupSequence || typeof value !== 'number') return true;
    pairs.push(['JMSXGroupSeq', String(value)]);
    return false;
  });
  const { value, name: unfitName } = unfit[version];
  const taken = (name: string): boolean => reserved.has(name) || special(name);
  for (const pair of toTextHeaders(once, { unfit: value, unfitName, taken })) pairs.push(pair);
}
