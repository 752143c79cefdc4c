import type { BodyType, Header, HeaderType, Identifier, Uuid } from '../../../core/envelope.ts';

/** Every type of AMQP 1.0 §1.6 by name. */
export type AmqpType = HeaderType | 'list' | 'map' | 'array';

/** The types whose values plain JavaScript values cannot tell apart; they are carried as `Typed`. */
export type TypedName = Exclude<
  HeaderType,
  'null' | 'boolean' | 'string' | 'double' | 'long' | 'binary' | 'uuid'
>;

/**
 * A value whose type JavaScript does not tell:
 * `ubyte ushort uint byte short int float` hold a number, `ulong` a bigint, `timestamp` ms since the epoch (a number
 * while it is a safe integer, else a bigint), `char` a string of one code point, `symbol` a string of characters
 * up to U+00FF, `decimal32/64/128` their 4, 8 or 16 bytes.
 */
export class Typed {
  readonly type: TypedName;
  readonly value: number | bigint | string | Uint8Array;
  constructor(type: TypedName, value: number | bigint | string | Uint8Array) {
    this.type = type;
    this.value = value;
  }
}

/** A map (§1.6.23): ordered pairs, keys of any type. Never an object, since names come from the peer. */
export class AmqpMap {
  readonly entries: readonly (readonly [AmqpValue, AmqpValue])[];
  constructor(entries: readonly (readonly [AmqpValue, AmqpValue])[]) {
    this.entries = entries;
  }

  /** The value of the first entry whose key is this symbol or string. */
  get(name: string): AmqpValue | undefined {
    for (const [key, value] of this.entries)
      if (key === name || (key instanceof Typed && key.type === 'symbol' && key.value === name)) return value;
    return undefined;
  }
}

/** An array (§1.6.24): values of one type, and the descriptors of its constructor, outermost first (most have none). */
export class AmqpArray {
  readonly type: AmqpType;
  readonly items: readonly AmqpValue[];
  readonly descriptors: readonly AmqpValue[];
  constructor(type: AmqpType, items: readonly AmqpValue[], descriptors: readonly AmqpValue[] = []) {
    this.type = type;
    this.items = items;
    this.descriptors = descriptors;
  }
}

/** A described value (§1.2). */
export class Described {
  readonly descriptor: AmqpValue;
  readonly value: AmqpValue;
  constructor(descriptor: AmqpValue, value: AmqpValue) {
    this.descriptor = descriptor;
    this.value = value;
  }
}

/**
 * Any AMQP value, with its type. Natural values are plain JavaScript: null, boolean, `string`, number (a `double`),
 * bigint (a `long`), Uint8Array (a `binary`), Uuid, and a plain array (a `list`); all others are `Typed`, `AmqpMap`,
 * `AmqpArray` or `Described`.
 */
export type AmqpValue =
  | null
  | boolean
  | string
  | number
  | bigint
  | Uint8Array
  | Uuid
  | readonly AmqpValue[]
  | Typed
  | AmqpMap
  | AmqpArray
  | Described;

/** A symbol. */
export const symbol = (name: string): Typed => new Typed('symbol', name);

/** What is wrong with bytes that claim to be AMQP; `offset` is where in the buffer. */
export class DecodeError extends Error {
  readonly offset: number;
  constructor(message: string, offset: number) {
    super(`${message} (at byte ${offset})`);
    this.offset = offset;
  }
}

/** The header section (§3.2.1), with the defaults of the specification filled in where that is possible. */
export interface MessageHeader {
  /** Default false. */
  readonly durable: boolean;
  /** Default 4. */
  readonly priority: number;
  /** In ms; undefined where the message lives for ever. */
  readonly ttl: number | undefined;
  readonly firstAcquirer: boolean;
  /** How many deliveries failed before; default 0. */
  readonly deliveryCount: number;
}

/** The properties section (§3.2.4). Times are ms since the epoch. */
export interface MessageProperties {
  readonly messageId: Identifier | undefined;
  readonly userId: Uint8Array | undefined;
  readonly to: string | undefined;
  readonly subject: string | undefined;
  readonly replyTo: string | undefined;
  readonly correlationId: Identifier | undefined;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
  readonly absoluteExpiryTime: number | undefined;
  readonly creationTime: number | undefined;
  readonly groupId: string | undefined;
  readonly groupSequence: number | undefined;
  readonly replyToGroupId: string | undefined;
}

/**
 * The body. `data`: all data sections joined; `string` and `binary`: an amqp-value of that type; `value`: the
 * encoding of any other amqp-value (null is the one byte 0x40); `sequence`: the encodings of the lists of all
 * amqp-sequence sections, one after the other. No body section at all reads as empty `data`.
 */
export interface MessageBody {
  readonly kind: BodyType;
  readonly bytes: Uint8Array;
}

/**
 * A received message. Sections are found at once and parsed when they are asked for; every getter throws a
 * DecodeError if its section is malformed.
 */
export interface MessageView {
  /** All of it, as received. */
  readonly bytes: Buffer;
  /** The bare message (properties, application properties and body, §3.2), as received. */
  readonly bare: Buffer;
  readonly header: MessageHeader;
  readonly deliveryAnnotations: AmqpMap | undefined;
  readonly messageAnnotations: AmqpMap | undefined;
  /** The encoded map of the message annotations; only where there are some. */
  readonly annotationBytes: Buffer;
  readonly properties: MessageProperties;
  /** Ordered; the type is given where the value does not tell it. Values that are not simple are malformed (§3.2.5). */
  readonly applicationProperties: readonly Header[];
  readonly body: MessageBody;
  readonly footer: AmqpMap | undefined;
}

/** What a message is written from; what is absent or undefined is not written. */
export interface MessageParts {
  readonly header?: Partial<MessageHeader> | undefined;
  readonly deliveryAnnotations?: AmqpMap | undefined;
  readonly messageAnnotations?: AmqpMap | undefined;
  readonly properties?: Partial<MessageProperties> | undefined;
  readonly applicationProperties?: readonly Header[] | undefined;
  readonly body: MessageBody;
  readonly footer?: AmqpMap | undefined;
}
