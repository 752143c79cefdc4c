import { Backoff } from '../../../core/backoff.ts';
import { encodeBatch, sequenceAfter } from '../wire/record-batch.ts';
import type { Identity } from '../wire/requests.ts';
import { Queue, type Pending } from './pending.ts';

/**
 * Messages that go to a partition together. Once brokers may have it, it is sent again as it is: the same bytes under
 * the same number, until they tell.
 */
export interface Batch {
  readonly pending: readonly Pending[];
  bytes: Buffer;
  /** Whether `bytes` are as they go to the broker. */
  ready: boolean;
  /** Whether an answer is awaited. */
  underWay: boolean;
  /** Whether brokers may have it though they have not said so. */
  unknown: boolean;
  /** Whether the last answer leaves no hope that they will. */
  hopeless: boolean;
}

/**
 * One partition of a topic: what waits for it, and the one batch that is under way. One at a time keeps the order, and
 * keeps the sequence plain: a number is given to other messages only when the broker has said that those which bore it
 * were not written.
 */
export class Partition {
  readonly topic: string;
  readonly index: number;
  readonly queue = new Queue();
  /** The node that takes its records, if there is one. */
  leader: number | undefined;
  /** Since when, by the monotonic clock in ms, the brokers say that it does not exist. */
  goneSince: number | undefined;
  batch: Batch | undefined;
  /** Runs until it may be tried again. */
  delay: NodeJS.Timeout | undefined;
  /** Why it did not take the last batch. */
  trouble: string | undefined;
  /** Whether somebody was told that a batch waits for the outcome past its time. */
  told = false;
  readonly backoff = new Backoff(50, 2000);
  /** Who we are to it; undefined: its sequence begins anew under an identity that it does not know. */
  #identity: Identity | undefined;
  /** The number of the next record. */
  #sequence = 0;
  /** An identity that it knows, and whose numbers are no longer sure. */
  #spoilt: Identity | undefined;
  /** At most this many in a batch: lowered to find the one message that the brokers refuse. */
  #limit = Infinity;

  constructor(topic: string, index: number) {
    this.topic = topic;
    this.index = index;
  }

  get idle(): boolean {
    return this.queue.length === 0 && this.batch === undefined;
  }

  /** Whether an identity can begin, or go on, here. */
  canUse(identity: Identity): boolean {
    return this.#identity !== undefined || identity !== this.#spoilt;
  }

  /**
   * Makes a batch of what waits.
   * @param identity for a sequence that begins; undefined: no sequence
   * @param ready whether it goes to the broker as it is encoded
   */
  fill(identity: Identity | undefined, count: number, bytes: number, ready: boolean): Batch {
    const pending = this.queue.take(Math.min(count, this.#limit), bytes);
    if (identity) this.#identity ??= identity;
    const stamp = identity && { identity: this.#identity!, sequence: this.#sequence };
    const records = pending.map(({ record }) => record);
    const encoded = encodeBatch(records, stamp);
    this.batch = { pending, bytes: encoded, ready, underWay: false, unknown: false, hopeless: false };
    return this.batch;
  }

  /** The batch is written: the sequence goes on. */
  written(normal: number): readonly Pending[] {
    const { pending } = this.#release();
    this.#sequence = sequenceAfter(this.#sequence, pending.length);
    this.#limit = this.#limit * 2 >= normal ? Infinity : this.#limit * 2;
    this.backoff.reset();
    this.trouble = undefined;
    return pending;
  }

  /** The last attempt wrote nothing: unless an earlier one may have, its messages wait again. */
  notWritten(): void {
    if (this.batch!.unknown) this.batch!.underWay = false;
    else this.queue.putBack(this.#release().pending);
  }

  /** The batch can be told from nothing that is there: its messages wait to be sent under other numbers. */
  beginAnew(): void {
    const { pending, unknown } = this.#release();
    if (unknown) for (const each of pending) each.unknown = true;
    this.#forget();
    this.queue.putBack(pending);
  }

  /** Takes the batch away, whatever became of it. */
  giveUp(): readonly Pending[] {
    const { pending, unknown } = this.#release();
    if (unknown) this.#forget();
    return pending;
  }

  /** One of the batch's messages is refused: half of them are sent from now on, to find it. */
  halve(): void {
    this.#limit = Math.ceil(this.batch!.pending.length / 2);
    if (this.batch!.unknown) this.beginAnew();
    else this.notWritten();
  }

  #release(): Batch {
    const batch = this.batch!;
    this.batch = undefined;
    this.told = false;
    return batch;
  }

  #forget(): void {
    this.#spoilt = this.#identity;
    this.#identity = undefined;
    this.#sequence = 0;
  }
}
