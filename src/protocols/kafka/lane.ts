import type { Message } from 'kafkajs';
import { Backoff } from '../../core/backoff.ts';
import type { JunctionError } from '../../core/errors.ts';

/** A message on its way to the brokers, settled exactly once. */
export class Pending {
  readonly message: Message;
  readonly bytes: number;
  /** When its sender is told to try again, by the monotonic clock in ms. */
  readonly deadline: number;
  readonly #resolve: () => void;
  readonly #reject: (error: JunctionError) => void;
  #settled = false;

  constructor(
    message: Message,
    bytes: number,
    deadline: number,
    resolve: () => void,
    reject: (error: JunctionError) => void,
  ) {
    this.message = message;
    this.bytes = bytes;
    this.deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** @param error why the brokers did not take it; none if they have it */
  settle(error?: JunctionError): void {
    if (this.#settled) return;
    this.#settled = true;
    if (error) this.#reject(error);
    else this.#resolve();
  }
}

/** The messages for one topic, in order. Of each lane one request at most is under way. */
export class Lane {
  readonly topic: string;
  /** Has been written to alone in this session, so that it may share a request with others. */
  proven = false;
  /** What the request under way holds. */
  sent: readonly Pending[] | undefined;
  /** Runs until the topic may be tried again. */
  delay: NodeJS.Timeout | undefined;
  readonly backoff = new Backoff(50, 2000);
  /** At most this many in one request: lowered to find the one message that the brokers refuse. */
  #limit = Infinity;
  #queue: Pending[] = [];
  #head = 0;

  constructor(topic: string) {
    this.topic = topic;
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  push(pending: Pending): void {
    this.#queue.push(pending);
  }

  /** The next messages within these bounds, at least one if there is any. */
  take(count: number, bytes: number): Pending[] {
    const taken: Pending[] = [];
    const most = Math.min(count, this.#limit);
    let size = 0;
    while (this.length > 0 && taken.length < most) {
      const next = this.#queue[this.#head]!;
      size += next.bytes;
      if (taken.length > 0 && size > bytes) break;
      taken.push(next);
      this.#head++;
    }
    this.#compact();
    return taken;
  }

  /** Gives back what a failed request held, before everything that came after it. */
  putBack(pending: readonly Pending[]): void {
    this.#queue = [...pending, ...this.#queue.slice(this.#head)];
    this.#head = 0;
  }

  /** Whether what waits first is past its deadline. Deadlines grow along the queue. */
  isLate(now: number): boolean {
    return this.length > 0 && this.#queue[this.#head]!.deadline <= now;
  }

  /** Takes all that waits. */
  takeAll(): Pending[] {
    const all = this.#queue.slice(this.#head);
    this.#queue = [];
    this.#head = 0;
    return all;
  }

  /** From now on sends half of what failed together. */
  halve(failed: number): void {
    this.#limit = Math.ceil(failed / 2);
  }

  /** Undoes `halve` and delays, step by step, after a success. */
  succeeded(normal: number): void {
    this.proven = true;
    this.#limit = this.#limit * 2 >= normal ? Infinity : this.#limit * 2;
    this.backoff.reset();
  }

  #compact(): void {
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}
