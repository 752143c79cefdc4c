import type { Consumer, Delivery, Subscription } from '../../broker/delivery.ts';
import type { Selection } from '../../broker/selection.ts';
import { JunctionError } from '../../core/errors.ts';
import { identifierToText } from '../../core/identifier-text.ts';
import { fieldPrefix } from '../../core/reserved-headers.ts';
import { accepted, type Outcome } from '../../core/outcome.ts';
import { headerLine, type Version } from './frame.ts';

export const ackModes = ['auto', 'client', 'client-individual'] as const;
export type AckMode = (typeof ackModes)[number];

/** What a subscription needs of its connection. */
export interface Port {
  readonly name: string;
  readonly version: Version;
  /** Whether so much waits to be read by the client that it must not be sent more. */
  readonly congested: boolean;
  /** A message id that this gateway has not used before. */
  newMessageId(): string;
  /**
   * @param start the head's lines that only this subscriber gets
   * @param alias what it calls the destination, where that is not its address
   * @param settle accept the delivery once it is written
   */
  sendMessage(start: string, delivery: Delivery, alias: string | undefined, settle: boolean): void;
  overflow(destination: string): void;
  dismissed(error: JunctionError): void;
}

export interface SubscriptionOptions {
  /** Its place among the connection's subscriptions, from 1; part of the ack ids of 1.2. */
  readonly number: number;
  /** As in SUBSCRIBE; 1.0 may leave it out. */
  readonly id: string | undefined;
  readonly destination: string;
  readonly alias: string | undefined;
  readonly mode: AckMode;
  /** Unacknowledged messages at one time; without meaning for `auto`. */
  readonly prefetch: number;
  /** Which messages are for it; all where it says nothing. */
  readonly selection?: Selection | undefined;
}

/** One SUBSCRIBE: takes messages from the exchange and remembers which ones the client has not acknowledged. */
export class StompSubscription implements Consumer {
  readonly options: SubscriptionOptions;
  readonly #port: Port;
  readonly #start: string;
  /** By what the client acknowledges them with, in the order of delivery. */
  readonly #pending = new Map<string, Delivery>();
  #hold: Subscription | undefined;
  #sent = 0;
  #starved = false;
  #ended = false;

  constructor(options: SubscriptionOptions, port: Port) {
    this.options = options;
    this.#port = port;
    const { id } = options;
    this.#start = `MESSAGE\n${id === undefined ? '' : headerLine('subscription', id, port.version)}`;
  }

  get name(): string {
    return `${this.#port.name} ${this.options.destination}`;
  }

  /** Given right after the exchange has taken it, which may already have delivered. */
  hold(subscription: Subscription): void {
    this.#hold = subscription;
  }

  credit(): number {
    const { mode, prefetch } = this.options;
    const room =
      this.#ended || this.#port.congested ? 0 : mode === 'auto' ? 1 : prefetch - this.#pending.size;
    if (room <= 0) this.#starved = true;
    return room;
  }

  deliver(delivery: Delivery): void {
    const auto = this.options.mode === 'auto';
    const { version } = this.#port;
    let messageId = delivery.envelope.id === undefined ? '' : identifierToText(delivery.envelope.id);
    // The client must be able to repeat it: to 1.0 and 1.1 it is what ACK refers to.
    const plain = messageId !== '' && headerLine('message-id', messageId, version) !== '';
    let further = '';
    if (!plain || (version === '1.0' && messageId !== messageId.trim()) || this.#pending.has(messageId)) {
      if (plain)
        further = headerLine(
          `${fieldPrefix}message-id`,
          encodeURIComponent(messageId.toWellFormed()),
          version,
        );
      messageId = this.#port.newMessageId();
    }
    let start = this.#start + headerLine('message-id', messageId, version) + further;
    if (!auto) {
      const key = version === '1.2' ? `${this.options.number}-${++this.#sent}` : messageId;
      this.#pending.set(key, delivery);
      if (version === '1.2') start += `ack:${key}\n`;
    }
    if (delivery.deliveryCount > 0) start += 'redelivered:true\n';
    this.#port.sendMessage(start, delivery, this.options.alias, auto);
  }

  overflow(): void {
    this.#ended = true;
    this.#port.overflow(this.options.destination);
  }

  dismissed(error: JunctionError): void {
    this.#ended = true;
    this.#port.dismissed(error);
  }

  has(key: string): boolean {
    return this.#pending.has(key);
  }

  /** Whether this ack id of 1.2 was once given out. */
  knew(sequence: number): boolean {
    return sequence >= 1 && sequence <= this.#sent;
  }

  /** ACK; with mode `client` also of everything delivered before (STOMP 1.2 "SUBSCRIBE ack Header"). */
  accept(key: string): void {
    if (this.options.mode !== 'client') this.#settle(key, accepted);
    else for (const earlier of [...this.#upTo(key)]) this.#settle(earlier, accepted);
    this.resume();
  }

  /** NACK, of this one message only: it goes back, or is refused for good. */
  refuse(key: string, requeue: boolean): void {
    const error = new JunctionError('refused', `subscriber ${this.name} refused the message`);
    this.#settle(key, { state: requeue ? 'released' : 'rejected', error });
    this.resume();
  }

  /** To be called when there may be credit again. */
  resume(): void {
    if (!this.#starved || this.#ended) return;
    this.#starved = false;
    this.#hold?.pump();
  }

  /** From now on it takes nothing, but what it has can still be settled. */
  end(): void {
    this.#ended = true;
  }

  /** What is not settled goes back. */
  cancel(): void {
    this.#ended = true;
    this.#pending.clear();
    this.#hold?.cancel();
  }

  *#upTo(key: string): Iterable<string> {
    for (const earlier of this.#pending.keys()) {
      yield earlier;
      if (earlier === key) return;
    }
  }

  #settle(key: string, outcome: Outcome): void {
    const delivery = this.#pending.get(key);
    this.#pending.delete(key);
    delivery?.settle(outcome);
  }
}
