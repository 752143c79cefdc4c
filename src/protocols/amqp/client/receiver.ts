import type { Redelivery } from '../../../client/redelivery.ts';
import type { AddressPattern } from '../../../core/address.ts';
import { Backoff } from '../../../core/backoff.ts';
import type { Envelope } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import type { RateLimitedLog } from '../../../core/rate-limited-log.ts';
import { readMessage } from '../codec/message-view.ts';
import { DecodeError } from '../codec/types.ts';
import type {
  AmqpError,
  DeliveryOutcome,
  IncomingDelivery,
  IncomingLink,
  IncomingLinkHandler,
} from '../engine/api.ts';
import { condition, toAmqpError } from '../errors.ts';
import { toEnvelope } from '../mapping.ts';
import { answerFor } from '../outcomes.ts';
import { here, type Addresses } from './addresses.ts';
import { wordsOf } from './answers.ts';
import type { BrokerConnection } from './broker-connection.ts';

export interface ReceiverOptions {
  readonly pattern: AddressPattern;
  readonly addresses: Addresses;
  /** Messages of this link that are not settled yet, at most. */
  readonly window: number;
  readonly maxMessage: number;
  readonly redelivery: Redelivery;
  readonly log: RateLimitedLog;
  /** The broker has given us a message. */
  readonly worked: () => void;
}

/** One link on which we receive what a pattern matches; attached again, with back-off, when the broker ends it. */
export class Receiver implements IncomingLinkHandler {
  readonly #options: ReceiverOptions;
  readonly #backoff = new Backoff(100, 10_000);
  #connection: BrokerConnection | undefined;
  #link: IncomingLink | undefined;
  /** Aborts when the broker counts the messages of the link as ours no more. */
  #lost = new AbortController();
  #outcomes: readonly string[] = [];
  #again: NodeJS.Timeout | undefined;
  #stopped = false;
  #onAttached: (() => void)[] = [];
  /** Why it cannot receive, if the broker says so. */
  trouble: string | undefined;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** Whether messages can come. */
  get attached(): boolean {
    return this.#link !== undefined;
  }

  /** Resolves once the broker has said whether messages can come. */
  decided(): Promise<void> {
    if (this.#link || this.trouble !== undefined) return Promise.resolve();
    return new Promise((resolve) => this.#onAttached.push(resolve));
  }

  connected(connection: BrokerConnection): void {
    this.#connection = connection;
    this.#attach();
  }

  disconnected(): void {
    this.#connection = undefined;
    this.trouble = undefined;
    clearTimeout(this.#again);
    this.#lose();
  }

  /** Gives back what comes from now on. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#link?.setWindow(0);
  }

  /** Ends the link; the broker keeps a durable subscription. */
  detach(): void {
    const { addresses, pattern } = this.#options;
    this.#link?.detach(undefined, !addresses.isDurable(pattern));
    this.#lose();
  }

  onAttached(link: IncomingLink): void {
    this.#connection?.answered(this);
    if (this.#stopped || !this.#connection) return link.detach(undefined, false);
    const wrong = this.#options.addresses.mismatch(link.source!);
    if (wrong !== undefined) {
      link.detach({ condition: condition.notImplemented, description: wrong });
      return this.#failed(wrong);
    }
    this.trouble = undefined;
    this.#outcomes = link.source?.outcomes ?? [];
    this.#lost = new AbortController();
    this.#link = link;
    link.setWindow(this.#options.window);
    this.#decide();
  }

  onTransfer(delivery: IncomingDelivery): void {
    if (this.#stopped) return delivery.settle({ state: 'released' });
    let envelope: Envelope;
    try {
      envelope = this.#read(delivery);
    } catch (error) {
      return this.#refuse(delivery, error);
    }
    this.#backoff.reset();
    this.#options.worked();
    const outcomes = this.#outcomes;
    void this.#options.redelivery
      .deliver(envelope, this.#lost.signal)
      .then((outcome) => delivery.settle(answerFor(outcome, outcomes)));
  }

  onDetach(error: AmqpError | undefined): void {
    this.#connection?.answered(this);
    this.#lose();
    if (this.#connection?.open && !this.#stopped)
      this.#failed(`the broker ended the link (${wordsOf(error)})`);
  }

  #attach(): void {
    const { pattern, addresses, maxMessage } = this.#options;
    if (this.#stopped || !this.#connection?.open) return;
    this.#connection.attach({
      name: addresses.linkName(pattern),
      receiver: true,
      source: addresses.source(pattern),
      target: here,
      maxMessageSize: maxMessage,
      handler: this,
    });
  }

  #read(delivery: IncomingDelivery): Envelope {
    const { addresses, pattern } = this.#options;
    if (delivery.messageFormat !== 0)
      throw new JunctionError(
        'invalid-message',
        `message format ${delivery.messageFormat} is not known here, only 0 (AMQP 1.0 §3.2.16)`,
      );
    const view = readMessage(delivery.bytes);
    const address = addresses.addressOf(pattern, view);
    if (address === undefined)
      throw new JunctionError(
        'invalid-message',
        `the broker does not tell to which address of ${pattern.text} it was sent, so its captures have no value`,
      );
    return toEnvelope(view, address, Date.now());
  }

  #refuse(delivery: IncomingDelivery, reason: unknown): void {
    const error =
      reason instanceof DecodeError
        ? { condition: condition.decode, description: reason.message }
        : toAmqpError(JunctionError.from(reason));
    this.#options.log.warn(
      `message ${error.condition}`,
      { address: this.#options.pattern.text, error: error.description },
      'a message was refused to the broker, whose dead-letter policy decides what becomes of it',
    );
    const answer: DeliveryOutcome = { state: 'rejected', error };
    delivery.settle(answer);
  }

  #failed(why: string): void {
    const address = this.#options.pattern.text;
    this.trouble = `cannot receive from ${address}: ${why}`;
    this.#options.log.warn(`link ${address}`, { address, reason: why }, 'cannot receive; trying again');
    this.#again = setTimeout(() => this.#attach(), this.#backoff.next());
    this.#decide();
  }

  #decide(): void {
    for (const decided of this.#onAttached.splice(0)) decided();
  }

  #lose(): void {
    this.#link = undefined;
    this.#lost.abort();
  }
}
