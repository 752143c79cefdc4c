import type { DeadLetter, EndpointStorage, KeptQueue } from '../core/storage.ts';
import type { StoredQueue } from './queue.ts';
import type { StoredValues } from './values.ts';

/** What the store does for the storage of endpoints. */
export interface EndpointStore {
  /** Throws where the store is not open. */
  readonly values: StoredValues;
  queuesOf(endpoint: string): Map<string, StoredQueue>;
  newQueue(endpoint: string, name: string): StoredQueue;
  bury(letter: DeadLetter): Promise<string>;
}

/** One endpoint's part of the store; it may be made before the store is open. */
export class StoredEndpoint implements EndpointStorage {
  readonly #endpoint: string;
  readonly #store: EndpointStore;

  constructor(endpoint: string, store: EndpointStore) {
    this.#endpoint = endpoint;
    this.#store = store;
  }

  queue(name: string): KeptQueue {
    return this.#queues.get(name) ?? this.#store.newQueue(this.#endpoint, name);
  }

  queues(): ReadonlyMap<string, KeptQueue> {
    return this.#queues;
  }

  async deleteQueue(name: string): Promise<void> {
    const queue = this.#queues.get(name);
    if (!queue) return;
    const deleted = queue.delete();
    this.#queues.delete(name);
    await deleted;
  }

  async put(name: string, value: unknown): Promise<void> {
    await this.#store.values.put(this.#endpoint, name, value);
  }

  async delete(name: string): Promise<void> {
    await this.#store.values.delete(this.#endpoint, name);
  }

  entries(): ReadonlyMap<string, unknown> {
    return this.#store.values.of(this.#endpoint);
  }

  async bury(letter: Omit<DeadLetter, 'source' | 'endpoint' | 'route'>): Promise<string> {
    const where = { source: this.#endpoint, endpoint: this.#endpoint, route: undefined };
    return this.#store.bury({ ...letter, ...where });
  }

  get #queues(): Map<string, StoredQueue> {
    return this.#store.queuesOf(this.#endpoint);
  }
}
