import { JunctionError } from '../../../core/errors.ts';
import type { BodyType, Envelope } from '../../../core/envelope.ts';
import { identifierFromText } from '../../../core/identifier-text.ts';
import type { LossName } from '../../../core/losses.ts';
import { furtherFields } from '../../../core/reserved-headers.ts';
import type { Frame, Pair, Version } from '../frame.ts';
import { fromEnvelope, toEnvelope } from '../mapping.ts';
import { groupHeader, routingType, timestampHeader, type Dialect } from './dialect.ts';

/** Seconds since the epoch are below this until the year 5138, milliseconds since it above from 1973 on. */
const leastMilliseconds = 1e11;

/**
 * What a MESSAGE of this broker means.
 * @param address what its destination is called in routes
 * @param now ms since the epoch
 */
export function fromMessage(frame: Frame, dialect: Dialect, address: string, now: number): Envelope {
  const pairs: Pair[] = [];
  let id: string | undefined;
  let expiresAt: number | undefined;
  let deliveries: number | undefined;
  let bodyType: BodyType | undefined = dialect.textWithoutLength ? 'string' : undefined;
  let persistent = !dialect.saysPersistent;
  for (const header of frame.headers) {
    const [name, value] = header;
    switch (name) {
      case 'subscription':
      case 'ack':
        break;
      case 'message-id':
        if (dialect.stableId) id ??= value;
        break;
      case groupHeader:
      case '_AMQ_GROUP_ID':
        pairs.push(['JMSXGroupID', value]);
        break;
      case 'content-length':
        bodyType = undefined;
        break;
      case 'persistent':
        persistent = true;
        pairs.push(header);
        break;
      case furtherFields.groupSequence:
        pairs.push(['JMSXGroupSeq', value]);
        break;
      case timestampHeader:
        pairs.unshift(['timestamp', value]);
        break;
      case 'timestamp':
        if (value !== '0') pairs.push([name, timestampFrom(value, dialect)]);
        break;
      case 'expiration':
        if (dialect.name === 'RabbitMQ' && /^\d{1,13}$/.test(value)) expiresAt ??= now + Number(value);
        else pairs.push(header);
        break;
      case 'x-delivery-count':
        if (dialect.name === 'RabbitMQ' && /^\d{1,9}$/.test(value)) deliveries ??= Number(value);
        else pairs.push(header);
        break;
      default:
        if (name === dialect.idHeader) id = value;
        else if (!isNoise(name, dialect)) pairs.push(header);
    }
  }
  const read = toEnvelope(pairs, frame.body);
  return {
    ...read,
    address,
    // one that this version cannot write has come otherwise
    id: read.id ?? (id === undefined ? undefined : identifierFromText(id)),
    bodyType: read.bodyType === 'data' ? (bodyType ?? 'data') : read.bodyType,
    durable: persistent && read.durable,
    expiresAt: expiresAt ?? read.expiresAt,
    deliveryCount: deliveries ?? read.deliveryCount,
  };
}

/** AMQP 0-9-1 has seconds, RabbitMQ's STOMP passes them on. */
function timestampFrom(text: string, dialect: Dialect): string {
  if (dialect.name !== 'RabbitMQ' || !/^\d{1,12}$/.test(text) || Number(text) >= leastMilliseconds)
    return text;
  return String(Number(text) * 1000);
}

/** What the broker adds for its own use. */
const isNoise = (name: string, dialect: Dialect): boolean =>
  (dialect.name === 'Artemis' &&
    (name.startsWith('_AMQ_') || name.startsWith('__') || name === 'destination-type')) ||
  (dialect.name === 'ActiveMQ' && (name === 'original-destination' || name === 'amq-msg-type'));

/** Headers that ActiveMQ takes in and does not give out again, with those that carry them beside. */
const swallowed: ReadonlyMap<string, string> = new Map([
  ['JMSXGroupID', groupHeader],
  ['JMSXGroupSeq', furtherFields.groupSequence],
]);

/** A message as SEND has it, with what only one broker knows left out. */
export class Outbound {
  readonly address: string;
  readonly body: Uint8Array;
  readonly expiresAt: number | undefined;
  #lost: Set<LossName> | undefined;
  readonly #message: Envelope;
  #pairs: readonly Pair[] = [];
  #dialect: Dialect | undefined;
  #version: Version | undefined;

  constructor(message: Envelope, address: string) {
    this.address = address;
    this.body = message.body ?? new Uint8Array(0);
    this.expiresAt = message.expiresAt;
    this.#message = { ...message, address };
  }

  /**
   * The headers for this broker, without receipt and content-length.
   * @param now ms since the epoch
   * @throws JunctionError expired
   */
  headers(dialect: Dialect, version: Version, now: number): Pair[] {
    if (this.expiresAt !== undefined && this.expiresAt <= now)
      throw new JunctionError('expired', 'the time to live of the message is over');
    if (dialect !== this.#dialect || version !== this.#version) {
      this.#pairs = fromEnvelope(this.#message, version, dialect.reserved);
      [this.#dialect, this.#version] = [dialect, version];
    }
    const headers: Pair[] = [];
    for (const pair of this.#pairs) {
      const [name, value] = pair;
      if (name === 'message-id') headers.push([dialect.idHeader, value]);
      else if (dialect.name === 'RabbitMQ' && name === 'expires')
        headers.push(['expiration', String(this.expiresAt! - now)]);
      else if (dialect.name === 'RabbitMQ' && name === 'timestamp')
        headers.push([name, String(Math.floor(Number(value) / 1000))]);
      else if (dialect.name === 'RabbitMQ' && name === 'reply-to' && value.startsWith('/temp-queue/'))
        this.lose('reply_to'); // it would make a queue of this connection, whose replies nobody reads
      else {
        headers.push(pair);
        const again = dialect.name === 'ActiveMQ' ? swallowed.get(name) : undefined;
        if (again !== undefined) headers.push([again, value]);
      }
    }
    if (dialect.name === 'ActiveMQ' && this.#isText) headers.push(['amq-msg-type', 'text']);
    if (dialect.name === 'Artemis') {
      const type = routingType(this.address);
      if (type !== undefined) headers.push(['destination-type', type]);
    }
    const { timestamp } = this.#message;
    const own = dialect.name === 'Artemis' || dialect.name === 'RabbitMQ' || timestamp === 0; // which says none
    if (timestamp !== undefined && own) headers.push([timestampHeader, String(timestamp)]);
    return headers;
  }

  /** Something of it could not be written; that it is written again does not lose more. */
  lose(what: LossName): void {
    (this.#lost ??= new Set()).add(what);
  }

  get lost(): Iterable<LossName> {
    return this.#lost ?? [];
  }

  /** JMS clients of Artemis read a body without content-length as text. */
  withoutLength(dialect: Dialect): boolean {
    return dialect.name === 'Artemis' && this.#isText;
  }

  /** Whether it can go as text, which comes without content-length: NUL would end it. */
  get #isText(): boolean {
    return this.#message.bodyType === 'string' && !this.body.includes(0);
  }
}
