import type { JunctionError } from '../../../core/errors.ts';
import { recordOverhead, type EncodedRecord } from '../wire/record-batch.ts';

/** A message on its way to the brokers. */
export class Pending {
  readonly record: EncodedRecord;
  /** Of its key; undefined: it has none, and any partition will do. */
  readonly hash: number | undefined;
  /** When its sender is told to try again, by the monotonic clock in ms. */
  readonly deadline: number;
  readonly resolve: () => void;
  readonly reject: (error: JunctionError) => void;
  /** Whether brokers may have it all the same, where they cannot tell. */
  unknown = false;

  constructor(
    record: EncodedRecord,
    hash: number | undefined,
    deadline: number,
    resolve: () => void,
    reject: (error: JunctionError) => void,
  ) {
    this.record = record;
    this.hash = hash;
    this.deadline = deadline;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** What it adds to a batch, at most. */
  get bytes(): number {
    return this.record.tail.length + recordOverhead;
  }
}

/** Messages that wait, in order. */
export class Queue {
  #items: Pending[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(pending: Pending): void {
    this.#items.push(pending);
  }

  /** The next messages within these bounds, at least one if there is any. */
  take(count: number, bytes: number): Pending[] {
    const taken: Pending[] = [];
    let size = 0;
    while (this.length > 0 && taken.length < count) {
      const next = this.#items[this.#head]!;
      size += next.bytes;
      if (taken.length > 0 && size > bytes) break;
      taken.push(next);
      this.#head++;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return taken;
  }

  /** Gives back what was taken, before everything that came after it. */
  putBack(pending: readonly Pending[]): void {
    this.#items = [...pending, ...this.#items.slice(this.#head)];
    this.#head = 0;
  }

  /** Whether what waits first is past its deadline. Deadlines grow along the queue. */
  isLate(now: number): boolean {
    return this.length > 0 && this.#items[this.#head]!.deadline <= now;
  }

  /** Takes all that waits. */
  takeAll(): Pending[] {
    return this.take(Infinity, Infinity);
  }
}
