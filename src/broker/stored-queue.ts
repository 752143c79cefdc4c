import type { Condition } from '../core/condition.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, type Outcome } from '../core/outcome.ts';
import type { KeptMessage, KeptQueue, Place } from '../core/storage.ts';
import type { Consumer, Subscription } from './delivery.ts';
import type { Depot } from './depot.ts';
import { Member, Members, type Holder } from './members.ts';
import { costOf, type Budget, type MessageQueue } from './queue.ts';
import { batch, search } from './search.ts';
import { StoredEntry } from './stored-entry.ts';
import { Waiting } from './waiting.ts';

/** How many messages of one queue wait in memory; the rest is on the disk alone. */
const inMemory = 1000;
/** A message that is unsettled for so many sweeps is stored: more than one interval, less than two. */
const patience = 2;

/**
 * A queue whose messages are stored when nobody takes them: at once where it has no consumer, after a short patience
 * where a consumer leaves them unsettled. A publisher is answered when its message is settled or stored, whichever is
 * first. Every message has its place from the beginning, so that the order on the disk is that of the queue however
 * late one is stored. In memory are those that are delivered and the first that wait; from `#readTo` on, the others
 * are on the disk alone, but for those of them that a consumer with a condition was found for: `#ahead`.
 */
export class StoredQueue implements MessageQueue, Holder<StoredEntry> {
  readonly #name: string;
  readonly #depot: Depot;
  readonly #budget: Budget;
  readonly #onIdle: () => void;
  readonly #members = new Members<StoredEntry>();
  readonly #waiting = new Waiting<StoredEntry>();
  /** What is being written behind what is on the disk alone, in order. */
  readonly #fresh = new Set<StoredEntry>();
  #kept: KeptQueue | undefined;
  /** The last place given out. */
  #last: number;
  /** Whether there may be messages on the disk alone, all of them behind `#readTo`. */
  #behind: boolean;
  #readTo = 0;
  /** Places behind `#readTo` whose messages are in memory, or are just being removed. */
  readonly #ahead = new Set<number>();
  /** The last place that is known to be on the disk. */
  #diskEnd: number;
  #searching = false;
  #unsettled = 0;
  #writing = 0;
  #pumping = false;
  #stopped: Outcome | undefined;

  /**
   * @param name of its queue in the store
   * @param budget the memory it shares with other queues; without room messages are on the disk alone
   * @param onIdle called when it has neither message nor consumer
   */
  constructor(name: string, depot: Depot, budget: Budget, onIdle: () => void) {
    this.#name = name;
    this.#depot = depot;
    this.#budget = budget;
    this.#onIdle = onIdle;
    this.#kept = depot.find(name);
    this.#last = this.#diskEnd = this.#kept?.reserve() ?? 0;
    this.#behind = (this.#kept?.messages ?? 0) > 0;
  }

  get consumers(): number {
    return this.#members.size;
  }

