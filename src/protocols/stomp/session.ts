import type { Delivery } from '../../broker/delivery.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { accepted, type Outcome } from '../../core/outcome.ts';
import { invalidAddress } from '../../core/template.ts';
import { stompAddress } from './address.ts';
import { encodeReceipt } from './frame-writer.ts';
import type { Frame, Version } from './frame.ts';
import { toEnvelope } from './mapping.ts';
import type { Peer } from './peer.ts';
import { ReplyQueues } from './reply-queues.ts';
import type { Services } from './services.ts';
import type { Port } from './subscription.ts';
import { Subscriptions } from './subscriptions.ts';
import { Transactions } from './transactions.ts';

const control = /[\u0000-\u001f\u007f-\u009f]/;

export interface SessionOptions {
  /** Unique over all gateways. */
  readonly id: string;
  readonly version: Version;
  readonly peer: Peer;
  readonly services: Services;
  /** Ends the connection with an ERROR. */
  readonly fail: (error: JunctionError, receipt?: string) => void;
  /** The outcome of one of its messages has become known. */
  readonly onSettled: () => void;
}

/** What a client does between CONNECT and DISCONNECT: answers each frame once its outcome is known. */
export class Session implements Port {
  readonly id: string;
  readonly version: Version;
  readonly #peer: Peer;
  readonly #services: Services;
  readonly #fail: SessionOptions['fail'];
  readonly #onSettled: () => void;
  readonly #subscriptions: Subscriptions;
  readonly #transactions: Transactions;
  readonly #replyQueues: ReplyQueues;
  #messageIds = 0;
  /** Its messages whose outcome is not known, and their body bytes. */
  #unsettled = 0;
  #unsettledBytes = 0;
  /** COMMITs whose sends are not all settled. */
  #commits = 0;
  #ended = false;
  #leaving = false;
  #closed = false;

  constructor(options: SessionOptions) {
    const { config } = options.services;
    this.id = options.id;
    this.version = options.version;
    this.#peer = options.peer;
    this.#services = options.services;
    this.#fail = options.fail;
    this.#onSettled = options.onSettled;
    this.#subscriptions = new Subscriptions(this, config);
    this.#transactions = new Transactions(config);
    this.#replyQueues = new ReplyQueues(options.id, config.max_subscriptions, options.services);
  }

  get name(): string {
    return this.#peer.name;
  }

  get congested(): boolean {
    return this.#peer.congested;
  }

  get unsettled(): number {
    return this.#unsettled;
  }

  /** Whether the client must wait before more of its frames are read. */
  get full(): boolean {
    const { window, window_size } = this.#services.config;
    return this.#unsettled >= window || this.#unsettledBytes >= window_size;
  }

  newMessageId(): string {
    return `${this.id}-${++this.#messageIds}`;
  }

