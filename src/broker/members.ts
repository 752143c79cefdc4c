import type { Condition } from '../core/condition.ts';
import type { Envelope } from '../core/envelope.ts';
import type { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import { counted, type Consumer, type Delivery, type Subscription } from './delivery.ts';
import { isMeant } from './selection.ts';
import type { Waiting } from './waiting.ts';

/** A message that a queue hands out. */
export interface Held {
  readonly envelope: Envelope;
  /** Its place in the queue. */
  readonly order: number;
  readonly deliveryCount: number;
}

/** A queue as its members see it. */
export interface Holder<Entry extends Held> {
  pump(): void;
  settled(entry: Entry, outcome: Outcome, tried: boolean): void;
  leave(member: Member<Entry>, unsettled: Iterable<Entry>): void;
}

/** A consumer's hold on a queue, with what it has not settled. */
export class Member<Entry extends Held> implements Subscription {
  readonly consumer: Consumer;
  /** Which messages it takes; undefined: all. */
  readonly condition: Condition | undefined;
  /** The place up to which it has looked through what is on the disk alone. */
  searched = 0;
  readonly #queue: Holder<Entry>;
  readonly #unsettled = new Set<Entry>();
  readonly #means: (entry: Entry) => boolean;
  /** The place up to which nothing waits in memory that it takes. */
  #seen = -1;
  #found: Entry | undefined;
  #cancelled = false;

  constructor(queue: Holder<Entry>, consumer: Consumer, condition: Condition | undefined) {
    this.#queue = queue;
    this.consumer = consumer;
    this.condition = condition;
    this.#means = ({ envelope, deliveryCount }) =>
      condition === undefined || isMeant(condition, counted(envelope, deliveryCount));
  }

  /** In the order in which they were given. */
  get unsettled(): ReadonlySet<Entry> {
    return this.#unsettled;
  }

  /**
   * Whether something waits that it takes. What was looked at once is not looked at again.
   * @param upTo only up to this place, and what it has searched: what lies behind may not be all in memory
   */
  finds(waiting: Waiting<Entry>, upTo: number): boolean {
    if (this.condition === undefined) return waiting.length > 0;
    const end = Math.max(upTo, this.searched);
    this.#found = waiting.find(this.#seen, end, this.#means);
    if (this.#found === undefined) this.#seen = Math.max(this.#seen, Math.min(end, waiting.last));
    return this.#found !== undefined;
  }

  /** Takes what `finds` has found. */
  take(waiting: Waiting<Entry>): Entry {
    const found = this.#found;
    if (found === undefined) return waiting.shift();
    this.#found = undefined;
    this.#seen = found.order;
    waiting.remove(found);
    return found;
  }

  /** Something waits again. */
  returned(entry: Entry): void {
    if (entry.order <= this.#seen && this.#means(entry)) this.#seen = entry.order - 1;
  }

  give(entry: Entry): void {
    this.#unsettled.add(entry);
    const delivery: Delivery = {
      envelope: entry.envelope,
      deliveryCount: entry.deliveryCount,
      settle: (outcome, tried = true) => {
        if (this.#unsettled.delete(entry)) this.#queue.settled(entry, outcome, tried);
      },
    };
    this.consumer.deliver(delivery);
  }

  pump(): void {
    if (!this.#cancelled) this.#queue.pump();
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    const unsettled = [...this.#unsettled];
    this.#unsettled.clear();
    this.#queue.leave(this, unsettled);
  }
}

/** The members of a queue, which take turns. */
export class Members<Entry extends Held> {
  readonly #members: Member<Entry>[] = [];
  #turn = 0;

  get size(): number {
    return this.#members.length;
  }

  [Symbol.iterator](): Iterator<Member<Entry>> {
    return this.#members.values();
  }

  add(member: Member<Entry>): void {
    this.#members.push(member);
  }

  remove(member: Member<Entry>): void {
    const at = this.#members.indexOf(member);
    if (at >= 0) this.#members.splice(at, 1);
  }

  /** Ends all of them; what they have not settled goes back to the queue, and to none of the others. */
  dismiss(error: JunctionError): void {
    const all = this.#members.splice(0);
    for (const member of all) member.cancel();
    for (const { consumer } of all) consumer.dismissed?.(error);
  }

  /** Whether one of them can take a message. */
  get hungry(): boolean {
    return this.#members.some(({ consumer }) => consumer.credit() > 0);
  }

  /** Whether one of those that do not take everything waits for this message. */
  waitFor(envelope: Envelope): boolean {
    return this.#members.some(
      ({ condition, consumer }) => condition && consumer.credit() > 0 && isMeant(condition, envelope),
    );
  }

  /**
   * The one whose turn it is among those that have credit and for whom something waits.
   * @param upTo see `Member.finds`
   */
  next(waiting: Waiting<Entry>, upTo: number): Member<Entry> | undefined {
    for (let i = 0; i < this.#members.length; i++) {
      this.#turn = (this.#turn + 1) % this.#members.length;
      const member = this.#members[this.#turn]!;
      if (member.consumer.credit() > 0 && member.finds(waiting, upTo)) return member;
    }
    return undefined;
  }

  /** Puts a message back to its place among those that wait. */
  putBack(entry: Entry, waiting: Waiting<Entry>): void {
    waiting.putBack(entry);
    for (const member of this.#members) member.returned(entry);
  }
}
