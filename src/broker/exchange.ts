import { performance } from 'node:perf_hooks';
import { parsePattern, type AddressSyntax } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, combine, type Outcome } from '../core/outcome.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import type { Intake, Log } from '../core/protocol.ts';
import type { Consumer, Subscription } from './delivery.ts';
import { Budget, Queue } from './queue.ts';
import { SharedSubscription } from './shared.ts';
import { publishToTopic, TopicSubscription } from './topic.ts';

/** A topic fans out to its current subscribers; a queue's message goes to one of its consumers, and waits for one. */
export type AddressKind = 'topic' | 'queue';

export interface ExchangeOptions {
  readonly syntax: AddressSyntax;
  readonly log: Log;
  /** Whether what a client publishes reaches the other clients of this listener. */
  readonly local: boolean;
  /** What becomes of a client's message that no route and no subscriber takes. */
  readonly unrouted: 'accept' | 'reject';
  /** How many messages may wait in a queue without consumer, or for a subscriber without credit. */
  readonly backlog: number;
  /** Bytes of unsettled messages in all queues together. */
  readonly queue_memory: number;
  /** How long, in ms, a topic's publisher waits for a subscriber's settlement. */
  readonly grace: number;
}

/**
 * The small broker inside a listener: brings what its clients publish, and what routes send to it, to the routes
 * that read the address and to the clients that subscribe to it. It knows no protocol.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #queues = new Map<string, Queue>();
  readonly #budget: Budget;
  readonly #topics: PatternIndex<TopicSubscription>;
  readonly #subscribers = new Set<TopicSubscription>();
  readonly #shared = new Map<string, SharedSubscription>();
  #matches = new Map<string, readonly TopicSubscription[]>();
  #intake: Intake | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #unrouted = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#budget = new Budget(options.queue_memory);
    this.#topics = new PatternIndex(options.syntax);
  }

  /** How many messages nobody took. */
  get unrouted(): number {
    return this.#unrouted;
  }

  /** From now on routes take part. */
  start(intake: Intake): void {
    this.#intake = intake;
  }

  /** Takes nothing new, and gives back what waits in queues for a consumer; what is on its way may still settle. */
  stop(): void {
    this.#intake = undefined;
    const error = new JunctionError('closed', 'the listener is stopping');
    for (const queue of this.#queues.values()) queue.abandon({ state: 'released', error });
  }

  /** Ends what `start` and `subscribe` began. */
  close(): void {
    this.stop();
    for (const subscriber of [...this.#subscribers]) subscriber.cancel();
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /**
   * Delivers a message to everyone who takes `envelope.address`; never rejects.
   * @param by a `client` of this listener, or a `route` that has it as target
   */
  publish(envelope: Envelope, kind: AddressKind, by: 'client' | 'route'): Promise<Outcome> {
    const intake = this.#intake;
    if (!intake)
      return Promise.resolve({
        state: 'released',
        error: new JunctionError('closed', 'the listener is stopping'),
      });
    const address = envelope.address;
    const routed = intake.readerOf(address) !== undefined;
    const local = by === 'route' || this.#options.local;
    if (kind === 'queue') {
      // A route that reads a queue address is that queue's consumer.
      if (routed) return intake.deliver(envelope);
      if (local) return this.#queue(address).publish(envelope);
      return this.#nobody(envelope, by);
    }
    const subscribers = local ? this.#subscribersOf(address) : [];
    if (subscribers.length === 0) return routed ? intake.deliver(envelope) : this.#nobody(envelope, by);
    const delivered = publishToTopic(envelope, subscribers, performance.now());
    return routed ? Promise.all([intake.deliver(envelope), delivered]).then(combine) : delivered;
  }

  /**
   * @param address for a topic, wildcards of the protocol are allowed
   * @param share of a topic: the shared subscription to join or to begin, see `SharedSubscription`
   * @throws JunctionError `refused` where a route consumes this queue, or `share` is of another address;
   * `invalid-message` for a malformed pattern
   */
  subscribe(address: string, kind: AddressKind, consumer: Consumer, share?: string): Subscription {
    if (kind === 'queue') return this.#consume(address, consumer);
    return share === undefined ? this.#listen(address, consumer) : this.#join(share, address, consumer);
  }

  /** Forgets a queue, e.g. a temporary one whose owner is gone; what waits in it is rejected. */
  deleteQueue(address: string): void {
    this.#queues.get(address)?.abandon({
      state: 'rejected',
      error: new JunctionError('no-route', `queue ${address} was deleted`),
    });
    this.#queues.delete(address);
  }

  #consume(address: string, consumer: Consumer): Subscription {
    const route = this.#intake?.readerOf(address);
    if (route !== undefined)
      throw new JunctionError(
        'refused',
        `queue ${address} is consumed by route "${route}"; subscribe to one of its targets instead`,
      );
    return this.#queue(address).subscribe(consumer);
  }

  #listen(address: string, consumer: Consumer): Subscription {
    let pattern;
    try {
      pattern = parsePattern(address, this.#options.syntax, false);
    } catch (error) {
      throw JunctionError.from(error, 'invalid-message');
    }
    const subscription = new TopicSubscription(consumer, this.#options, () => {
      this.#topics.remove(pattern, subscription);
      this.#subscribers.delete(subscription);
      this.#matches = new Map();
    });
    this.#topics.add(pattern, subscription);
    this.#subscribers.add(subscription);
    this.#matches = new Map();
    this.#sweep ??= setInterval(
      () => this.#checkLag(),
      Math.min(Math.max(10, this.#options.grace / 4), 1000),
    );
    return subscription;
  }

  #join(share: string, address: string, consumer: Consumer): Subscription {
    let group = this.#shared.get(share);
    if (!group) {
      group = new SharedSubscription(`shared subscription to ${address}`, address, () =>
        this.#shared.delete(share),
      );
      group.begin(this.#listen(address, group));
      this.#shared.set(share, group);
    } else if (group.address !== address) {
      throw new JunctionError(
        'refused',
        `the shared subscription of this name is one to ${group.address}: choose another name for ${address}`,
      );
    }
    return group.join(consumer);
  }

  #queue(address: string): Queue {
    let queue = this.#queues.get(address);
    if (!queue) {
      queue = new Queue(this.#options.backlog, this.#budget, () => this.#queues.delete(address));
      this.#queues.set(address, queue);
    }
    return queue;
  }

  #subscribersOf(address: string): readonly TopicSubscription[] {
    if (this.#subscribers.size === 0) return [];
    let found = this.#matches.get(address);
    if (!found) {
      // Addresses come from outside: the cache is bounded by starting afresh.
      if (this.#matches.size >= 10_000) this.#matches = new Map();
      found = this.#topics.match(address).map((match) => match.value);
      this.#matches.set(address, found);
    }
    return found;
  }

  #checkLag(): void {
    const now = performance.now();
    for (const subscriber of this.#subscribers)
      if (subscriber.checkLag(now))
        this.#options.log.warn(
          { subscriber: subscriber.name },
          'a subscriber does not settle in time: publishers no longer wait for it until it has caught up',
        );
  }

  #nobody(envelope: Envelope, by: 'client' | 'route'): Promise<Outcome> {
    this.#unrouted++;
    if (by === 'route' || this.#options.unrouted === 'accept') return Promise.resolve(accepted);
    return Promise.resolve({
      state: 'rejected',
      error: new JunctionError('no-route', `no route and no subscriber takes ${envelope.address}`),
    });
  }
}
