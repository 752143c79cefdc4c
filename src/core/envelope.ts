/** A UUID as AMQP 1.0 (§1.6.20) carries it: 16 bytes, distinct from its text. */
export class Uuid {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** A message or correlation identifier: AMQP 1.0 has exactly these four types (§3.2.11–§3.2.14). */
export type Identifier = string | bigint | Uint8Array | Uuid;

/**
 * The value of a header. What the JavaScript value does not tell is told by the header's type:
 * numbers are `double` unless the type says otherwise, bigints `long`, byte arrays `binary`.
 */
export type HeaderValue = string | number | bigint | boolean | Uint8Array | Uuid | null;

/**
 * The simple types of AMQP 1.0 (§1.6), the richest of the protocols we carry. The store writes their places in this list:
 * append only.
 */
export const headerTypes = [
  'null',
  'boolean',
  'ubyte',
  'ushort',
  'uint',
  'ulong',
  'byte',
  'short',
  'int',
  'long',
  'float',
  'double',
  'decimal32',
  'decimal64',
  'decimal128',
  'char',
  'timestamp',
  'uuid',
  'binary',
  'string',
  'symbol',
] as const;

export type HeaderType = (typeof headerTypes)[number];

/**
 * One application header. Headers are ordered and names may repeat (MQTT 5 and Kafka allow both).
 * `type` is present only where the value does not tell it: a JavaScript string is a `string`, a number a
 * `double`, a bigint a `long`, a boolean a `boolean`, a Uint8Array a `binary`, a Uuid a `uuid`.
 * `char` is a string of one code point; `timestamp` a number or bigint of ms since the epoch;
 * `ulong` and `long` are bigints; decimals are their 4, 8 or 16 bytes.
 */
export type Header = readonly [name: string, value: HeaderValue, type?: HeaderType];

/**
 * What kind of AMQP body section the bytes came from, so that it comes back as it was (AMQP 1.0 §3.2.6–§3.2.8):
 * `data` opaque bytes (also every message of another protocol); `string` an amqp-value string, as UTF-8;
 * `binary` an amqp-value binary; `value` any other amqp-value and `sequence` amqp-sequence sections, both as
 * their AMQP encoding.
 */
export type BodyType = (typeof bodyTypes)[number];

/** The store writes their places in this list: append only. */
export const bodyTypes = ['data', 'string', 'binary', 'value', 'sequence'] as const;

/** A message between two protocols. Immutable: share it, never change it. */
export interface Envelope {
  /** The sender's message id, if it gave one. */
  readonly id: Identifier | undefined;
  /** Where it was published, in the native syntax of the endpoint it came from. */
  readonly address: string;
  /** Opaque bytes; null is a Kafka tombstone, which an empty body is not. */
  readonly body: Uint8Array | null;
  readonly bodyType: BodyType;
  readonly headers: readonly Header[];
  /** A MIME type. */
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  /** AMQP subject; JMSType. */
  readonly subject: string | undefined;
  readonly correlationId: Identifier | undefined;
  readonly replyTo: string | undefined;
  /** Messages with one key keep their order. */
  readonly key: string | undefined;
  /** 0 (lowest) to 9; 4 is the default of AMQP and JMS. */
  readonly priority: number | undefined;
  readonly durable: boolean;
  /** When it expires, ms since the epoch. */
  readonly expiresAt: number | undefined;
  /** When the sender made it, ms since the epoch. */
  readonly timestamp: number | undefined;
  /** How often delivery has been tried before, as far as the source knows; 0 the first time. */
  readonly deliveryCount: number;
  /** How many routes it has passed, in this gateway and others: the loop guard. */
  readonly hops: number;
  /** The routes it has passed in this process, so that it passes none twice. */
  readonly via: readonly string[];
  /** MQTT's retain flag. */
  readonly retain: boolean;
  /**
   * What tells it from all others, given by this gateway where its id does not: to a message without id in a spool, and
   * to a dead letter. No part of the message, and never sent as its id (identity.ts).
   */
  readonly identity: string | undefined;
  /**
   * What the source's protocol keeps for a target of the same protocol, which must check that the fields above are
   * still those it came with: AMQP's encoded message. It means nothing to anyone else and is never stored.
   */
  readonly origin: unknown;
}

export type EnvelopeInit = Partial<Envelope> & Pick<Envelope, 'address' | 'body'>;

const none: readonly Header[] = Object.freeze([]);
const nowhere: readonly string[] = Object.freeze([]);

/** Makes an envelope with every field in one order, so that all envelopes share one shape (fast to read). */
export function envelope(init: EnvelopeInit): Envelope {
  return {
    id: init.id,
    address: init.address,
    body: init.body,
    bodyType: init.bodyType ?? 'data',
    headers: init.headers ?? none,
    contentType: init.contentType,
    contentEncoding: init.contentEncoding,
    subject: init.subject,
    correlationId: init.correlationId,
    replyTo: init.replyTo,
    key: init.key,
    priority: init.priority,
    durable: init.durable ?? true,
    expiresAt: init.expiresAt,
    timestamp: init.timestamp,
    deliveryCount: init.deliveryCount ?? 0,
    hops: init.hops ?? 0,
    via: init.via ?? nowhere,
    retain: init.retain ?? false,
    identity: init.identity,
    origin: init.origin,
  };
}
