import type { Condition } from '../core/condition.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import { counted, type Consumer, type Subscription } from './delivery.ts';
import { Member, Members, type Holder } from './members.ts';
import { Waiting } from './waiting.ts';

/** What a waiting message costs beside its body, in bytes; a rough figure. */
const overhead = 512;

/** What it costs to hold a message in memory, in bytes. */
export const costOf = ({ body }: Envelope): number => (body?.length ?? 0) + overhead;

/** The memory that all queues of a listener share. */
export class Budget {
  #left: number;

  /** @param bytes of all unsettled messages together */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Whether there is room; then it is taken. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Takes it, room or not. */
  force(bytes: number): void {
    this.#left -= bytes;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** One waiting or unsettled message in memory. `order` is its place, which a release gives back. */
class Entry {
  readonly envelope: Envelope;
  readonly order: number;
  readonly resolve: (outcome: Outcome) => void;
  deliveryCount: number;

  constructor(envelope: Envelope, order: number, resolve: (outcome: Outcome) => void) {
    this.envelope = envelope;
    this.order = order;
    this.resolve = resolve;
    this.deliveryCount = envelope.deliveryCount;
  }
}

/** Messages for one of its consumers each, in order. */
export interface MessageQueue {
  /** Resolves with what the publisher is to be told. */
  publish(envelope: Envelope): Promise<Outcome>;
  /** @param condition which messages the consumer takes; the others wait for another one */
  subscribe(consumer: Consumer, condition?: Condition): Subscription;
  readonly consumers: number;
  /** Ends its consumers, telling them why. */
  dismiss(error: JunctionError): void;
  /** Ends with this outcome what waits in memory alone, and later what a consumer gives back; what it settles stays settled. */
  abandon(outcome: Outcome): void;
}

/** A queue in memory: without a consumer messages wait, unacknowledged. */
export class Queue implements MessageQueue, Holder<Entry> {
  readonly #limit: number;
  readonly #budget: Budget;
  readonly #onIdle: () => void;
  readonly #members = new Members<Entry>();
  readonly #waiting = new Waiting<Entry>();
  #orders = 0;
  #unsettled = 0;
  #abandoned: Outcome | undefined;

  /**
   * @param limit how many messages may wait; one more is released as busy
   * @param budget the memory it shares with other queues; without room a message is released as busy
   * @param onIdle called when it has neither message nor consumer
   */
  constructor(limit: number, budget: Budget, onIdle: () => void) {
    this.#limit = limit;
    this.#budget = budget;
    this.#onIdle = onIdle;
  }

  get consumers(): number {
    return this.#members.size;
  }

  /** Resolves with the answer of the consumer that settled it. */
  publish(envelope: Envelope): Promise<Outcome> {
    // One for whom nothing of what waits is meant need not wait for it to be taken.
    if (this.#waiting.length >= this.#limit && !this.#members.waitFor(envelope))
      return busy(`queue ${envelope.address} holds ${this.#limit} waiting messages, its limit`);
    const cost = costOf(envelope);
    if (!this.#budget.take(cost)) return busy('the queues of this listener hold as much as they may');
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        this.#budget.give(cost);
        resolve(outcome);
      };
      this.#waiting.push(new Entry(envelope, this.#orders++, settle));
      this.pump();
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

  /** Has another one answer for what waits, in its order. */
  handOver(deliver: (envelope: Envelope) => Promise<Outcome>): void {
    for (const { envelope, deliveryCount, resolve } of this.#waiting.clear())
      void deliver(counted(envelope, deliveryCount)).then(resolve);
    this.#idle();
  }

  abandon(outcome: Outcome): void {
    this.#abandoned = outcome;
    for (const entry of this.#waiting.clear()) entry.resolve(outcome);
  }

  /** Hands out what waits, in turns, to the consumers that have credit. */
  pump(): void {
    while (this.#waiting.length > 0) {
      const member = this.#members.next(this.#waiting, Infinity);
      if (!member) return;
      this.#unsettled++;
      member.give(member.take(this.#waiting));
    }
  }

  settled(entry: Entry, outcome: Outcome, tried: boolean): void {
    this.#unsettled--;
    if (outcome.state === 'released') {
      if (tried) entry.deliveryCount++;
      this.#putBack(entry);
      this.pump();
    } else {
      entry.resolve(outcome);
      this.#idle();
    }
  }

  leave(member: Member<Entry>, unsettled: Iterable<Entry>): void {
    this.#members.remove(member);
    for (const entry of unsettled) {
      this.#unsettled--;
      entry.deliveryCount++;
      this.#putBack(entry);
    }
    this.pump();
    this.#idle();
  }

  #putBack(entry: Entry): void {
    if (this.#abandoned) entry.resolve(this.#abandoned);
    else this.#members.putBack(entry, this.#waiting);
  }

  #idle(): void {
    if (this.#waiting.length === 0 && this.#unsettled === 0 && this.#members.size === 0) this.#onIdle();
  }
}

const busy = (why: string): Promise<Outcome> =>
  Promise.resolve({ state: 'released', error: new JunctionError('busy', why) });
