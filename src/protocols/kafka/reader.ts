import { Backoff } from '../../core/backoff.ts';
import type { JunctionError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';

/** What a reader needs of a record. */
export interface Fetched {
  readonly offset: string;
}

/** One record and what became of it. */
interface Entry<R> {
  readonly offset: number;
  readonly record: R;
  attempts: number;
  accepted: boolean;
}

/** What a reader asks of the source that owns it. */
export interface ReaderHost<R extends Fetched> {
  /** @param attempts how often delivery was tried before */
  deliver(reader: PartitionReader<R>, record: R, attempts: number): Promise<Outcome>;
  /** Room in the window, or a message to deliver, has appeared. */
  pump(): void;
}

/**
 * The messages of one partition between fetching and commit. They are handed over in order, several at a time; what
 * may be committed is the offset before which every message has been accepted. A message that is not accepted holds
 * the partition: nothing new is handed over until a later attempt succeeds. A rejected one holds it too, for there is
 * no place yet to put it aside, and to pass over it would lose it.
 */
export class PartitionReader<R extends Fetched> {
  readonly topic: string;
  readonly partition: number;
  readonly #host: ReaderHost<R>;
  readonly #backoff = new Backoff(100, 30_000);
  /** Handed over and not yet committable, in order of offset. */
  #unsettled: Entry<R>[] = [];
  #waiting: Entry<R>[] = [];
  /** Not accepted, to be tried again. */
  #held: Entry<R>[] = [];
  #retry: NodeJS.Timeout | undefined;
  #retrying: Entry<R> | undefined;
  #inFlight = 0;
  #last = -1;
  #position: number | undefined;
  #committed: number | undefined;
  #rejoined = false;
  #closed = false;
  #drained: (() => void) | undefined;
  /** Why the partition is held, if it is. */
  trouble: { readonly offset: number; readonly error: JunctionError } | undefined;

  constructor(topic: string, partition: number, host: ReaderHost<R>) {
    this.topic = topic;
    this.partition = partition;
    this.#host = host;
  }

  /** Messages handed over whose outcome is not known yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Messages fetched and not handed over. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The offset to commit, if that has changed. */
  get toCommit(): number | undefined {
    return this.#position === this.#committed ? undefined : this.#position;
  }

  committed(offset: number): void {
    this.#committed = offset;
  }

  /** The group was formed anew and this partition is still ours: what we have will be fetched again. */
  rejoined(): void {
    this.#rejoined = true;
  }

  /**
   * Takes what was fetched, without what it already has.
   * @returns false if the records do not continue what it has, so that a fresh reader must take them: the topic was
   *   made anew, or another member of the group has read on meanwhile
   */
  push(records: readonly R[]): boolean {
    const first = Number(records[0]!.offset);
    if (this.#rejoined) {
      const pending = this.#unsettled[0] ?? this.#waiting[0];
      if (pending && first > pending.offset) return false;
      if (this.#committed !== undefined && first < this.#committed) return false;
    } else if (first <= this.#last) return false;
    for (const record of records) {
      const offset = Number(record.offset);
      if (offset <= this.#last) continue;
      this.#rejoined = false;
      this.#last = offset;
      this.#position ??= offset;
      this.#committed ??= offset;
      this.#waiting.push({ offset, record, attempts: 0, accepted: false });
    }
    return true;
  }

  /** Hands over the next message; false where there is none or the partition is held. */
  next(): boolean {
    if (this.#closed || this.trouble || this.#waiting.length === 0) return false;
    const entry = this.#waiting.shift()!;
    this.#unsettled.push(entry);
    this.#deliver(entry);
    if (this.#waiting.length === 0) this.#drained?.();
    return true;
  }

  /** Resolves when nothing waits to be handed over. */
  drained(): Promise<void> {
    if (this.#waiting.length === 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => (this.#drained = resolve));
  }

  /** Hands over nothing more, and no longer tries again; outcomes still count. */
  stop(): void {
    clearTimeout(this.#retry);
    this.#closed = true;
    this.#drained?.();
  }

  #deliver(entry: Entry<R>): void {
    this.#inFlight++;
    void this.#host.deliver(this, entry.record, entry.attempts++).then((outcome) => {
      this.#inFlight--;
      if (outcome.state === 'accepted') this.#accepted(entry);
      else this.#hold(entry, outcome.error);
      this.#host.pump();
    });
  }

  #accepted(entry: Entry<R>): void {
    entry.accepted = true;
    let settled = 0;
    while (this.#unsettled[settled]?.accepted) this.#position = this.#unsettled[settled++]!.offset + 1;
    if (settled > 0) this.#unsettled.splice(0, settled);
    if (entry !== this.#retrying) return;
    // The way is free again: the others that were held follow, in order.
    this.#retrying = undefined;
    this.#backoff.reset();
    this.trouble = undefined;
    for (const held of this.#held.splice(0)) this.#deliver(held);
  }

  #hold(entry: Entry<R>, error: JunctionError): void {
    if (entry === this.#retrying) this.#retrying = undefined;
    this.#held.push(entry);
    this.#held.sort((a, b) => a.offset - b.offset);
    this.trouble = { offset: this.#held[0]!.offset, error };
    if (this.#closed || this.#retry || this.#retrying) return;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#retrying = this.#held.shift()!;
      this.#deliver(this.#retrying);
    }, this.#backoff.next());
  }
}
