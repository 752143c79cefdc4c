import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Frame } from './frame.ts';

/** What a transaction holds until COMMIT. */
export interface Transaction {
  readonly sends: Envelope[];
  readonly acks: Frame[];
}

export interface Limits {
  readonly max_transactions: number;
  readonly max_transaction_frames: number;
  /** Body bytes that all transactions of the connection may hold. */
  readonly window_size: number;
}

/**
 * The open transactions of one connection. COMMIT publishes the sends in order, and applies the acknowledgements once
 * every send has been accepted; a transaction that is not committed leaves no trace.
 */
export class Transactions {
  readonly #limits: Limits;
  readonly #open = new Map<string, Transaction>();
  #bytes = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  begin(name: string): void {
    if (this.#open.has(name))
      throw new JunctionError('invalid-message', 'this transaction has begun already');
    if (this.#open.size >= this.#limits.max_transactions)
      throw new JunctionError(
        'busy',
        `a connection may have ${this.#limits.max_transactions} open transactions`,
      );
    this.#open.set(name, { sends: [], acks: [] });
  }

  send(name: string, message: Envelope): void {
    const transaction = this.#room(name);
    const bytes = message.body?.length ?? 0;
    if (this.#bytes + bytes > this.#limits.window_size)
      throw new JunctionError('too-large', `transactions hold more than ${this.#limits.window_size} bytes`);
    this.#bytes += bytes;
    // It may stay long: it must not keep the socket's whole buffer alive.
    const body = message.body && Buffer.from(message.body);
    transaction.sends.push({ ...message, body });
  }

  ack(name: string, frame: Frame): void {
    this.#room(name).acks.push(frame);
  }

  /** Ends it, by COMMIT or ABORT, and hands over what it held. */
  end(name: string): Transaction {
    const transaction = this.#find(name);
    this.#open.delete(name);
    for (const message of transaction.sends) this.#bytes -= message.body?.length ?? 0;
    return transaction;
  }

  clear(): void {
    this.#open.clear();
    this.#bytes = 0;
  }

  #find(name: string): Transaction {
    const transaction = this.#open.get(name);
    if (!transaction)
      throw new JunctionError('invalid-message', 'there is no such transaction; BEGIN it first');
    return transaction;
  }

  #room(name: string): Transaction {
    const transaction = this.#find(name);
    if (transaction.sends.length + transaction.acks.length >= this.#limits.max_transaction_frames)
      throw new JunctionError(
        'too-large',
        `a transaction may hold ${this.#limits.max_transaction_frames} frames`,
      );
    return transaction;
  }
}
