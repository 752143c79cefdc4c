import type { Envelope } from '../core/envelope.ts';
import type { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Consumer, Delivery, Subscription } from './delivery.ts';

/** A message that a queue hands out. */
export interface Held {
  readonly envelope: Envelope;
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
  readonly #queue: Holder<Entry>;
  readonly #unsettled = new Set<Entry>();
  #cancelled = false;

  constructor(queue: Holder<Entry>, consumer: Consumer) {
    this.#queue = queue;
    this.consumer = consumer;
  }

  /** In the order in which they were given. */
  get unsettled(): ReadonlySet<Entry> {
    return this.#unsettled;
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

  /** The one whose turn it is among those that have credit. */
  next(): Member<Entry> | undefined {
    for (let i = 0; i < this.#members.length; i++) {
      this.#turn = (this.#turn + 1) % this.#members.length;
      const member = this.#members[this.#turn]!;
      if (member.consumer.credit() > 0) return member;
    }
    return undefined;
  }
}
