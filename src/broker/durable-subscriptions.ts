import { parsePattern, type AddressSyntax } from '../core/address.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, type Outcome } from '../core/outcome.ts';
import type { EndpointStorage } from '../core/storage.ts';
import type { Depot } from './depot.ts';
import { DurableSubscription, type DurableTerms } from './durable-subscription.ts';
import type { Budget } from './queue.ts';
import { StoredQueue } from './stored-queue.ts';

/** How many there may be in one listener: their names come from outside. */
const most = 10_000;
/** Before their names in the store. */
const prefix = 'subscription/';

const sameTerms = (a: DurableTerms, b: DurableTerms): boolean =>
  a.address === b.address && a.shared === b.shared && a.selector === b.selector && a.notFrom === b.notFrom;

/** Where topics are told whom they reach. */
export interface TopicRegistry {
  add(subscription: DurableSubscription): void;
  remove(subscription: DurableSubscription): void;
}

/** The durable subscriptions of a listener, by name. */
export class DurableSubscriptions {
  readonly #storage: EndpointStorage;
  readonly #depot: Depot;
  readonly #budget: Budget;
  readonly #syntax: AddressSyntax;
  readonly #topics: TopicRegistry;
  readonly #all = new Map<string, DurableSubscription>();
  #restored = false;

  constructor(
    storage: EndpointStorage,
    depot: Depot,
    budget: Budget,
    syntax: AddressSyntax,
    topics: TopicRegistry,
  ) {
    this.#storage = storage;
    this.#depot = depot;
    this.#budget = budget;
    this.#syntax = syntax;
    this.#topics = topics;
  }

  /** Makes those that are in the store take messages again; the store is open. */
  restore(): void {
    if (this.#restored) return;
    this.#restored = true;
    for (const [name, terms] of this.#storage.entries())
      if (name.startsWith(prefix)) this.#begin(name.slice(prefix.length), terms as DurableTerms);
  }

  /**
   * The subscription of this name, made where there is none; one of another address or selector that nobody uses is
   * replaced, with its messages, as JMS wants it (JMS 2.0 §8.3.3). Resolves once it is on the disk.
   * @throws JunctionError refused where it is used and may not be shared or changed; invalid-message for a malformed
   * pattern; busy where there are too many; unavailable
   */
  async declare(name: string, terms: DurableTerms): Promise<DurableSubscription> {
    this.restore();
    const there = this.#all.get(name);
    if (there) {
      const same = sameTerms(there.terms, terms);
      const used = there.queue.consumers > 0;
      if (used && !same)
        throw new JunctionError(
          'refused',
          `the durable subscription of this name is ${there.terms.shared ? 'a shared' : 'an unshared'} one to ${there.terms.address}${there.terms.selector === undefined ? '' : ` with the selector ${there.terms.selector}`}, and it is in use`,
        );
      if (used && !terms.shared)
        throw new JunctionError('refused', 'the durable subscription of this name is in use');
      if (same) return there;
    } else if (this.#all.size >= most) {
      throw new JunctionError('busy', `there are ${most} durable subscriptions, the most there may be`);
    }
    const pattern = this.#parse(terms.address);
    const gone = there && this.#end(there);
    const subscription = this.#begin(name, terms, pattern);
    await Promise.all([gone, this.#storage.put(prefix + name, terms)]);
    return subscription;
  }

  find(name: string): DurableSubscription | undefined {
    this.restore();
    return this.#all.get(name);
  }

  /** Ends it and forgets its messages; resolves once that is on the disk. Nothing happens while it is in use. */
  async delete(name: string): Promise<void> {
    const subscription = this.#all.get(name);
    if (!subscription || subscription.queue.consumers > 0) return;
    await Promise.all([this.#end(subscription), this.#storage.delete(prefix + name)]);
  }

  sweep(): void {
    for (const { queue } of this.#all.values()) queue.sweep();
  }

  abandon(outcome: Outcome): void {
    for (const { queue } of this.#all.values()) queue.abandon(outcome);
  }

  #parse(address: string) {
    try {
      return parsePattern(address, this.#syntax, false);
    } catch (error) {
      throw JunctionError.from(error, 'invalid-message');
    }
  }

  #begin(name: string, terms: DurableTerms, pattern = this.#parse(terms.address)): DurableSubscription {
    const queue = new StoredQueue(prefix + name, this.#depot, this.#budget, () => undefined);
    const subscription = new DurableSubscription(name, terms, pattern, queue);
    this.#all.set(name, subscription);
    this.#topics.add(subscription);
    return subscription;
  }

  async #end(subscription: DurableSubscription): Promise<void> {
    this.#all.delete(subscription.name);
    this.#topics.remove(subscription);
    // Who has just published need not have reached it.
    subscription.queue.abandon(accepted);
    await this.#depot.delete(prefix + subscription.name);
  }
}
