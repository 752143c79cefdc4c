import { Uuid, type Envelope, type HeaderType, type HeaderValue, type Identifier } from '../core/envelope.ts';
import { isWholeType } from '../core/header-values.ts';
import { identifierToText } from '../core/identifier-text.ts';
import { bytes, decodeBody, type BodyReading, type BodyValue } from './body.ts';

/** The variables of an expression and their types; `dyn` may be null where the message has no such field. */
export const celVariables: readonly (readonly [name: keyof CelMessage, type: string])[] = [
  ['body', 'dyn'],
  ['headers', 'map<string, dyn>'],
  ['id', 'dyn'],
  ['address', 'string'],
  ['key', 'dyn'],
  ['subject', 'dyn'],
  ['contentType', 'dyn'],
  ['contentEncoding', 'dyn'],
  ['correlationId', 'dyn'],
  ['replyTo', 'dyn'],
  ['priority', 'int'],
  ['durable', 'bool'],
  ['retain', 'bool'],
  ['deliveryCount', 'int'],
  ['timestamp', 'dyn'],
  ['expiresAt', 'dyn'],
];

/** The body that was decoded last: several conditions ask about one message, one after the other. */
let last:
  | {
      readonly message: Envelope;
      readonly decoders: unknown;
      readonly contentType: string | undefined;
      readonly value: BodyValue;
    }
  | undefined;

/** A message as an expression sees it; what is not asked for is not made. */
export class CelMessage {
  readonly #message: Envelope;
  readonly #reading: BodyReading;

  constructor(message: Envelope, reading: BodyReading) {
    this.#message = message;
    this.#reading = reading;
  }

  /** @throws JunctionError invalid-message */
  get body(): BodyValue {
    const message = this.#message;
    const { decoders, contentType } = this.#reading;
    if (last?.message !== message || last.decoders !== decoders || last.contentType !== contentType)
      last = { message, decoders, contentType, value: decodeBody(message, this.#reading) };
    return last.value;
  }

  /** The first of each name. */
  get headers(): Map<string, unknown> {
    const headers = new Map<string, unknown>();
    for (const [name, value, type] of this.#message.headers)
      if (!headers.has(name)) headers.set(name, headerValue(value, type));
    return headers;
  }

  get id(): string | null {
    return identifier(this.#message.id);
  }
  get address(): string {
    return this.#message.address;
  }
  get key(): string | null {
    return this.#message.key ?? null;
  }
  get subject(): string | null {
    return this.#message.subject ?? null;
  }
  get contentType(): string | null {
    return this.#message.contentType ?? null;
  }
  get contentEncoding(): string | null {
    return this.#message.contentEncoding ?? null;
  }
  get correlationId(): string | null {
    return identifier(this.#message.correlationId);
  }
  get replyTo(): string | null {
    return this.#message.replyTo ?? null;
  }
  get priority(): bigint {
    return BigInt(this.#message.priority ?? 4);
  }
  get durable(): boolean {
    return this.#message.durable;
  }
  get retain(): boolean {
    return this.#message.retain;
  }
  get deliveryCount(): bigint {
    return BigInt(this.#message.deliveryCount);
  }
  get timestamp(): Date | null {
    return time(this.#message.timestamp);
  }
  get expiresAt(): Date | null {
    return time(this.#message.expiresAt);
  }
}

const identifier = (id: Identifier | undefined): string | null =>
  id === undefined ? null : typeof id === 'string' ? id : id instanceof Uuid ? id.text : identifierToText(id);

const time = (ms: number | undefined): Date | null => (ms === undefined ? null : new Date(ms));

/** Whole numbers are ints, others doubles, timestamps timestamps. */
function headerValue(value: HeaderValue, type: HeaderType | undefined): unknown {
  if (value instanceof Uuid) return value.text;
  if (type === 'timestamp' && (typeof value === 'number' || typeof value === 'bigint'))
    return new Date(Number(value));
  if (value instanceof Uint8Array) return bytes(value);
  return Number.isSafeInteger(value) && isWholeType(type) ? BigInt(value as number) : value;
}
