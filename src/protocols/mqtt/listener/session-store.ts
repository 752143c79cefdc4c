import type { EndpointStorage } from '../../../core/storage.ts';
import type { Subscription } from '../codec/subscribe.ts';
import type { Session, UnderWay } from './session.ts';
import { Shelf, type Room } from './shelf.ts';

/** What the store has of a session beside its messages. */
export interface SessionRecord {
  /** Ms that it outlives its connection. */
  readonly expiry: number;
  readonly subscriptions: readonly Subscription[];
  /** Absent while the client is connected. */
  readonly away?: {
    /** When it went, ms of the listener's own clock. */
    readonly at: number;
    readonly underWay: UnderWay;
  };
}

/** How often the clock is kept, in ms. */
const clockEvery = 60_000;

const sessionPrefix = 'session:';
const groupPrefix = 'share:';

/**
 * The part of the store that a listener's sessions have: a record and a queue for each, and a queue for each shared
 * subscription.
 *
 * How long a client has been away is measured by a clock that runs while the listener does and stands still while it does
 * not: no jump of the system's clock, and no long outage of the gateway, ends a session before its time.
 */
export class SessionStore implements Room {
  readonly #storage: EndpointStorage;
  readonly #maxBytes: number;
  readonly #work = new Set<Promise<unknown>>();
  #bytes = 0;
  /** What is to be added to the monotonic clock. */
  #clockOffset = 0;
  /** When the clock was kept, ms of the monotonic clock; undefined until the store is open. */
  #clockKept: number | undefined;

  /** @param maxBytes that its messages may have on the disk */
  constructor(storage: EndpointStorage, maxBytes: number) {
    this.#storage = storage;
    this.#maxBytes = maxBytes;
  }

  get full(): boolean {
    return this.#bytes >= this.#maxBytes;
  }

  took(bytes: number): void {
    this.#bytes += bytes;
  }

  follow(work: Promise<unknown>): void {
    // A store that fails says so itself, and makes the gateway not ready.
    const followed: Promise<void> = work.then(nothing, nothing).then(() => {
      this.#work.delete(followed);
    });
    this.#work.add(followed);
  }

  /** Resolves once all that was begun is on the disk, or has failed. */
  async settled(): Promise<void> {
    while (this.#work.size > 0) await Promise.all(this.#work);
  }

  /** The store is open. @returns the sessions that it has, by client id, with ms since the client went */
  open(now: number): Map<string, SessionRecord & { readonly awayFor: number }> {
    this.#clockOffset = Number(this.#storage.entries().get('clock') ?? 0) - now;
    this.#clockKept = now;
    this.#count();
    const found = new Map<string, SessionRecord & { readonly awayFor: number }>();
    for (const [name, value] of this.#storage.entries()) {
      if (!name.startsWith(sessionPrefix)) continue;
      const record = value as SessionRecord;
      const at = record.away?.at ?? Infinity;
      const awayFor = Math.max(0, now + this.#clockOffset - at);
      found.set(name.slice(sessionPrefix.length), { ...record, awayFor });
    }
    return found;
  }

  /** Called by the sweep. */
  sweep(now: number): void {
    this.#count();
    if (now - (this.#clockKept ?? now) >= clockEvery) this.keepClock(now);
  }

  keepClock(now: number): void {
    if (this.#clockKept === undefined) return;
    this.#clockKept = now;
    this.follow(this.#storage.put('clock', Math.floor(now + this.#clockOffset)));
  }

  /** @param onStored called when there may be something to take */
  sessionShelf(clientId: string, onStored: () => void): Shelf {
    return new Shelf(this.#storage.queue(sessionPrefix + clientId), this, onStored);
  }

  /**
   * Resolves once what the session is at this moment is on the disk.
   * @param away whether its client is away
   */
  save(session: Session, away: boolean): Promise<void> {
    const subscriptions = [...session.subscriptions.values()];
    const at = Math.floor((session.awaySince ?? 0) + this.#clockOffset);
    const record: SessionRecord = {
      expiry: session.expiry,
      subscriptions,
      ...(away ? { away: { at, underWay: session.underWay } } : {}),
    };
    const saved = this.#storage.put(sessionPrefix + session.clientId, record);
    this.follow(saved);
    return saved;
  }

  /** The session is over. */
  forget(clientId: string): void {
    this.follow(this.#storage.delete(sessionPrefix + clientId));
    this.follow(this.#storage.deleteQueue(sessionPrefix + clientId));
  }

  /** A shared subscription's part; `onStored` as above. */
  shelfOf(filter: string, onStored: () => void): Shelf {
    return new Shelf(this.#storage.queue(groupPrefix + filter), this, onStored);
  }

  /** A shared subscription has no members any more. */
  drop(filter: string): void {
    this.follow(this.#storage.deleteQueue(groupPrefix + filter));
  }

  /** A store that has failed says so itself; what is written to it fails anyway. */
  #count(): void {
    try {
      let bytes = 0;
      for (const queue of this.#storage.queues().values()) bytes += queue.bytes;
      this.#bytes = bytes;
    } catch {
      return;
    }
  }
}

const nothing = (): void => {};