  sendMessage(start: string, delivery: Delivery, alias: string | undefined, settle: boolean): void {
    const message = delivery.envelope;
    const { outbox } = this.#peer;
    outbox.message(start + this.#services.encoder.lines(message, this.version, alias), message.body);
    if (settle) outbox.after({ written: () => delivery.settle(accepted) });
    this.#peer.touch();
  }

  overflow(destination: string): void {
    // It reads no more anyway; its other frames must not suffer.
    if (this.#ended) return;
    this.#fail(
      new JunctionError(
        'busy',
        `too many messages wait for your subscription to ${destination}; read faster`,
      ),
    );
  }

  dismissed(error: JunctionError): void {
    if (!this.#ended) this.#fail(error);
  }

  /** There is room to send again. */
  resume(): void {
    this.#subscriptions.resume();
  }

  /** Takes any frame but CONNECT and DISCONNECT. @throws JunctionError, to be answered with an ERROR */
  handle(frame: Frame): void {
    const transaction = frame.get('transaction');
    switch (frame.command) {
      case 'SEND':
        return this.#send(frame, transaction);
      case 'COMMIT':
        return this.#commit(frame);
      case 'SUBSCRIBE':
        this.#subscribe(frame);
        break;
      case 'UNSUBSCRIBE':
        this.#unsubscribe(frame);
        break;
      case 'ACK':
      case 'NACK':
        if (transaction === undefined) this.#subscriptions.settle(frame);
        else this.#transactions.ack(transaction, frame);
        break;
      case 'BEGIN':
        this.#transactions.begin(frame.need('transaction'));
        break;
      case 'ABORT':
        this.#transactions.end(frame.need('transaction'));
        break;
      default:
        throw new JunctionError('invalid-message', 'the connection is open already; send CONNECT once');
    }
    this.receipt(frame);
  }

  receipt(frame: Frame): void {
    const receipt = frame.get('receipt');
    if (receipt !== undefined) this.#peer.text(encodeReceipt(receipt, this.version));
  }

  /** The client sends no more: its subscriptions take nothing new, while frames that have come are still handled. */
  end(): void {
    this.#ended = true;
    this.#subscriptions.end();
  }

  /** The client has said good-bye: those messages that it was sent and did not acknowledge go back. */
  leave(): void {
    this.#leaving = true;
    // A transaction that is being committed may hold acknowledgements.
    if (this.#commits > 0) this.#subscriptions.end();
    else this.#release();
  }

  /** Nothing can be answered any more. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#release();
  }

  #release(): void {
    this.#transactions.clear();
    this.#subscriptions.cancel();
    this.#replyQueues.delete();
  }

  #send(frame: Frame, transaction: string | undefined): void {
    const message = toEnvelope(frame.headers, frame.body, this.#replyQueues.rename);
    const wrong = invalidAddress(message.address, stompAddress);
    if (wrong !== undefined) throw new JunctionError('invalid-message', `destination: ${wrong}`);
    if (message.replyTo !== undefined && control.test(message.replyTo))
      throw new JunctionError('invalid-message', 'reply-to: it holds a control character');
    if (transaction !== undefined) {
      this.#transactions.send(transaction, message);
      return this.receipt(frame);
    }
    const receipt = frame.get('receipt');
    this.#publish(message, (outcome) => {
      if (outcome.state !== 'accepted') this.#fail(outcome.error, receipt);
      else if (receipt !== undefined) this.#peer.text(encodeReceipt(receipt, this.version));
    });
  }

  #publish(message: Envelope, done: (outcome: Outcome) => void): void {
    const bytes = message.body?.length ?? 0;
    this.#unsettled++;
    this.#unsettledBytes += bytes;
    this.#services.publish(message, (outcome) => {
      this.#unsettled--;
      this.#unsettledBytes -= bytes;
      if (this.#closed) return;
      done(outcome);
      this.#onSettled();
    });
  }

  /** The receipt comes, and the acknowledgements count, once every send has been accepted. */
  #commit(frame: Frame): void {
    const { sends, acks } = this.#transactions.end(frame.need('transaction'));
    if (sends.length === 0) return this.#committed(frame, acks);
    let left = sends.length;
    this.#commits++;
    for (const message of sends)
      this.#publish(message, (outcome) => {
        if (outcome.state !== 'accepted') return this.#fail(outcome.error, frame.get('receipt'));
        if (--left > 0) return;
        this.#commits--;
        try {
          this.#committed(frame, acks);
          if (this.#leaving && this.#commits === 0) this.#release();
        } catch (error) {
          this.#fail(JunctionError.from(error), frame.get('receipt'));
        }
      });
  }

  #committed(frame: Frame, acks: readonly Frame[]): void {
    for (const ack of acks) this.#subscriptions.settle(ack);
    this.receipt(frame);
  }

  #subscribe(frame: Frame): void {
    const subscription = this.#subscriptions.add(frame, this.#replyQueues.rename);
    const { destination, selection } = subscription.options;
    if (control.test(destination))
      throw new JunctionError('invalid-message', 'destination: it holds a control character');
    if (Buffer.byteLength(destination) > stompAddress.maxBytes)
      throw new JunctionError('too-large', `destination: it is longer than ${stompAddress.maxBytes} bytes`);
    if (this.#ended) subscription.end();
    subscription.hold(this.#services.subscribe(destination, subscription, selection));
  }

  #unsubscribe(frame: Frame): void {
    const subscription = this.#subscriptions.remove(frame);
    if (subscription.options.mode !== 'auto') return this.#subscriptions.drop(subscription);
    // What is on its way to the client counts as delivered: the subscription ends when that is written.
    this.#peer.outbox.after({ written: () => this.#subscriptions.drop(subscription) });
    this.#peer.touch();
  }
}
