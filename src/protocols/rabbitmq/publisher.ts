import type { Outgoing } from '../../client/send-queue.ts';
import { JunctionError } from '../../core/errors.ts';
import { Method } from './codec/methods.ts';
import { nackedError, returnedError } from './errors.ts';
import type { Channel, ClosedError, Content } from './wire/channel.ts';
import type { Wire } from './wire/wire.ts';

/** A message for the broker. */
export interface Publication {
  readonly exchange: string;
  readonly routingKey: string;
  /** As writeProperties encodes them. */
  readonly properties: Buffer;
  readonly body: Uint8Array;
}

export type Message = Outgoing<Publication>;

export interface PublisherHost {
  /** The broker has answered for a message; without an error it has it. */
  done(message: Message, error?: JunctionError): void;
  /** The broker has closed the channel; these are without an answer, in order of writing. */
  closed(unconfirmed: readonly Unconfirmed[], error: ClosedError): void;
}

export interface Unconfirmed {
  readonly message: Message;
  /** Set once the broker has returned it: its confirmation is no success. */
  returned: JunctionError | undefined;
}

/** Larger than any message that is returned to us, for we have sent it. */
const anyBody = Number.MAX_SAFE_INTEGER;

/**
 * A channel in confirm mode. The broker confirms what no queue takes like all else: it is published `mandatory`, and
 * returned before its confirmation.
 */
export class Publisher {
  readonly #wire: Wire;
  readonly #host: PublisherHost;
  readonly #channel: Channel;
  /** By delivery tag, in order. */
  readonly #unconfirmed = new Map<number, Unconfirmed>();
  #tag = 0;
  #retired = false;

  /** It can be used at once. */
  constructor(wire: Wire, host: PublisherHost) {
    this.#wire = wire;
    this.#host = host;
    this.#channel = wire.channel(
      {
        confirmed: (tag, multiple, ok) => this.#confirmed(tag, multiple, ok),
        returned: (text, content) => this.#returned(text, content),
        closed: (error) => {
          const left = [...this.#unconfirmed.values()];
          this.#unconfirmed.clear();
          host.closed(left, error);
        },
      },
      anyBody,
    );
    this.#channel
      .call(Method.confirmSelect, Method.confirmSelectOk, (writer) => writer.octet(0))
      .catch(() => undefined); // told by `closed`
  }

  /**
   * Resolves once the broker has looked at all that was published, though it may not have confirmed it yet: it answers
   * in order. @throws ClosedError where it has closed the channel on one of them
   */
  async probe(): Promise<void> {
    await this.#channel.call(Method.basicQos, Method.basicQosOk, (writer) => {
      writer.long(0);
      writer.short(0);
      writer.octet(0);
    });
  }

  publish(message: Message): void {
    const { exchange, routingKey, properties, body } = message.value;
    if (properties.length + 12 > this.#wire.frameMax - 8)
      return this.#host.done(
        message,
        new JunctionError('too-large', `the headers do not fit a frame of ${this.#wire.frameMax} bytes`),
      );
    this.#unconfirmed.set(++this.#tag, { message, returned: undefined });
    this.#channel.publish(exchange, routingKey, properties, body);
  }

  get idle(): boolean {
    return this.#unconfirmed.size === 0;
  }

  /** Closes the channel once all is confirmed. */
  retire(): void {
    this.#retired = true;
    if (this.idle) void this.#channel.close();
  }

  #confirmed(tag: number, multiple: boolean, ok: boolean): void {
    if (!multiple) return this.#answer(tag, ok);
    for (const each of this.#unconfirmed.keys()) {
      if (each > tag) break;
      this.#answer(each, ok);
    }
  }

  #answer(tag: number, ok: boolean): void {
    const answered = this.#unconfirmed.get(tag);
    if (!answered) return;
    this.#unconfirmed.delete(tag);
    if (this.#retired && this.idle) void this.#channel.close();
    this.#host.done(answered.message, answered.returned ?? (ok ? undefined : nackedError()));
  }

  /**
   * Finds the message by its content, for the broker does not say its tag: the first one that is not returned yet.
   * Those that are the same in all are interchangeable. Where a plugin has changed the properties the body tells, and
   * where that too is unlike any, all that went the same way count as returned.
   */
  #returned(text: string, { exchange, routingKey, properties, body }: Content): void {
    const same: Unconfirmed[] = [];
    for (const each of this.#unconfirmed.values()) {
      const { value } = each.message;
      if (!each.returned && value.exchange === exchange && value.routingKey === routingKey) same.push(each);
    }
    const alike = same.filter(({ message }) => Buffer.compare(message.value.body, body!) === 0);
    const exact = alike.find(({ message }) => message.value.properties.equals(properties));
    for (const each of exact ? [exact] : alike.length > 0 ? alike : same)
      each.returned = returnedError(exchange, routingKey, text);
  }
}
