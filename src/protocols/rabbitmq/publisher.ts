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
  closed(unconfirmed: readonly Message[], error: ClosedError): void;
}

interface Unconfirmed {
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

  /** It can be used at once. */
  constructor(wire: Wire, host: PublisherHost) {
    this.#wire = wire;
    this.#host = host;
    this.#channel = wire.channel(
      {
        confirmed: (tag, multiple, ok) => this.#confirmed(tag, multiple, ok),
        returned: (text, content) => this.#returned(text, content),
        closed: (error) => this.#closed(error),
      },
      anyBody,
    );
    this.#channel
      .call(Method.confirmSelect, Method.confirmSelectOk, (writer) => writer.octet(0))
      .catch(() => undefined); // told by `closed`
  }

  get unconfirmed(): number {
    return this.#unconfirmed.size;
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

  #closed(error: ClosedError): void {
    const left = [...this.#unconfirmed.values()];
    this.#unconfirmed.clear();
    // Of what was returned the answer is known.
    for (const { message, returned } of left) if (returned) this.#host.done(message, returned);
    this.#host.closed(
      left.filter(({ returned }) => !returned).map(({ message }) => message),
      error,
    );
  }
}
