import { performance } from 'node:perf_hooks';
import { parsePattern, type AddressPattern, type AddressSyntax } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, combine, type Outcome } from '../core/outcome.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import type { Intake, Log } from '../core/protocol.ts';
import type { EndpointStorage } from '../core/storage.ts';
import type { Consumer, Subscription } from './delivery.ts';
import { DurableSubscriptions } from './durable-subscriptions.ts';
import { Depot, type DepotLimits } from './depot.ts';
import { Budget, Queue, type MessageQueue } from './queue.ts';
import { RouteConsumer } from './route-consumer.ts';
import { sameSelection, takersOf, type Selection } from './selection.ts';
import { SharedSubscription } from './shared.ts';
import { StoredQueue } from './stored-queue.ts';
import { publishToTopic, TopicSubscription, type TopicSubscriber } from './topic.ts';

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
  /** Where messages of queues wait that no consumer takes; undefined: in memory alone, unacknowledged. */
  readonly durability?: Durability;
}

export interface Durability {
  readonly storage: EndpointStorage;
  readonly limits: DepotLimits;
  /** Whether this queue ends with its client, and is never stored. */
  readonly isTemporary: (address: string) => boolean;
}

/** How often, in ms, stored queues look for what has waited for too long. */
const sweepEvery = 60;

