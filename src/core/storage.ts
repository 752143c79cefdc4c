import type { Envelope } from './envelope.ts';
import type { ErrorCode, JunctionError } from './errors.ts';

/**
 * A message whose delivery has failed for good: to one target of a route, to the route as a whole, such as one that it
 * cannot judge, or to the consumers of a listener's queue. Immutable.
 */
export interface DeadLetter {
  /** As its source handed it over: with its own address, key and headers; `hops` without the route, `origin` unset. */
  readonly message: Envelope;
  /** The endpoint it came from. */
  readonly source: string;
  /** undefined: it was in a queue of the listener `endpoint`, which is `source` as well. */
  readonly route: string | undefined;
  /** The endpoint that did not take it; undefined: no target of the route was tried, and all of them lack it. */
  readonly endpoint: string | undefined;
  /** Where it should have gone there, in that endpoint's syntax; undefined where `endpoint` is. */
  readonly address: string | undefined;
  /** Why, for machines and for people; the text is never a secret. */
  readonly code: ErrorCode;
  readonly reason: string;
  /** How often it was tried; 0 where there was nothing to try, such as an address that cannot be, or no target. */
  readonly attempts: number;
  /** When it was tried first and last, ms since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
}

/** One of a route. */
export interface RouteDeadLetter extends DeadLetter {
  readonly route: string;
}

/** A dead letter as a list shows it: all but the message itself, of which only a few fields. */
export interface DeadLetterSummary extends Omit<DeadLetter, 'message'> {
  /** Given by the store: decimal digits, larger for later letters, never used twice. */
  readonly id: string;
  readonly message: Pick<Envelope, 'id' | 'address' | 'key'>;
  /** Of the message's body; 0 where there is none. */
  readonly bytes: number;
}

export interface StoredDeadLetter extends DeadLetter {
  readonly id: string;
}

/** What a letter must be like to be meant; a field that is left out allows all. */
export interface DeadLetterFilter {
  readonly route?: string;
  readonly code?: ErrorCode;
  /** The endpoint that did not take it. */
  readonly endpoint?: string;
  /** `lastAt` at this time or later, ms since the epoch. */
  readonly since?: number;
  /** `lastAt` before this time, ms since the epoch. */
  readonly until?: number;
}

/** A part of a list. */
export interface DeadLetterPage {
  /** Only letters after the one with this id, which need not exist any more. */
  readonly after?: string;
  /** At most so many. */
  readonly limit: number;
}

/**
 * Keeps dead letters over restarts. Every method rejects with a JunctionError `unavailable` where the store has failed
 * or is closed.
 */
export interface DeadLetterStore {
  /** Resolves with the letter's id once it is on the disk: only then may its source be told that it is taken. */
  add(letter: DeadLetter): Promise<string>;
  /** Those that the filter means, oldest first. */
  list(filter: DeadLetterFilter, page: DeadLetterPage): Promise<DeadLetterSummary[]>;
  /** One letter whole; undefined where there is none. An id of any other form is that of no letter. */
  get(id: string): Promise<StoredDeadLetter | undefined>;
  /** Resolves once the removal is on the disk; false where there was no such letter. */
  remove(id: string): Promise<boolean>;
}

/** Where a message is in a queue of the store. */
export interface Place {
  /** Larger for later ones, never used twice while anything of the queue is kept. */
  readonly sequence: number;
  /** Its size in the store. */
  readonly bytes: number;
}

/** A message that waits in a queue of the store. */
export interface KeptMessage extends Place {
  /** When it was taken, ms since the epoch. */
  readonly at: number;
  /** `origin` is unset. */
  readonly message: Envelope;
  /** What `append` or `mark` kept beside it; undefined where there is nothing. */
  readonly note: unknown;
}

/** Messages on the disk, in the order of their sequence numbers. */
export interface KeptQueue {
  /** How many there are; what is being appended counts, what is being removed does not. */
  readonly messages: number;
  /** Their size in the store. */
  readonly bytes: number;
  /** Takes the next place without putting anything there: for one that is appended later, or never. */
  reserve(): number;
  /**
   * Resolves once the message is on the disk: only then may its source be told that it is taken.
   * @param note a small JSON-able value that is kept beside it
   * @param sequence a place that was reserved, or that is beyond all there were; none: the next one
   * @throws JunctionError unavailable where it may not be there
   */
  append(message: Envelope, note?: unknown, sequence?: number): Promise<Place>;
  /**
   * Those on the disk after the given sequence number, oldest first.
   * @param limit how many at most
   * @param bytes no further one once these are reached
   * @throws JunctionError unavailable where the store has failed, closed where it is closed
   */
  read(after: number, limit: number, bytes: number): KeptMessage[];
  /** One of them; undefined where it is not there. Throws as `read` does. */
  get(sequence: number): KeptMessage | undefined;
  /** Replaces the note of a message that is there. Resolves once that is on the disk; rejects as `append` does. */
  mark(sequence: number, note: unknown): Promise<void>;
  /** Resolves once the removal is on the disk; rejects as `append` does. To be called once for a message. */
  remove(place: Place): Promise<void>;
}

/** A message that waits in a spool. */
export interface SpooledMessage extends Place {
  /** When it was taken, ms since the epoch. */
  readonly at: number;
  /** `origin` is unset. */
  readonly message: Envelope;
  /** The names of the targets that have it already (`SpoolQueue.mark`). */
  readonly done: readonly string[];
}

/**
 * The messages of one route that were accepted and are not delivered yet, in the order in which they were accepted.
 * All but `route`, `append` and `done` is as in KeptQueue.
 */
export interface SpoolQueue {
  readonly route: string;
  readonly messages: number;
  readonly bytes: number;
  append(message: Envelope): Promise<Place>;
  read(after: number, limit: number, bytes: number): SpooledMessage[];
  get(sequence: number): SpooledMessage | undefined;
  /** Keeps the names of the targets that have a message already, so that they do not get it again after a restart. */
  mark(sequence: number, done: readonly string[]): Promise<void>;
  remove(place: Place): Promise<void>;
}

export interface SpoolStore {
  /** The queue of a route, made where there is none. */
  spool(route: string): SpoolQueue;
  /** All queues, also those whose routes are no more. */
  spools(): readonly SpoolQueue[];
}

/** How long values are remembered, and how many of them. */
export interface SeenBounds {
  /** Ms after the confirmation. */
  readonly window: number;
  readonly max: number;
}

/** The values, such as message ids, that have come through a route lately; as digests of 16 bytes, evenly spread. */
export interface SeenValues {
  /** How many are remembered. */
  readonly size: number;
  /** Why none can be added any more; undefined while they can. */
  readonly stopped: JunctionError | undefined;
  /** Whether it was added within the window, and is not one of the oldest beyond the bound. */
  has(digest: Buffer): boolean;
  /**
   * Resolves once it is on the disk; from then on `has` tells of it. Its transaction is that of whatever was written to
   * the store in the same tick. Rejects as `SpoolQueue.append` does.
   */
  add(digest: Buffer): Promise<void>;
}

export interface SeenStore {
  /** Those of a route, which `by` told apart; the bounds are changed where there are others already. */
  seen(route: string, by: string, bounds: SeenBounds): SeenValues;
}

/**
 * What one endpoint keeps over restarts: queues of messages, and small values. The names are its own; two endpoints'
 * names do not meet. To be used from `Endpoint.open` until `close`: before and after, and once the store has failed, its
 * methods throw or reject with a JunctionError, unavailable or closed.
 */
export interface EndpointStorage {
  /** The queue of this name, made where there is none; one that is empty need not be there after a restart. */
  queue(name: string): KeptQueue;
  /** All its queues, by name. */
  queues(): ReadonlyMap<string, KeptQueue>;
  /** Forgets a queue with everything in it; resolves once that is on the disk. Its `KeptQueue` takes nothing more. */
  deleteQueue(name: string): Promise<void>;
  /** Keeps a small JSON-able value; resolves once it is on the disk. */
  put(name: string, value: unknown): Promise<void>;
  /** Forgets a value; resolves once that is on the disk. */
  delete(name: string): Promise<void>;
  /** All its values, by name. */
  entries(): ReadonlyMap<string, unknown>;
  /** Keeps a dead letter of one of its queues; resolves once it is on the disk. What is removed in the same tick goes with it, or not at all. */
  bury(letter: Omit<DeadLetter, 'source' | 'endpoint' | 'route'>): Promise<string>;
}
