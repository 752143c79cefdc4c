import type { Envelope } from '../core/envelope.ts';
import type { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';

/** One message on its way to one consumer, to be settled exactly once. */
export interface Delivery {
  readonly envelope: Envelope;
  /** How often delivery of it was tried before; 0 the first time. */
  readonly deliveryCount: number;
  /**
   * The consumer's answer. `released` returns a queue's message to the queue, and a topic's to this consumer.
   * Every call after the first is ignored.
   * @param tried whether a release counts as a delivery that was tried; default true
   */
  settle(outcome: Outcome, tried?: boolean): void;
}

/** What a listener's client is to the exchange: something that takes messages. */
export interface Consumer {
  /** Who it is, for logs. */
  readonly name: string;
  /** How many more messages it can take now: link credit, or what is left of its window. */
  credit(): number;
  /** Takes one message. Called only while `credit()` is above 0. Must not throw. */
  deliver(delivery: Delivery): void;
  /** Its backlog is over its bound: the subscription is already cancelled, its peer must be told why. */
  overflow(): void;
  /** A route reads its queue from now on: the subscription is already cancelled, its peer must be told why. */
  dismissed?(error: JunctionError): void;
}

/** A consumer's hold on an address. */
export interface Subscription {
  /** To be called when the consumer's credit has grown. */
  pump(): void;
  /** Ends it: a queue's unsettled messages go back to the queue, a topic's are given up. Idempotent. */
  cancel(): void;
}

/** A message as a route is to have it, which knows no other count than the message's own. */
export const counted = (envelope: Envelope, deliveryCount: number): Envelope =>
  deliveryCount === envelope.deliveryCount ? envelope : { ...envelope, deliveryCount };
