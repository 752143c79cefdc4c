import { performance } from 'node:perf_hooks';
import { JunctionError } from '../core/errors.ts';

export interface SendQueueOptions {
  /** The broker as people call it, for errors. */
  readonly broker: string;
  /** Messages under way at one time, at most. */
  readonly inFlight: number;
  /** Bytes not yet confirmed, at most. */
  readonly maxPending: number;
  /** Ms a message may wait for its confirmation. */
  readonly timeout: number;
  /** Where several queues share the bound `maxPending`: their bytes together. */
  readonly pending?: { bytes: number };
}

/** A message on its way to a broker; its sender is answered exactly once. */
export class Outgoing<T> {
  readonly value: T;
  readonly bytes: number;
  /** By the monotonic clock, ms. */
  readonly deadline: number;
  /** Its sender has an answer: a late confirmation only frees its place. */
  settled = false;
  readonly #resolve: () => void;
  readonly #reject: (error: JunctionError) => void;

  constructor(
    value: T,
    bytes: number,
    deadline: number,
    resolve: () => void,
    reject: (error: JunctionError) => void,
  ) {
    this.value = value;
    this.bytes = bytes;
    this.deadline = deadline;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  settle(error?: JunctionError): void {
    if (this.settled) return;
    this.settled = true;
    if (error) this.#reject(error);
    else this.#resolve();
  }
}

/**
 * What a sink has taken and its broker has not confirmed, in order: first those under way, then those that wait. What
 * was under way when a connection was lost is sent again on the next one, until its time is up. Then what comes after
 * it, and has not been written or would be written again, goes back to its senders too: it must not overtake what they
 * are going to send again.
 */
export class SendQueue<T> {
  readonly #options: SendQueueOptions;
  #waiting: Outgoing<T>[] = [];
  #head = 0;
  /** In order of writing. */
  readonly #underWay = new Set<Outgoing<T>>();
  readonly #pending: { bytes: number };
  #sweep: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(options: SendQueueOptions) {
    this.#options = options;
    this.#pending = options.pending ?? { bytes: 0 };
  }

  /** Whether nothing waits or is under way. */
  get idle(): boolean {
    return this.#underWay.size === 0 && this.#head === this.#waiting.length;
  }

  /**
   * Queues a message; resolves or rejects by `done`, or when its time is up: `unavailable` where it was never
   * written, `timeout` where its outcome is unknown.
   */
  push(value: T, bytes: number): Promise<void> {
    const { broker, maxPending, timeout } = this.#options;
    if (this.#closed)
      return Promise.reject(new JunctionError('closed', `the connection to ${broker} is closing`));
    if (this.#pending.bytes > 0 && this.#pending.bytes + bytes > maxPending)
      return Promise.reject(
        new JunctionError(
          'busy',
          `${this.#pending.bytes} bytes wait for ${broker}; max_pending is ${maxPending}`,
        ),
      );
    return new Promise((resolve, reject) => {
      this.#waiting.push(new Outgoing(value, bytes, performance.now() + timeout, resolve, reject));
      this.#pending.bytes += bytes;
      // Bounded, because Node makes 1 ms of what is over 2^31-1.
      this.#sweep ??= setInterval(() => this.#expire(), Math.max(10, Math.min(1000, timeout / 20)));
    });
  }

  /** The next message to write, now under way; undefined where there is none, or too many are. */
  take(): Outgoing<T> | undefined {
    if (this.#head === this.#waiting.length || this.#underWay.size >= this.#options.inFlight)
      return undefined;
    const outgoing = this.#waiting[this.#head++]!;
    this.#compact();
    this.#underWay.add(outgoing);
    return outgoing;
  }

  /** The broker has answered for a message under way: it has it, or `error` says why not. */
  done(outgoing: Outgoing<T>, error?: JunctionError): void {
    if (!this.#underWay.delete(outgoing)) return;
    this.#pending.bytes -= outgoing.bytes;
    outgoing.settle(error);
  }

  /** The connection is lost: what was under way waits again, before everything else and in its order. */
  putBack(): void {
    const again: Outgoing<T>[] = [];
    let overtaken = false;
    for (const outgoing of this.#underWay) {
      overtaken ||= outgoing.settled;
      if (!overtaken) again.push(outgoing);
      else this.#giveBack(outgoing, this.#unconfirmed());
    }
    this.#underWay.clear();
    if (overtaken) this.#giveBackWaiting();
    this.#waiting = [...again, ...this.#waiting.slice(this.#head)];
    this.#head = 0;
  }

  /** Fails whatever is not confirmed, and all that comes. */
  close(): void {
    this.#closed = true;
    this.fail(new JunctionError('closed', `the connection to ${this.#options.broker} is closing`));
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /** Fails those under way that have as many bytes as any: a broker would not say which of them is too large. */
  failLargest(error: JunctionError): void {
    let most = 0;
    for (const { bytes } of this.#underWay) most = Math.max(most, bytes);
    for (const outgoing of [...this.#underWay]) if (outgoing.bytes === most) this.done(outgoing, error);
  }

  /** Fails whatever is not confirmed. */
  fail(error: JunctionError): void {
    const all = [...this.#underWay, ...this.#waiting.slice(this.#head)];
    this.#underWay.clear();
    this.#waiting = [];
    this.#head = 0;
    for (const outgoing of all) this.#giveBack(outgoing, error);
  }

  #expire(): void {
    const now = performance.now();
    let late = this.#head < this.#waiting.length && this.#waiting[this.#head]!.deadline <= now;
    for (const outgoing of this.#underWay) {
      if (outgoing.deadline > now) break;
      late ||= !outgoing.settled;
      outgoing.settle(this.#unconfirmed());
    }
    if (late) this.#giveBackWaiting();
    if (this.#underWay.size > 0 || this.#waiting.length > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  #giveBackWaiting(): void {
    const { broker, timeout } = this.#options;
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    for (const outgoing of waiting)
      this.#giveBack(
        outgoing,
        new JunctionError(
          'unavailable',
          `${broker} took nothing, or not what came before, for ${timeout} ms`,
        ),
      );
  }

  #giveBack(outgoing: Outgoing<T>, error: JunctionError): void {
    this.#pending.bytes -= outgoing.bytes;
    outgoing.settle(error);
  }

  /** Its outcome is unknown. */
  #unconfirmed(): JunctionError {
    const { broker, timeout } = this.#options;
    return new JunctionError('timeout', `${broker} did not confirm within ${timeout} ms`);
  }

  /** Lets go of what has left the front, a part at a time. */
  #compact(): void {
    if (this.#head < this.#waiting.length && this.#head <= 1024) return;
    this.#waiting = this.#waiting.slice(this.#head);
    this.#head = 0;
  }
}