/**
 * The small broker inside a listener: brings what its clients publish, and what routes send to it, to the routes
 * that read the address and to the clients that subscribe to it. It knows no protocol.
 */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #queues = new Map<string, MessageQueue>();
  readonly #depot: Depot | undefined;
  readonly #stored = new Map<string, StoredQueue>();
  /** What was stored for queues that a route reads. */
  readonly #draining = new Map<string, RouteConsumer>();
  #storeSweep: NodeJS.Timeout | undefined;
  readonly #budget: Budget;
  readonly #topics: PatternIndex<TopicSubscriber>;
  readonly #subscribers = new Set<TopicSubscriber>();
  /** Undefined where nothing is stored. */
  readonly durable: DurableSubscriptions | undefined;
  readonly #shared = new Map<string, SharedSubscription>();
  #matches = new Map<string, readonly TopicSubscriber[]>();
  #intake: Intake | undefined;
  #stopping = false;
  #sweep: NodeJS.Timeout | undefined;
  #unrouted = 0;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#budget = new Budget(options.queue_memory);
    this.#topics = new PatternIndex(options.syntax);
    const { durability } = options;
    if (!durability) return;
    const { storage, limits } = durability;
    this.#depot = new Depot(storage, limits);
    this.durable = new DurableSubscriptions(storage, this.#depot, this.#budget, options.syntax, {
      add: (subscription) => this.#add(subscription.pattern, subscription),
      remove: (subscription) => this.#remove(subscription.pattern, subscription),
    });
  }

  /** How many messages nobody took. */
  get unrouted(): number {
    return this.#unrouted;
  }

  /** From now on routes take part. */
  start(intake: Intake): void {
    this.#intake = intake;
    if (!this.#depot) return;
    for (const name of this.#depot.open())
      if (name.startsWith(queuePrefix)) this.#queue(name.slice(queuePrefix.length));
    this.durable?.restore();
    this.#sweepStored();
    this.#storeSweep ??= setInterval(() => this.#sweepStored(), sweepEvery);
  }

  /**
   * Takes nothing new from clients, and gives back what waits in queues for a consumer; what is on its way may still
   * settle, and what routes have for the consumers that are here is still delivered.
   */
  stop(): void {
    this.#stopping = true;
    const error = new JunctionError('closed', 'the listener is stopping');
    for (const queue of this.#queues.values()) queue.abandon({ state: 'released', error });
    this.durable?.abandon({ state: 'released', error });
    clearInterval(this.#storeSweep);
    this.#storeSweep = undefined;
  }

  /** Routes read from other addresses now: brings the queues in line, before anything is published to them. */
  routesChanged(): void {
    const intake = this.#intake;
    if (!intake) return;
    for (const [address, consumer] of this.#draining)
      if (intake.readerOf(address) === undefined) consumer.end();
    for (const [address, queue] of [...this.#queues]) {
      const route = intake.readerOf(address);
      if (route === undefined || this.#draining.has(address)) continue;
      queue.dismiss(consumedBy(route, address));
      if (queue instanceof StoredQueue) this.#drain(address, queue);
      else if (queue instanceof Queue) queue.handOver((envelope) => intake.deliver(envelope));
    }
  }

  /** Ends what `start` and `subscribe` began. */
  close(): void {
    this.stop();
    this.#intake = undefined;
    for (const subscriber of [...this.#subscribers])
      if (subscriber instanceof TopicSubscription) subscriber.cancel();
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /**
   * Delivers a message to everyone who takes `envelope.address`; never rejects.
   * @param by a `client` of this listener, or a `route` that has it as target
   * @param publisher who sent it, for those who do not want what they send themselves (`Selection.notFrom`)
   */
  publish(
    envelope: Envelope,
    kind: AddressKind,
    by: 'client' | 'route',
    publisher?: string,
  ): Promise<Outcome> {
    const intake = this.#intake;
    if (!intake || (this.#stopping && !this.#stillTakes(envelope.address, kind, by)))
      return Promise.resolve({
        state: 'released',
        error: new JunctionError('closed', 'the listener is stopping'),
      });
    const address = envelope.address;
    const routed = intake.readerOf(address) !== undefined;
    const local = by === 'route' || this.#options.local;
    if (kind === 'queue') {
      // A route that reads a queue address is that queue's consumer: of what was stored first.
      if (routed && !this.#draining.has(address)) return intake.deliver(envelope);
      if (local || routed) return this.#queue(address).publish(envelope);
      return this.#nobody(envelope, by);
    }
    const subscribers = local ? takersOf(this.#subscribersOf(address), envelope, publisher) : [];
    if (subscribers.length === 0) return routed ? intake.deliver(envelope) : this.#nobody(envelope, by);
    const delivered = publishToTopic(envelope, subscribers, performance.now());
    return routed ? Promise.all([intake.deliver(envelope), delivered]).then(combine) : delivered;
  }

  #stillTakes(address: string, kind: AddressKind, by: 'client' | 'route'): boolean {
    if (by === 'client') return false;
    return kind === 'topic' || (this.#queues.get(address)?.consumers ?? 0) > 0;
  }

  /**
   * @param address for a topic, wildcards of the protocol are allowed
   * @param share of a topic: the shared subscription to join or to begin, see `SharedSubscription`
   * @param selection which messages are for it: of a queue, it takes only these, and the others wait for another
   * consumer
   * @throws JunctionError `refused` where a route consumes this queue, or `share` is of another address or selection;
   * `invalid-message` for a malformed pattern
   */
  subscribe(
    address: string,
    kind: AddressKind,
    consumer: Consumer,
    share?: string,
    selection?: Selection,
  ): Subscription {
    if (kind === 'queue') return this.#consume(address, consumer, selection);
    if (share === undefined) return this.#listen(address, consumer, selection);
    return this.#join(share, address, consumer, selection);
  }

  /** Forgets a queue, e.g. a temporary one whose owner is gone; what waits in it is rejected. */
  deleteQueue(address: string): void {
    this.#queues.get(address)?.abandon({
      state: 'rejected',
      error: new JunctionError('no-route', `queue ${address} was deleted`),
    });
    this.#queues.delete(address);
  }

  #consume(address: string, consumer: Consumer, selection: Selection | undefined): Subscription {
    const route = this.#intake?.readerOf(address);
    if (route !== undefined) throw consumedBy(route, address);
    return this.#queue(address).subscribe(consumer, selection?.condition);
  }

  #listen(address: string, consumer: Consumer, selection: Selection | undefined): Subscription {
    let pattern;
    try {
      pattern = parsePattern(address, this.#options.syntax, false);
    } catch (error) {
      throw JunctionError.from(error, 'invalid-message');
    }
    const subscription = new TopicSubscription(consumer, selection, this.#options, () =>
      this.#remove(pattern, subscription),
    );
    this.#add(pattern, subscription);
    this.#sweep ??= setInterval(
      () => this.#checkLag(),
      Math.min(Math.max(10, this.#options.grace / 4), 1000),
    );
    return subscription;
  }

  #add(pattern: AddressPattern, subscriber: TopicSubscriber): void {
    this.#topics.add(pattern, subscriber);
    this.#subscribers.add(subscriber);
    this.#matches = new Map();
  }

  #remove(pattern: AddressPattern, subscriber: TopicSubscriber): void {
    this.#topics.remove(pattern, subscriber);
    this.#subscribers.delete(subscriber);
    this.#matches = new Map();
  }

  #join(share: string, address: string, consumer: Consumer, selection: Selection | undefined): Subscription {
    let group = this.#shared.get(share);
    if (!group) {
      group = new SharedSubscription(`shared subscription to ${address}`, address, selection, () =>
        this.#shared.delete(share),
      );
      group.begin(this.#listen(address, group, selection));
      this.#shared.set(share, group);
    } else if (group.address !== address || !sameSelection(group.selection, selection)) {
      const selector = group.selection?.condition?.text;
      throw new JunctionError(
        'refused',
        `the shared subscription of this name is one to ${group.address}${selector === undefined ? '' : ` with the selector ${selector}`}: choose another name for this one`,
      );
    }
    return group.join(consumer);
  }

  #queue(address: string): MessageQueue {
    let queue = this.#queues.get(address);
    if (!queue) {
      const depot = this.#options.durability?.isTemporary(address) ? undefined : this.#depot;
      queue = depot ? this.#storedQueue(address, depot) : this.#memoryQueue(address);
      this.#queues.set(address, queue);
    }
    return queue;
  }

  #memoryQueue(address: string): Queue {
    return new Queue(this.#options.backlog, this.#budget, () => this.#queues.delete(address));
  }

  #storedQueue(address: string, depot: Depot): StoredQueue {
    const name = queuePrefix + address;
    const queue = new StoredQueue(name, depot, this.#budget, () => {
      this.#queues.delete(address);
      this.#stored.delete(address);
      depot.delete(name).catch(() => undefined); // the store has failed, and has told so
    });
    this.#stored.set(address, queue);
    return queue;
  }

  #sweepStored(): void {
    this.#depot!.round++;
    for (const [address, queue] of this.#stored) {
      queue.sweep();
      if (queue.consumers === 0) this.#drain(address, queue);
    }
    for (const consumer of this.#draining.values()) consumer.tick();
    this.durable?.sweep();
  }

  /** Gives what is stored for a queue to the route that reads it by now. */
  #drain(address: string, queue: StoredQueue): void {
    const intake = this.#intake;
    const route = intake?.readerOf(address);
    if (!intake || route === undefined) return;
    if (queue.empty) return;
    const consumer = new RouteConsumer(route, intake, () => {
      if (!queue.empty && !consumer.over) return;
      this.#draining.delete(address);
      subscription.cancel();
    });
    this.#draining.set(address, consumer);
    const subscription = queue.subscribe(consumer);
    consumer.hold(subscription);
  }

  #subscribersOf(address: string): readonly TopicSubscriber[] {
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

const consumedBy = (route: string, address: string): JunctionError =>
  new JunctionError(
    'refused',
    `queue ${address} is consumed by route "${route}"; subscribe to one of its targets instead`,
  );

/** Before the address of a queue, in the names of queues in the store. */
const queuePrefix = 'queue/';
