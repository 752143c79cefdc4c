import { JunctionError, type ErrorCode } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type {
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  DeadLetterSummary,
  StoredDeadLetter,
} from '../core/storage.ts';
import type { Dispatcher } from './dispatch.ts';

/** What came of sending a dead letter again. */
export type Replayed =
  | { readonly id: string; readonly state: 'replayed' }
  | { readonly id: string; readonly state: 'missing' }
  /** `retryable`: it may succeed later. The letter is still there. */
  | {
      readonly id: string;
      readonly state: 'failed';
      readonly code: ErrorCode;
      readonly reason: string;
      readonly retryable: boolean;
    };

/** What came of a part of many. */
export interface BulkReplayed {
  readonly replayed: number;
  readonly failed: readonly (Replayed & { readonly state: 'failed' })[];
  /** Why the rest was left: a target is away, and so all for it would fail. */
  readonly stopped?: string;
  /** Where the next part begins; undefined where there is none. */
  readonly next?: string;
}

/** Puts the message of a letter that has no route into the queue again that it was in. Never rejects. */
export type Requeue = (letter: StoredDeadLetter) => Promise<Outcome>;

/** What operators do with the dead letters of the store. */
export class DeadLetterDesk {
  readonly #store: DeadLetterStore;
  readonly #dispatcher: Dispatcher;
  readonly #requeue: Requeue;
  /** Those that are being sent or removed: nothing is to be sent twice because two asked for it. */
  readonly #taken = new Set<string>();

  constructor(store: DeadLetterStore, dispatcher: Dispatcher, requeue: Requeue) {
    this.#store = store;
    this.#dispatcher = dispatcher;
    this.#requeue = requeue;
  }

  list(filter: DeadLetterFilter, page: DeadLetterPage): Promise<DeadLetterSummary[]> {
    return this.#store.list(filter, page);
  }

  get(id: string): Promise<StoredDeadLetter | undefined> {
    return this.#store.get(id);
  }

  /**
   * Sends a letter's message through its route again, once, or into the queue it was in; the letter is removed after
   * the confirmation.
   * @param allTargets to all targets of the route rather than the one that failed; so it is anyway where none was tried
   */
  replay(id: string, allTargets: boolean): Promise<Replayed> {
    return this.#alone(id, async () => {
      const letter = await this.#store.get(id);
      if (!letter) return { id, state: 'missing' };
      const { route, message, endpoint, address } = letter;
      // One of a route as a whole has no target of its own.
      const whole = allTargets || endpoint === undefined || address === undefined;
      const outcome = await (route === undefined
        ? this.#requeue(letter)
        : this.#dispatcher.replay(route, message, whole ? undefined : { endpoint, address }));
      if (outcome.state !== 'accepted') return failure(id, outcome.error);
      try {
        await this.#store.remove(id);
      } catch (error) {
        const { code, message } = JunctionError.from(error);
        const reason = `it was delivered, but is still in the store, and would be sent twice: ${message}`;
        return failure(id, new JunctionError(code, reason));
      }
      return { id, state: 'replayed' };
    });
  }

  /** Sends the letters of one page again, oldest first and one at a time, so that their order is kept. */
  async replayAll(
    filter: DeadLetterFilter,
    page: DeadLetterPage,
    allTargets: boolean,
  ): Promise<BulkReplayed> {
    const letters = await this.#store.list(filter, page);
    let replayed = 0;
    const failed: (Replayed & { state: 'failed' })[] = [];
    for (const { id } of letters) {
      const result = await this.replay(id, allTargets);
      if (result.state === 'replayed') replayed++;
      if (result.state !== 'failed') continue;
      failed.push(result);
      if (result.retryable) return { replayed, failed, stopped: result.reason };
    }
    return { replayed, failed, ...nextOf(letters, page) };
  }

  /** Resolves with whether there was such a letter. */
  async drop(id: string): Promise<boolean> {
    const dropped = await this.#alone(id, async () =>
      (await this.#store.remove(id)) ? 'dropped' : 'missing',
    );
    if (typeof dropped === 'object') throw new JunctionError(dropped.code, dropped.reason);
    return dropped === 'dropped';
  }

  async dropAll(filter: DeadLetterFilter, page: DeadLetterPage): Promise<{ dropped: number; next?: string }> {
    const letters = await this.#store.list(filter, page);
    const free = letters.filter(({ id }) => !this.#taken.has(id));
    const removed = await Promise.all(free.map(({ id }) => this.#store.remove(id)));
    return { dropped: removed.filter(Boolean).length, ...nextOf(letters, page) };
  }

  async #alone<Result>(
    id: string,
    work: () => Promise<Result>,
  ): Promise<Result | (Replayed & { state: 'failed' })> {
    if (this.#taken.has(id))
      return failure(id, new JunctionError('busy', 'someone else is sending or dropping it'));
    this.#taken.add(id);
    try {
      return await work();
    } finally {
      this.#taken.delete(id);
    }
  }
}

const nextOf = (letters: readonly DeadLetterSummary[], { limit }: DeadLetterPage): { next?: string } =>
  letters.length < limit ? {} : { next: letters.at(-1)!.id };

const failure = (id: string, { code, message, retryable }: JunctionError) =>
  ({ id, state: 'failed', code, reason: message, retryable }) as const;
