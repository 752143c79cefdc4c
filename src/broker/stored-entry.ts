import type { Envelope } from '../core/envelope.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Place } from '../core/storage.ts';
import { costOf } from './queue.ts';

/** One unsettled message of a stored queue that is in memory. `order` is its place, on the disk as well. */
export class StoredEntry {
  readonly envelope: Envelope;
  readonly order: number;
  readonly cost: number;
  /** The sweep before which it came. */
  readonly round: number;
  /** When it was stored, ms since the epoch; 0: not before the last start. */
  readonly at: number;
  deliveryCount: number;
  /** Answers its publisher; undefined once that is done. */
  tell: ((outcome: Outcome) => void) | undefined;
  /** Where it is on the disk; undefined while it is not there. */
  place: Place | undefined;
  /** Whether it is being written. */
  storing = false;
  /** Whether it is settled for good. */
  ended = false;

  constructor(
    envelope: Envelope,
    order: number,
    round: number,
    at: number,
    tell: ((outcome: Outcome) => void) | undefined,
    place: Place | undefined,
  ) {
    this.envelope = envelope;
    this.order = order;
    this.cost = costOf(envelope);
    this.round = round;
    this.at = at;
    this.deliveryCount = envelope.deliveryCount;
    this.tell = tell;
    this.place = place;
  }
}
