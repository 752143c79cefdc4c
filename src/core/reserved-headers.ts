import { bodyTypes, type BodyType, type Envelope, type Header } from './envelope.ts';

/** What the names of reserved headers begin with. */
export const reservedPrefix = 'junction-';
/**
 * The reserved header that names the types of those headers that are not strings, for protocols whose headers are
 * text: `a=int;b=timestamp`, names percent-encoded. A reader that does not know it sees plain text. `a=base64` is a
 * string that the protocol cannot hold as it is: base64 of its UTF-8. Of a name that comes several times each is
 * named in order, or one stands for all.
 */
export const typesHeader = 'junction-types';
/** The reserved header that carries `Envelope.hops` where a protocol has no place of its own for it. */
export const hopsHeader = 'junction-hops';
/** The reserved header that carries `Envelope.bodyType` where it is not `data`, or `null` where the body is. */
export const bodyTypeHeader = 'junction-body-type';
/** Before the percent-encoded name of a header that cannot travel under its own, or would be taken for a field there. */
export const headerPrefix = 'junction-header-';
/** Before the name of an envelope's field whose text cannot travel as it is: it is percent-encoded. */
export const fieldPrefix = 'junction-field-';
/** Carries a timestamp that brokers refuse, or put their own in its place. */
export const timestampField = `${fieldPrefix}timestamp`;

/**
 * Reserved headers for what an envelope has no field for, so that it comes back in a protocol that has a place for it.
 * Names from `junction-` on are the gateway's own: what comes under one of them is taken for what the gateway wrote.
 */
export const furtherFields = {
  /** Who sent it: AMQP 1.0 user-id, RabbitMQ's user-id. A string where it is one, else binary. */
  userId: 'junction-user-id',
  /** RabbitMQ's app-id, a string. */
  appId: 'junction-app-id',
  /** AMQP 1.0 group-sequence, JMSXGroupSeq: a `uint`. */
  groupSequence: 'junction-group-sequence',
  /** AMQP 1.0 reply-to-group-id, a string. */
  replyToGroup: 'junction-reply-to-group',
  /** AMQP 1.0 message annotations, such as the kind of a JMS message: binary, the map as AMQP encodes it. */
  annotations: 'junction-annotations',
  /** The address whose kind (queue or topic) the annotation x-opt-jms-dest tells, a string. */
  annotatedAddress: 'junction-annotated-address',
} as const;

/** Reserved headers of a dead letter that is sent to an endpoint; its address there is not the one it had. */
export const deadLetterHeaders = {
  code: 'junction-dead-code',
  reason: 'junction-dead-reason',
  route: 'junction-dead-route',
  source: 'junction-dead-source',
  endpoint: 'junction-dead-endpoint',
  target: 'junction-dead-target',
  attempts: 'junction-dead-attempts',
  firstAt: 'junction-dead-first-at',
  lastAt: 'junction-dead-last-at',
  /** The address at which the message was published. */
  address: 'junction-dead-address',
  /** When it would have expired; a dead letter does not. */
  expiresAt: 'junction-dead-expires-at',
} as const;

const bodyKinds: ReadonlySet<unknown> = new Set<BodyType | 'null'>([...bodyTypes, 'null']);

/** What `junction-body-type` says of a message; undefined where it is not needed. */
export const bodyKind = ({ body, bodyType }: Envelope): BodyType | 'null' | undefined =>
  body === null ? 'null' : bodyType === 'data' ? undefined : bodyType;

/** Whether this is a value of `junction-body-type`. */
export const isBodyKind = (value: unknown): value is BodyType | 'null' => bodyKinds.has(value);

// A header goes under another name for two reasons, and the one may come over the other. A format (CloudEvents,
// OpenMessaging) puts aside what would be taken for a part of the event, and takes it back where the event is read;
// the name stays as people read it, `:` and all. On the wire a mapping renames what its protocol cannot carry, and what
// is put aside already, in percent-encoding, and undoes just that.

/** What a header travels under on a wire that cannot carry its own name, or takes it for something else. */
export const renamed = (name: string): string => headerPrefix + encodeURIComponent(name.toWellFormed());

/** The name of a header that came under this one. */
export const nameFromText = (name: string): string =>
  name.startsWith(headerPrefix) ? percentDecoded(name.slice(headerPrefix.length)) : name;

/** A header whose name has another meaning in a format, under a name that has none: `junction-header-` and its own. */
export const putAside = (header: Header): Header => named(header, headerPrefix + header[0]);

/** The reverse of putAside; all other headers are as they were. */
export const takenBack = (header: Header): Header =>
  header[0].startsWith(headerPrefix) ? named(header, header[0].slice(headerPrefix.length)) : header;

const named = ([, value, type]: Header, name: string): Header =>
  type === undefined ? [name, value] : [name, value, type];

/** What encodeURIComponent has made, as it was; what is malformed stays as it is. */
export function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
