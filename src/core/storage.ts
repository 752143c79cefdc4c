import type { Envelope } from './envelope.ts';
import type { ErrorCode } from './errors.ts';

/** A message whose delivery to one target of a route has failed for good. Immutable. */
export interface DeadLetter {
  /** As its source handed it over: with its own address, key and headers; `hops` without the route, `origin` unset. */
  readonly message: Envelope;
  /** The endpoint it came from. */
  readonly source: string;
  readonly route: string;
  /** The endpoint that did not take it. */
  readonly endpoint: string;
  /** Where it should have gone there, in that endpoint's syntax. */
  readonly address: string;
  /** Why, for machines and for people; the text is never a secret. */
  readonly code: ErrorCode;
  readonly reason: string;
  /** How often it was tried; 0 where there was nothing to try, such as an address that cannot be. */
  readonly attempts: number;
  /** When it was tried first and last, ms since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
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

/** A message that waits in a spool. */
export interface SpooledMessage {
  /** Its place in the queue: larger for later ones, never used twice. */
  readonly sequence: number;
  /** When it was taken, ms since the epoch. */
  readonly at: number;
  /** Its size in the store. */
  readonly bytes: number;
  /** `origin` is unset. */
  readonly message: Envelope;
  /** The names of the targets that have it already (`SpoolQueue.mark`). */
  readonly done: readonly string[];
}

/** The messages of one route that were accepted and are not delivered yet, in the order in which they were accepted. */
export interface SpoolQueue {
  readonly route: string;
  /** How many there are; what is being appended counts, what is being removed does not. */
  readonly messages: number;
  /** Their size in the store. */
  readonly bytes: number;
  /**
   * Resolves once the message is on the disk: only then may its source be told that it is taken.
   * @throws JunctionError unavailable where it may not be there
   */
  append(message: Envelope): Promise<void>;
  /**
   * Those on the disk after the given sequence number, oldest first.
   * @param limit how many at most
   * @param bytes no further one once these are reached
   * @throws JunctionError unavailable where the store has failed, closed where it is closed
   */
  read(after: number, limit: number, bytes: number): SpooledMessage[];
  /** One of them; undefined where it is not there. Throws as `read` does. */
  get(sequence: number): SpooledMessage | undefined;
  /**
   * Keeps the names of the targets that have a message already, so that they do not get it again after a restart.
   * Resolves once that is on the disk; rejects as `append` does.
   */
  mark(sequence: number, done: readonly string[]): Promise<void>;
  /** Resolves once the removal is on the disk; rejects as `append` does. To be called once for a message. */
  remove(message: Pick<SpooledMessage, 'sequence' | 'bytes'>): Promise<void>;
}

export interface SpoolStore {
  /** The queue of a route, made where there is none. */
  spool(route: string): SpoolQueue;
  /** All queues, also those whose routes are no more. */
  spools(): readonly SpoolQueue[];
}
