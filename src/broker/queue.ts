import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Consumer, Delivery, Subscription } from './delivery.ts';

/** What a waiting message costs beside its body, in bytes; a rough figure. */
const overhead = 512;

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

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** One waiting or unsettled message. `order` is its place, which a release gives back. */
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

/** Messages for one of its consumers each, in order; without a consumer they wait, unacknowledged. */
export class Queue {
  readonly #limit: number;
  readonly #budget: Budget;
  readonly #onIdle: () => void;
  readonly #members: Member[] = [];
  #waiting: Entry[] = [];
  #head = 0;
  #orders = 0;
  #turn = 0;
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

  get length(): number {
    return this.#waiting.length - this.#head;
  }

  get consumers(): number {
    return this.#members.length;
  }

  /** Resolves with the answer of the consumer that settled it. */
  publish(envelope: Envelope): Promise<Outcome> {
    if (this.length >= this.#limit)
      return busy(`queue ${envelope.address} holds ${this.#limit} waiting messages, its limit`);
    const cost = (envelope.body?.length ?? 0) + overhead;
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

  subscribe(consumer: Consumer): Subscription {
    const member = new Member(this, consumer);
    this.#members.push(member);
    this.pump();
    return member;
  }

  /** Ends with this outcome what waits, and later what a consumer gives back; what it settles stays settled. */
  abandon(outcome: Outcome): void {
    this.#abandoned = outcome;
    const waiting = this.#waiting.slice(this.#head);
    this.#waiting = [];
    this.#head = 0;
    for (const entry of waiting) entry.resolve(outcome);
  }

  /** Hands out what waits, in turns, to the consumers that have credit. */
  pump(): void {
    while (this.length > 0) {
      const member = this.#next();
      if (!member) return;
      const entry = this.#waiting[this.#head++]!;
      if (this.#head > 1024 && this.#head * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      this.#unsettled++;
      member.give(entry);
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

  leave(member: Member, unsettled: Iterable<Entry>): void {
    this.#members.splice(this.#members.indexOf(member), 1);
    for (const entry of unsettled) {
      this.#unsettled--;
      entry.deliveryCount++;
      this.#putBack(entry);
    }
    this.pump();
    this.#idle();
  }

  #next(): Member | undefined {
    for (let i = 0; i < this.#members.length; i++) {
      this.#turn = (this.#turn + 1) % this.#members.length;
      const member = this.#members[this.#turn]!;
      if (member.consumer.credit() > 0) return member;
    }
    return undefined;
  }

  #putBack(entry: Entry): void {
    if (this.#abandoned) return entry.resolve(this.#abandoned);
    let at = this.#head;
    while (at < this.#waiting.length && this.#waiting[at]!.order < entry.order) at++;
    this.#waiting.splice(at, 0, entry);
  }

  #idle(): void {
    if (this.length === 0 && this.#unsettled === 0 && this.#members.length === 0) this.#onIdle();
  }
}

const busy = (why: string): Promise<Outcome> =>
  Promise.resolve({ state: 'released', error: new JunctionError('busy', why) });

class Member implements Subscription {
  readonly consumer: Consumer;
  readonly #queue: Queue;
  readonly #unsettled = new Set<Entry>();
  #cancelled = false;

  constructor(queue: Queue, consumer: Consumer) {
    this.#queue = queue;
    this.consumer = consumer;
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
