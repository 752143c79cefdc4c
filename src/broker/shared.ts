import { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Consumer, Delivery, Subscription } from './delivery.ts';
import type { Selection } from './selection.ts';

/**
 * A shared subscription: consumers that are one subscriber of a topic together. To the topic it is a consumer like any
 * other, so that backlog, grace and settlement hold for all members as for one; each message it is given goes to one
 * member with credit, in turns. What a member releases, or leaves unsettled when it goes, goes to another.
 */
export class SharedSubscription implements Consumer {
  readonly name: string;
  /** The pattern it was made for; every member has the same. */
  readonly address: string;
  /** What it wants; every member wants the same. */
  readonly selection: Selection | undefined;
  readonly #members: Member[] = [];
  readonly #onEmpty: () => void;
  #subscription: Subscription | undefined;
  #turn = 0;
  /** Who has just released a message: it gets that one again only if no other member can take it. */
  #releasing: Member | undefined;

  /** @param onEmpty called when the last member has gone, or all were cut off */
  constructor(name: string, address: string, selection: Selection | undefined, onEmpty: () => void) {
    this.name = name;
    this.address = address;
    this.selection = selection;
    this.#onEmpty = onEmpty;
  }

  /** @param subscription its own hold on the topic */
  begin(subscription: Subscription): void {
    this.#subscription = subscription;
  }

  join(consumer: Consumer): Subscription {
    const member = new Member(this, consumer);
    this.#members.push(member);
    this.pump();
    return member;
  }

  credit(): number {
    return this.#next()?.consumer.credit() ?? 0;
  }

  deliver(delivery: Delivery): void {
    const member = this.#next()!;
    this.#turn = this.#members.indexOf(member);
    member.give(delivery);
  }

  overflow(): void {
    const members = this.#members.splice(0);
    this.#onEmpty();
    for (const { consumer } of members) consumer.overflow();
  }

  pump(): void {
    this.#subscription?.pump();
  }

  settle(member: Member, delivery: Delivery, outcome: Outcome, tried: boolean): void {
    this.#releasing = outcome.state === 'released' ? member : undefined;
    delivery.settle(outcome, tried);
    this.#releasing = undefined;
  }

  leave(member: Member, unsettled: Iterable<Delivery>): void {
    const at = this.#members.indexOf(member);
    if (at < 0) return;
    this.#members.splice(at, 1);
    if (this.#turn >= at) this.#turn--;
    if (this.#members.length === 0) {
      this.#subscription?.cancel();
      this.#onEmpty();
    } else {
      for (const delivery of unsettled) delivery.settle({ state: 'released', error: left });
    }
  }

  /** The member whose turn it is among those that have credit. */
  #next(): Member | undefined {
    const count = this.#members.length;
    let last: Member | undefined;
    for (let i = 1; i <= count; i++) {
      const member = this.#members[(this.#turn + i) % count]!;
      if (member.consumer.credit() === 0) continue;
      if (member !== this.#releasing) return member;
      last = member;
    }
    return last;
  }
}

const left = new JunctionError('unavailable', 'the member of the shared subscription that had it has left');

class Member implements Subscription {
  readonly consumer: Consumer;
  readonly #group: SharedSubscription;
  readonly #unsettled = new Set<Delivery>();

  constructor(group: SharedSubscription, consumer: Consumer) {
    this.#group = group;
    this.consumer = consumer;
  }

  give(delivery: Delivery): void {
    this.#unsettled.add(delivery);
    this.consumer.deliver({
      envelope: delivery.envelope,
      deliveryCount: delivery.deliveryCount,
      settle: (outcome, tried = true) => {
        if (this.#unsettled.delete(delivery)) this.#group.settle(this, delivery, outcome, tried);
      },
    });
  }

  pump(): void {
    this.#group.pump();
  }

  cancel(): void {
    const unsettled = [...this.#unsettled];
    this.#unsettled.clear();
    this.#group.leave(this, unsettled);
  }
}