  /** Whether it has no message, settled for good or not. */
  get empty(): boolean {
    return (
      this.#waiting.length === 0 &&
      this.#unsettled === 0 &&
      !this.#behind &&
      (this.#kept === undefined || this.#kept.messages === 0)
    );
  }

  publish(envelope: Envelope): Promise<Outcome> {
    if (this.#stopped) return Promise.resolve(this.#stopped);
    const alone = this.#members.size === 0;
    if (!this.#behind && (this.#waiting.length >= inMemory || !this.#budget.take(costOf(envelope)))) {
      this.#behind = true;
      this.#readTo = this.#last;
    }
    if (this.#behind || alone) {
      const { full } = this.#depot;
      if (full) {
        if (!this.#behind) this.#budget.give(costOf(envelope));
        return Promise.resolve({ state: 'released', error: full });
      }
    }
    return new Promise((tell) => {
      const entry = new StoredEntry(envelope, ++this.#last, this.#depot.round, 0, tell, undefined);
      if (this.#behind) {
        this.#fresh.add(entry);
        this.#store(entry);
      } else {
        this.#waiting.push(entry);
        if (alone) this.#store(entry);
        else this.pump();
      }
    });
  }

  subscribe(consumer: Consumer, condition?: Condition): Subscription {
    const member = new Member(this, consumer, condition);
    this.#members.add(member);
    this.pump();
    return member;
  }

  dismiss(error: JunctionError): void {
    this.#members.dismiss(error);
  }

  abandon(outcome: Outcome): void {
    this.#stopped = outcome;
    for (const entry of this.#waiting.clear()) this.#giveUp(entry, outcome);
  }

  /** Stores what has waited for too long, and goes on where there was no memory; to be called in short intervals. */
  sweep(): void {
    for (const member of this.#members) for (const entry of member.unsettled) this.#storeIfLate(entry);
    for (const entry of this.#waiting) this.#storeIfLate(entry);
    // Whatever the reason, nothing is left on the disk that is not in memory either.
    if (!this.empty && !this.#behind && this.#waiting.length + this.#unsettled + this.#writing === 0) {
      this.#behind = true;
      this.#readTo = 0;
    }
    this.pump();
  }

  /** Hands out what waits, in turns, to the consumers that have credit. */
  pump(): void {
    // A consumer may settle while it is given a message, which comes here again.
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    this.#handOut();
    this.#pumping = false;
    this.#idle();
  }

  #handOut(): void {
    while (this.#waiting.length > 0 || this.#behind) {
      // What waits in memory may be ahead of what is on the disk alone.
      if (this.#behind && this.#waiting.first > this.#readTo && this.#members.hungry && !this.#readOn())
        return;
      const member = this.#members.next(this.#waiting, this.#behind ? this.#readTo : Infinity);
      if (!member) {
        if (this.#behind && this.#lookAhead()) continue;
        return;
      }
      const entry = member.take(this.#waiting);
      const { expiresAt } = entry.envelope;
      if (expiresAt !== undefined && expiresAt <= Date.now()) {
        this.#end(entry, { state: 'rejected', error: expired });
        continue;
      }
      this.#unsettled++;
      member.give(entry);
    }
  }

  /** Looks on the disk for what consumers with a condition take; returns whether something was found. */
  #lookAhead(): boolean {
    if (!this.#kept || this.#searching) return false;
    const [fresh] = this.#fresh;
    const end = Math.min(this.#diskEnd, (fresh?.order ?? Infinity) - 1);
    let result;
    try {
      const range = { readTo: this.#readTo, end };
      result = search(this.#kept, this.#members, range, (found) => this.#admit(found));
    } catch {
      return false; // the store has failed, and has told so
    }
    if (result !== 'more') return result === 'found';
    // A long search must not hold up the others.
    this.#searching = true;
    setImmediate(() => {
      this.#searching = false;
      this.pump();
    });
    return false;
  }

  /** Takes a message into memory out of its turn; false where there is no room. */
  #admit(found: KeptMessage): boolean {
    const { sequence } = found;
    if (this.#ahead.has(sequence)) return true;
    if (!this.#takeFor(found)) return false;
    this.#ahead.add(sequence);
    this.#members.putBack(this.#entryOf(found), this.#waiting);
    return true;
  }

  #takeFor({ message }: KeptMessage): boolean {
    const cost = costOf(message);
    if (this.#budget.take(cost)) return true;
    // One may always be under way, or the queue could wait for memory that others never give back.
    if (this.#unsettled + this.#waiting.length > 0) return false;
    this.#budget.force(cost);
    return true;
  }

  #entryOf({ message, sequence, bytes, at }: KeptMessage): StoredEntry {
    return new StoredEntry(message, sequence, this.#depot.round, at, undefined, { sequence, bytes });
  }

  settled(entry: StoredEntry, outcome: Outcome, tried: boolean): void {
    this.#unsettled--;
    if (outcome.state === 'released') {
      if (tried) entry.deliveryCount++;
      this.#putBack(entry);
    } else {
      this.#end(entry, outcome);
    }
    this.pump();
  }

  leave(member: Member<StoredEntry>, unsettled: Iterable<StoredEntry>): void {
    this.#members.remove(member);
    for (const entry of unsettled) {
      this.#unsettled--;
      entry.deliveryCount++;
      this.#putBack(entry);
    }
    if (this.#members.size > 0) this.pump();
    else for (const entry of [...this.#waiting]) if (this.#mayStore(entry)) this.#store(entry);
    this.#idle();
  }

  #putBack(entry: StoredEntry): void {
    if (this.#stopped) this.#giveUp(entry, this.#stopped);
    else this.#members.putBack(entry, this.#waiting);
  }

  /** Takes it out of memory when the listener stops: what is stored stays stored. */
  #giveUp(entry: StoredEntry, outcome: Outcome): void {
    this.#budget.give(entry.cost);
    if (entry.storing || entry.place) return;
    entry.tell?.(outcome);
    entry.tell = undefined;
  }

  #end(entry: StoredEntry, outcome: Outcome): void {
    this.#budget.give(entry.cost);
    entry.ended = true;
    const { tell } = entry;
    entry.tell = undefined;
    if (tell) tell(outcome);
    else if (outcome.state === 'rejected')
      this.#depot.bury(entry.envelope, outcome.error, entry.deliveryCount + 1, entry.at || Date.now());
    if (entry.place) this.#remove(entry.place);
  }

  #remove(place: Place): void {
    const removed = this.#depot.remove(this.#kept!, place);
    if (this.#ahead.has(place.sequence)) void removed.then(() => this.#ahead.delete(place.sequence));
  }

  #mayStore(entry: StoredEntry): boolean {
    return !entry.place && !entry.storing && !this.#depot.full;
  }

  #storeIfLate(entry: StoredEntry): void {
    if (this.#depot.round - entry.round >= patience && this.#mayStore(entry)) this.#store(entry);
  }

  #store(entry: StoredEntry): void {
    entry.storing = true;
    this.#writing++;
    this.#append(entry).then(
      (place) => this.#stored(entry, place),
      (reason: unknown) => this.#notStored(entry, JunctionError.from(reason)),
    );
  }

  async #append(entry: StoredEntry): Promise<Place> {
    this.#kept ??= this.#depot.queue(this.#name);
    return this.#depot.append(this.#kept, entry.envelope, entry.order);
  }

  #stored(entry: StoredEntry, place: Place): void {
    this.#writing--;
    entry.storing = false;
    entry.place = place;
    this.#diskEnd = Math.max(this.#diskEnd, entry.order);
    const fresh = this.#fresh.delete(entry);
    if (entry.ended) {
      this.#remove(place);
      return this.#idle();
    }
    entry.tell?.(accepted);
    entry.tell = undefined;
    if (fresh) this.pump();
  }

  /** The store has failed, for good: what a consumer has may still be settled, all else goes back to its publisher. */
  #notStored(entry: StoredEntry, error: JunctionError): void {
    this.#writing--;
    entry.storing = false;
    const fresh = this.#fresh.delete(entry);
    const waited = !fresh && this.#waiting.remove(entry);
    if (waited) this.#budget.give(entry.cost);
    if (!fresh && !waited && !this.#stopped) return;
    entry.tell?.({ state: 'released', error });
    entry.tell = undefined;
  }

  /** Takes more from the disk into memory. Returns whether anything waits there now. */
  #readOn(): boolean {
    let found;
    let more;
    do {
      try {
        found = this.#kept?.read(this.#readTo, batch.messages, batch.bytes) ?? [];
      } catch {
        return false; // the store has failed, and has told so
      }
      // Where all of a batch is in memory already, the next one is to be read.
      more = found.length > 0;
      for (const each of found) {
        if (!this.#ahead.has(each.sequence)) {
          more = false;
          if (!this.#takeFor(each)) break;
          this.#members.putBack(this.#entryOf(each), this.#waiting);
        }
        this.#ahead.delete(each.sequence);
        this.#readTo = each.sequence;
      }
    } while (more);
    for (const entry of this.#fresh) {
      if (entry.order > this.#readTo) break;
      this.#fresh.delete(entry);
    }
    if (found.length === 0) this.#catchUp();
    return this.#waiting.length > 0;
  }

  /** All that is on the disk has been read: what is still being written need not be read again. */
  #catchUp(): void {
    this.#behind = false;
    for (const entry of this.#fresh) {
      this.#budget.force(entry.cost);
      this.#waiting.push(entry);
    }
    this.#fresh.clear();
  }

  #idle(): void {
    if (this.#members.size === 0 && this.empty && !this.#stopped) this.#onIdle();
  }
}

const expired = new JunctionError('expired', 'the message expired before a consumer could take it');
