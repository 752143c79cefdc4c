import { crashPoint } from '../core/crash-point.ts';
import { JunctionError } from '../core/errors.ts';
import type { Envelope } from '../core/envelope.ts';
import type { Log } from '../core/protocol.ts';
import type { SpoolQueue } from '../core/storage.ts';
import type { Handover } from './handover.ts';
import type { SpoolSettings } from './route.ts';
import { SpoolDrain, type DrainLimits } from './spool-drain.ts';

interface Waiter {
  readonly message: Envelope;
  readonly resolve: (appended: Promise<void>) => void;
  readonly reject: (error: JunctionError) => void;
}

/** A route's messages on the disk: where they go in, within bounds, and from where they are delivered. */
export class Spool {
  readonly #queue: SpoolQueue;
  readonly #settings: SpoolSettings;
  readonly #handover: Handover;
  readonly #drain: SpoolDrain;
  readonly #waiters: Waiter[] = [];
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
    this.#drain = new SpoolDrain(queue, handover, settings.maxAge, log, () => this.#letIn(), limits);
  }

  get counts(): { messages: number; bytes: number; underWay: number; parked: number; waiting: number } {
    const { messages, bytes } = this.#queue;
    return { messages, bytes, ...this.#drain.counts, waiting: this.#waiters.length };
  }

  /** Begins to deliver what is there and what comes. */
  start(): void {
    this.#drain.start();
  }

  /**
   * Resolves once the message is on the disk, or is a dead letter since the spool is full.
   * @throws JunctionError busy where it is full and refuses; unavailable where the store has failed
   */
  append(message: Envelope): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closed);
    if (this.#waiters.length === 0 && !this.#full) return this.#append(message);
    switch (this.#settings.full) {
      case 'block':
        return new Promise((resolve, reject) => this.#waiters.push({ message, resolve, reject }));
      case 'reject':
        return Promise.reject(this.#isFull());
      case 'dead-letter':
        return this.#bury(message);
    }
  }

  /** Takes no more and delivers no more; resolves once what is under way is answered for. What is left stays. */
  async stop(): Promise<void> {
    this.#closed = new JunctionError('closed', 'the gateway is stopping');
    for (const { reject } of this.#waiters.splice(0)) reject(this.#closed);
    await this.#drain.stop();
  }

  get #full(): boolean {
    const { maxBytes, maxMessages } = this.#settings;
    const { bytes, messages } = this.#queue;
    return (
      (maxBytes !== undefined && bytes >= maxBytes) || (maxMessages !== undefined && messages >= maxMessages)
    );
  }

  async #append(message: Envelope): Promise<void> {
    await this.#queue.append(message);
    crashPoint?.('spooled');
    this.#drain.wake();
  }

  async #bury(message: Envelope): Promise<void> {
    const outcome = await this.#handover.bury(message, Date.now(), this.#isFull());
    if (outcome.state !== 'accepted') throw outcome.error;
  }

  #letIn(): void {
    while (this.#waiters.length > 0 && !this.#full) {
      const { message, resolve } = this.#waiters.shift()!;
      resolve(this.#append(message));
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
