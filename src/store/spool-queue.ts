import type { Envelope } from '../core/envelope.ts';
import type { KeptMessage, Place, SpooledMessage, SpoolQueue } from '../core/storage.ts';
import type { StoredQueue } from './queue.ts';

/** One route's spool in the store: a queue whose notes tell which targets have a message already. */
export class StoredSpool implements SpoolQueue {
  readonly route: string;
  readonly #queue: StoredQueue;

  constructor(route: string, queue: StoredQueue) {
    this.route = route;
    this.#queue = queue;
  }

  get messages(): number {
    return this.#queue.messages;
  }

  get bytes(): number {
    return this.#queue.bytes;
  }

  append(message: Envelope): Promise<Place> {
    return this.#queue.append(message);
  }

  read(after: number, limit: number, bytes: number): SpooledMessage[] {
    return this.#queue.read(after, limit, bytes).map(spooled);
  }

  get(sequence: number): SpooledMessage | undefined {
    const kept = this.#queue.get(sequence);
    return kept && spooled(kept);
  }

  mark(sequence: number, done: readonly string[]): Promise<void> {
    return this.#queue.mark(sequence, done);
  }

  remove(place: Place): Promise<void> {
    return this.#queue.remove(place);
  }
}

const spooled = ({ sequence, at, bytes, message, note }: KeptMessage): SpooledMessage => ({
  sequence,
  at,
  bytes,
  message,
  done: (note as readonly string[] | undefined) ?? none,
});

const none: readonly string[] = Object.freeze([]);
