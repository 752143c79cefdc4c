import { crashPoint } from '../../core/crash-point.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Envelope } from '../../core/envelope.ts';
import type { Log } from '../../core/protocol.ts';
import type { SpoolQueue } from '../../core/storage.ts';
import type { Handover } from './handover.ts';
import type { SpoolSettings } from '../route/route.ts';
import { SpoolDrain, type DrainLimits } from './spool-drain.ts';

interface Waiter {
  readonly message: Envelope;
  readonly beside: (() => void) | undefined;
  readonly resolve: (appended: Promise<void>) => void;
  readonly reject: (error: JunctionError) => void;
}

/** A route's messages on the disk: where they go in, within bounds, and from where they are delivered. */
export class Spool {
  readonly #queue: SpoolQueue;
  readonly #log: Log;
  readonly #limits: DrainLimits | undefined;
  #settings: SpoolSettings;
  #handover: Handover;
  #drain: SpoolDrain;
  /** Resolves once all drains before the present one have ended. */
  #ended: Promise<unknown> = Promise.resolve();
  readonly #waiters: Waiter[] = [];
  #onEmpty: (() => void)[] = [];
  #closed: JunctionError | undefined;

  constructor(
    queue: SpoolQueue,
    settings: SpoolSettings,
    handover: Handover,
    log: Log,
    limits?: DrainLimits,
  ) {
    this.#queue = queue;
    this.#settings = settings;
    this.#handover = handover;
    this.#log = log;
    this.#limits = limits;
    this.#drain = this.#newDrain();
  }

  get counts(): { messages: number; bytes: number; underWay: number; parked: number; waiting: number } {
    const { messages, bytes } = this.#queue;
    return { messages, bytes, ...this.#drain.counts, waiting: this.#waiters.length };
  }

  /**
   * Begins to deliver what is there and what comes.
   * @param after once this is over, such as another one that has delivered from the same queue
   */
  start(after?: Promise<void>): void {
    const drain = this.#drain;
    if (!after) return drain.start();
    this.#ended = after;
    void after.then(() => {
      if (this.#drain === drain && !this.#closed) drain.start();
    });
  }

  /**
   * Goes on by other settings.
   * @param handover to other targets, or by other rules; it begins with what the one before has not delivered, once
   *   that one has ended. Undefined: as before
   */
  change(settings: SpoolSettings, handover?: Handover): void {
    this.#settings = settings;
    if (handover) {
      this.#ended = Promise.all([this.#ended, this.#drain.stop()]);
      this.#handover = handover;
      const drain = this.#newDrain();
      this.#drain = drain;
      void this.#ended.then(() => {
        if (this.#drain === drain && !this.#closed) drain.start();
      });
    }
    this.#letIn();
  }

  /** Resolves once what was handed over by former settings is answered for. */
  async settled(): Promise<void> {
    await this.#ended;
  }

  /** Resolves once all that was taken has been delivered, or it was stopped. */
  emptied(): Promise<void> {
    // Who asks later is not told earlier: the last removal may still be on its way to the disk.
    return this.#empty && this.#onEmpty.length === 0
      ? Promise.resolve()
      : new Promise((done) => this.#onEmpty.push(done));
  }

  /**
   * Resolves once the message is on the disk, or is a dead letter since the spool is full.
   * @param beside called in the tick in which the message is written: what it writes shares the transaction. Not called
   *   for a dead letter
   * @throws JunctionError busy where it is full and refuses; unavailable where the store has failed
   */
  append(message: Envelope, beside?: () => void): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#waiters.length === 0 && !this.#full) return this.#append(message, beside);
    switch (this.#settings.full) {
      case 'block':
        return new Promise((resolve, reject) => this.#waiters.push({ message, beside, resolve, reject }));
      case 'reject':
        return Promise.reject(this.#isFull());
      case 'dead-letter':
        return this.#bury(message);
    }
  }

  /** Takes no more and delivers no more; resolves once what is under way is answered for. What is left stays. */
  async stop(why = 'the gateway is stopping'): Promise<void> {
    this.#closed = new JunctionError('closed', why);
    for (const { reject } of this.#waiters.splice(0)) reject(this.#closed);
    for (const done of this.#onEmpty.splice(0)) done();
    await Promise.all([this.#ended, this.#drain.stop()]);
  }

  get #empty(): boolean {
    return this.#queue.messages === 0 && this.#waiters.length === 0;
  }

  #newDrain(): SpoolDrain {
    const { maxAge } = this.#settings;
    return new SpoolDrain(
      this.#queue,
      this.#handover,
      maxAge,
      this.#log,
      () => this.#removed(),
      this.#limits,
    );
  }

  #removed(): void {
    this.#letIn();
    if (this.#onEmpty.length > 0 && this.#empty) for (const done of this.#onEmpty.splice(0)) done();
  }

  get #full(): boolean {
    const { maxBytes, maxMessages } = this.#settings;
    const { bytes, messages } = this.#queue;
    return (
      (maxBytes !== undefined && bytes >= maxBytes) || (maxMessages !== undefined && messages >= maxMessages)
    );
  }

  async #append(message: Envelope, beside: (() => void) | undefined): Promise<void> {
    const appended = this.#queue.append(message);
    beside?.();
    await appended;
    crashPoint?.('spooled');
    this.#drain.wake();
  }

  async #bury(message: Envelope): Promise<void> {
    const outcome = await this.#handover.bury(message, Date.now(), this.#isFull());
    if (outcome.state !== 'accepted') throw outcome.error;
  }

  #letIn(): void {
    while (this.#waiters.length > 0 && !this.#full) {
      const { message, beside, resolve } = this.#waiters.shift()!;
      resolve(this.#append(message, beside));
    }
  }

  #isFull(): JunctionError {
    const { messages, bytes, route } = this.#queue;
    return new JunctionError(
      'busy',
      `the spool of route "${route}" is full: ${messages} messages, ${bytes} bytes; see to its targets, or give it more room`,
    );
  }
}
