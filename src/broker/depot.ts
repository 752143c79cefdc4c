import { JunctionError } from '../core/errors.ts';
import type { EndpointStorage, KeptQueue, Place } from '../core/storage.ts';
import type { Envelope } from '../core/envelope.ts';

/** What a listener may keep on the disk. */
export interface DepotLimits {
  readonly messages: number;
  readonly bytes: number;
}

/** What the stored queues of one listener share: its part of the store, with bounds. */
export class Depot {
  readonly #storage: EndpointStorage;
  readonly #limits: DepotLimits;
  #messages = 0;
  #bytes = 0;
  #expired = 0;
  /** Counts the sweeps: how long a message waits is told in these. */
  round = 0;

  constructor(storage: EndpointStorage, limits: DepotLimits) {
    this.#storage = storage;
    this.#limits = limits;
  }

  /** How many messages are on the disk or on their way there. */
  get messages(): number {
    return this.#messages;
  }

  /** How many were dropped since their time to live was over. */
  get expired(): number {
    return this.#expired;
  }

  /** Why nothing more may be stored; undefined while there is room. */
  get full(): JunctionError | undefined {
    if (this.#messages < this.#limits.messages && this.#bytes < this.#limits.bytes) return undefined;
    return new JunctionError(
      'busy',
      `the queues of this listener hold ${this.#messages} stored messages, ${this.#bytes} bytes, the most they may`,
    );
  }

  /** To be called once the store is open: counts what is there, and returns the names of queues with messages. */
  open(): string[] {
    const names: string[] = [];
    this.#messages = this.#bytes = 0;
    for (const [name, { messages, bytes }] of this.#storage.queues()) {
      this.#messages += messages;
      this.#bytes += bytes;
      names.push(name);
    }
    return names;
  }

  /** The queue of this name if it is there. */
  find(name: string): KeptQueue | undefined {
    return this.#storage.queues().get(name);
  }

  queue(name: string): KeptQueue {
    return this.#storage.queue(name);
  }

  /** As `KeptQueue.append`, counted. */
  async append(queue: KeptQueue, message: Envelope, sequence: number): Promise<Place> {
    const before = queue.bytes;
    const appended = queue.append(message, undefined, sequence);
    const bytes = queue.bytes - before;
    this.#count(1, bytes);
    try {
      return await appended;
    } catch (error) {
      this.#count(-1, -bytes);
      throw error;
    }
  }

  /**
   * As `KeptQueue.remove`, counted; resolves whatever becomes of it. That it could not be removed makes the store fail
   * as a whole, which tells it.
   */
  remove(queue: KeptQueue, place: Place): Promise<void> {
    this.#count(-1, -place.bytes);
    return queue.remove(place).catch(() => undefined);
  }

  /** Keeps the dead letter of a message that is removed in the same tick. */
  bury(message: Envelope, error: JunctionError, attempts: number, firstAt: number): void {
    if (error.code === 'expired') {
      this.#expired++;
      return;
    }
    this.#storage
      .bury({
        message,
        address: message.address,
        code: error.code,
        reason: error.message,
        attempts,
        firstAt,
        lastAt: Date.now(),
      })
      .catch(() => undefined);
  }

  /** Forgets a queue and what is in it. */
  async delete(name: string): Promise<void> {
    const queue = this.find(name);
    if (!queue) return;
    this.#count(-queue.messages, -queue.bytes);
    await this.#storage.deleteQueue(name);
  }

  #count(messages: number, bytes: number): void {
    this.#messages += messages;
    this.#bytes += bytes;
  }
}
