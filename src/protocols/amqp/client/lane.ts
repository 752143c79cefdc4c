import type { Outgoing, SendQueue } from '../../../client/send-queue.ts';
import { Backoff } from '../../../core/backoff.ts';
import { JunctionError } from '../../../core/errors.ts';
import type { AmqpError, OutgoingLink, OutgoingLinkHandler } from '../engine/api.ts';
import { condition } from '../errors.ts';
import { origin, type Addresses } from './addresses.ts';
import { errorOf, linkError } from './answers.ts';
import type { BrokerConnection } from './broker-connection.ts';

/**
 * The way to one address: its messages, and while there are any, a link. What goes wrong with the link concerns these
 * messages only; it is attached again, with back-off.
 */
export class Lane implements OutgoingLinkHandler {
  readonly #address: string;
  readonly #addresses: Addresses;
  readonly #queue: SendQueue<Buffer>;
  readonly #worked: () => void;
  readonly #backoff = new Backoff(100, 10_000);
  #connection: BrokerConnection | undefined;
  #link: OutgoingLink | undefined;
  #attaching = false;
  #again: NodeJS.Timeout | undefined;
  /** When it was last used: a count, not a time. */
  used = 0;

  /** @param worked is told when the broker has taken a message */
  constructor(address: string, addresses: Addresses, queue: SendQueue<Buffer>, worked: () => void) {
    this.#address = address;
    this.#addresses = addresses;
    this.#queue = queue;
    this.#worked = worked;
  }

  get idle(): boolean {
    return this.#queue.idle && !this.#attaching;
  }

  /** A connection is there. */
  connected(connection: BrokerConnection): void {
    this.#connection = connection;
    if (!this.#queue.idle) this.#attach();
  }

  /** It is over. */
  disconnected(): void {
    this.#connection = undefined;
    clearTimeout(this.#again);
    this.#again = undefined;
    this.#attaching = false;
    this.#link = undefined;
    this.#queue.putBack();
  }

  /** @param bytes the encoded message */
  send(bytes: Buffer): Promise<void> {
    const sent = this.#queue.push(bytes, bytes.length);
    if (this.#link) this.#pump(this.#link);
    else this.#attach();
    return sent;
  }

  /** Ends the link; to be called while idle, or at the end. */
  close(): void {
    this.#link?.detach();
    this.disconnected();
    this.#queue.close();
  }

  onAttached(link: OutgoingLink): void {
    this.#connection?.answered(this);
    this.#attaching = false;
    if (!this.#connection) return link.detach();
    this.#link = link;
  }

  onCredit(link: OutgoingLink): void {
    if (link === this.#link) this.#pump(link);
  }

  onDetach(error: AmqpError | undefined): void {
    const connection = this.#connection;
    connection?.answered(this);
    this.#attaching = false;
    this.#link = undefined;
    if (error?.condition === condition.tooLarge) this.#queue.failLargest(linkError(this.#address, error));
    this.#queue.putBack();
    if (!connection?.open) return; // `disconnected` follows
    const reason = linkError(this.#address, error);
    if (error && !reason.retryable && error.condition !== condition.tooLarge) this.#queue.fail(reason);
    this.#again ??= setTimeout(() => {
      this.#again = undefined;
      if (!this.#queue.idle) this.#attach();
    }, this.#backoff.next());
  }

  #attach(): void {
    const connection = this.#connection;
    if (!connection?.open || this.#attaching || this.#again || this.#link) return;
    this.#attaching = true;
    connection.attach({
      name: `to ${this.#address}`,
      receiver: false,
      source: origin,
      target: this.#addresses.target(this.#address),
      maxMessageSize: 0,
      handler: this,
    });
  }

  #pump(link: OutgoingLink): void {
    while (link.credit > 0) {
      const outgoing = this.#queue.take();
      if (!outgoing) return;
      if (outgoing.bytes > link.maxMessageSize) this.#refuse(outgoing, link.maxMessageSize);
      else
        link.send(outgoing.value, (outcome) => {
          const error = errorOf(outcome);
          this.#queue.done(outgoing, error);
          if (!error) this.#accepted();
          if (this.#link) this.#pump(this.#link);
        });
    }
  }

  #accepted(): void {
    this.#backoff.reset();
    this.#worked();
  }

  #refuse(outgoing: Outgoing<Buffer>, most: number): void {
    const message = `the message has ${outgoing.bytes} bytes, the broker takes ${most}`;
    this.#queue.done(outgoing, new JunctionError('too-large', message));
  }
}
