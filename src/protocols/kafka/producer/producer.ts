import { performance } from 'node:perf_hooks';
import { JunctionError } from '../../../core/errors.ts';
import type { EndpointState, Log } from '../../../core/protocol.ts';
import { RateLimitedLog } from '../../../core/rate-limited-log.ts';
import { rule, type Ruling } from '../errors.ts';
import { ConnectionError, type Connection } from '../wire/connection.ts';
import { apiKeys, produce, type Identity, type Produced } from '../wire/requests.ts';
import { Cluster, type ClusterOptions } from './cluster.ts';
import { Identities } from './identities.ts';
import type { Node } from './node.ts';
import type { Partition } from './partition.ts';
import type { Pending, Queue } from './pending.ts';
import type { Topic } from './topic.ts';
import { Topics } from './topics.ts';

export interface ProducerOptions extends Omit<ClusterOptions, 'owner'> {
  /** Whether brokers are to recognise repeats. */
  readonly idempotent: boolean;
  /** Messages and bytes of a batch, at most. */
  readonly batch: { readonly count: number; readonly bytes: number };
  /** How long in ms to gather a batch while nothing is under way. */
  readonly linger: number;
  /** Compresses an encoded batch; undefined: batches go as they are. */
  readonly compress: ((batch: Buffer) => Promise<Buffer>) | undefined;
  /** How long in ms a message waits before its sender is told so. */
  readonly timeout: number;
  readonly log: Log;
  /** Its state may have changed. */
  readonly changed: () => void;
}

/** Requests under way to one node, at most: a broker works on one of a connection at a time, and one more is on its way. */
const mostUnderWay = 2;

/** Bytes of one request, about; brokers take 100 MB (socket.request.max.bytes). */
const requestBytes = 4 * 1024 * 1024;

/** What a request is to hold. */
interface Load {
  readonly node: Node;
  readonly connection: Connection;
  readonly partitions: Partition[];
  bytes: number;
}

/**
 * Writes messages to the partitions of a cluster, in order and, as long as it lives, each once: what the brokers may have
 * already is sent again as it was, under the same number, and they drop what is a repeat. What they cannot have is sent
 * again until its time is up, and then given back to its sender, with all that waits behind it, so that nothing overtakes.
 */
export class Producer {
  readonly #options: ProducerOptions;
  readonly #cluster: Cluster;
  readonly #identities: Identities;
  readonly #topics: Topics;
  readonly #warnings: RateLimitedLog;
  /** Partitions for which there is something, in turn. */
  readonly #busy = new Set<Partition>();
  #requests = 0;
  #pendingBytes = 0;
  #closed = false;
  #flush: NodeJS.Immediate | undefined;
  #linger: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.#warnings = new RateLimitedLog(options.log);
    const changed = (): void => {
      options.changed();
      this.#schedule();
    };
    this.#cluster = new Cluster({
      ...options,
      owner: {
        changed,
        connected: async () => {
          if (options.idempotent && !this.#identities.current) await this.#identities.renew();
        },
        refresh: () => void this.#topics.refresh(),
        unreachable: ({ id }) => {
          for (const { leader, topic } of this.#busy) if (leader === id) this.#topics.doubt(topic);
        },
      },
    });
    this.#identities = new Identities(this.#cluster);
    this.#topics = new Topics(this.#cluster, {
      changed,
      located: (topic) => {
        for (const pending of topic.queue.takeAll()) this.#place(topic, pending);
      },
      refused: (topic, error) => this.#fail(topic, error),
      astray: (topic) => [...topic.partitions].some((each) => !each.idle && !this.#nodeOf(each)),
    });
  }

  get state(): EndpointState {
    return this.#cluster.state;
  }

  get reason(): string | undefined {
    return this.#cluster.reason;
  }

  /** Bytes of messages not yet acknowledged. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  open(): void {
    this.#cluster.open();
  }

  add(name: string, pending: Pending): void {
    const topic = this.#topics.of(name);
    if (topic.known) this.#place(topic, pending);
    else topic.queue.push(pending);
    this.#pendingBytes += pending.bytes;
    const often = Math.min(Math.max(10, this.#options.timeout / 20), 1000);
    this.#sweep ??= setInterval(() => this.#expire(), often);
    this.#schedule();
  }

  /** Fails everything that waits, and ends the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    clearImmediate(this.#flush);
    clearTimeout(this.#linger);
    clearInterval(this.#sweep);
    this.#topics.close();
    const error = new JunctionError('closed', 'the Kafka endpoint is closing');
    for (const topic of this.#topics.all) {
      this.#fail(topic, error);
      for (const { batch, delay } of topic.partitions) {
        clearTimeout(delay);
        for (const pending of batch?.pending ?? []) this.#settle(pending, error);
      }
    }
    await this.#cluster.close();
  }

  #place(topic: Topic, pending: Pending): void {
    const partition = topic.partitionOf(pending);
    partition.queue.push(pending);
    this.#busy.add(partition);
  }

  #nodeOf({ leader }: Partition): Node | undefined {
    return leader === undefined ? undefined : this.#cluster.node(leader);
  }

  #schedule(): void {
    if (this.#closed || this.#flush || this.#linger) return;
    if (this.#options.linger > 0 && this.#requests === 0) {
      this.#linger = setTimeout(() => {
        this.#linger = undefined;
        this.#send();
      }, this.#options.linger);
    } else {
      // One turn of the event loop gathers what the other connections have brought meanwhile.
      this.#flush = setImmediate(() => {
        this.#flush = undefined;
        this.#send();
      });
    }
  }

  #send(): void {
    const loads = new Map<Node, Load>();
    for (const partition of [...this.#busy]) {
      if (partition.idle) this.#busy.delete(partition);
      if (partition.idle || partition.delay || partition.batch?.underWay) continue;
      const node = this.#nodeOf(partition);
      if (!node) this.#topics.doubt(partition.topic);
      const connection = node && (loads.get(node)?.connection ?? node.connection(mostUnderWay));
      if (!connection || !this.#fill(partition)) continue;
      let load = loads.get(node);
      if (!load) loads.set(node, (load = { node, connection, partitions: [], bytes: 0 }));
      load.partitions.push(partition);
      load.bytes += partition.batch!.bytes.length;
      // To the end of the turn, so that a busy partition does not starve the others.
      this.#busy.delete(partition);
      this.#busy.add(partition);
      if (load.bytes < requestBytes) continue;
      loads.delete(node);
      void this.#produce(load);
    }
    for (const load of loads.values()) void this.#produce(load);
    this.#topics.locate();
  }

  /** Sees that there is a batch to be sent. */
  #fill(partition: Partition): boolean {
    const { idempotent, batch, compress } = this.#options;
    if (!partition.batch) {
      let identity: Identity | undefined;
      if (idempotent) {
        identity = this.#identities.current;
        if (!identity || !partition.canUse(identity)) {
          this.#identify(partition);
          return false;
        }
      }
      partition.fill(identity, batch.count, batch.bytes, compress === undefined);
    }
    partition.batch!.underWay = true;
    return true;
  }

  /** Gets an identity that the partition does not know yet. */
  #identify(partition: Partition): void {
    if (this.#identities.asking) return;
    this.#identities.renew().then(
      () => this.#schedule(),
      (error: unknown) => {
        partition.trouble = (error as Error).message;
        this.#later(partition);
      },
    );
  }

  async #produce({ node, connection, partitions }: Load): Promise<void> {
    const { timeout, compress } = this.#options;
    this.#requests++;
    node.began();
    const going = compress ? await this.#compress(partitions, compress) : partitions;
    const portions = going.map(({ topic, index, batch }) => ({
      topic,
      partition: index,
      batch: batch!.bytes,
    }));
    const version = connection.versions.get(apiKeys.Produce)!;
    try {
      // The brokers give up on their replicas before we give up on the brokers.
      const request = produce(portions, version, Math.ceil(timeout / 3));
      const { verdicts, throttle } = await connection.request(request, Math.ceil(timeout / 2));
      node.worked();
      if (throttle > 0) node.rest(throttle);
      if (!this.#closed) for (const each of going) this.#answered(each, verdicts);
    } catch (error) {
      if (!this.#closed) for (const each of going) this.#unanswered(each, error as Error);
    }
    node.ended();
    this.#requests--;
    this.#schedule();
  }

  /** Compresses what is not; returns those whose batches can go. */
  async #compress(
    partitions: readonly Partition[],
    compress: (batch: Buffer) => Promise<Buffer>,
  ): Promise<Partition[]> {
    const going: Partition[] = [];
    for (const partition of partitions) {
      const batch = partition.batch!;
      try {
        if (!batch.ready) batch.bytes = await compress(batch.bytes);
        batch.ready = true;
        going.push(partition);
      } catch (error) {
        const why = `a batch cannot be compressed: ${(error as Error).message}`;
        for (const each of partition.giveUp()) this.#settle(each, new JunctionError('internal', why));
      }
    }
    return going;
  }

  /** There was no answer. The node's own back-off tells when to try again. */
  #unanswered(partition: Partition, error: Error): void {
    partition.trouble = error.message;
    if (error instanceof ConnectionError && !error.sent) partition.notWritten();
    else this.#unknown(partition, false);
  }

  #answered(partition: Partition, verdicts: Produced['verdicts']): void {
    const verdict = verdicts.get(partition.topic)?.get(partition.index);
    const ruling: Ruling = verdict
      ? rule(verdict.error, partition.topic, verdict.message)
      : { kind: 'unknown', why: 'the broker has not answered for it', odd: true };
    const { pending, unknown } = partition.batch!;
    switch (ruling.kind) {
      case 'written':
        partition.written(this.#options.batch.count);
        for (const each of pending) this.#settle(each);
        return;
      case 'refused':
        if (ruling.scope === 'message' && pending.length > 1) partition.halve();
        else for (const each of partition.giveUp()) this.#settle(each, ruling.error);
        return;
      case 'not-written':
        partition.notWritten();
        break;
      case 'unknown':
        this.#unknown(partition, ruling.odd);
        this.#topics.doubt(partition.topic);
        break;
      case 'out-of-sequence':
        this.#warnings.warn(
          `${partition.topic}/${partition.index}`,
          { topic: partition.topic, partition: partition.index, error: ruling.why, unknown },
          'a partition of Kafka has lost count of what we wrote to it; what it may have already is perhaps written twice',
        );
        partition.beginAnew();
    }
    partition.trouble = ruling.why;
    this.#later(partition);
  }

  /** Brokers that recognise repeats will tell, if they are sent the same again. */
  #unknown(partition: Partition, odd: boolean): void {
    const batch = partition.batch!;
    batch.underWay = false;
    batch.unknown = true;
    batch.hopeless = odd;
    if (!this.#options.idempotent) partition.beginAnew();
  }

  /** Tries a partition again in a while, e.g. when it has a leader. */
  #later(partition: Partition): void {
    if (this.#closed) return;
    clearTimeout(partition.delay);
    partition.delay = setTimeout(() => {
      partition.delay = undefined;
      this.#schedule();
    }, partition.backoff.next());
  }

  /** Tells the senders whose time is up. */
  #expire(): void {
    const now = performance.now();
    for (const topic of this.#topics.all) {
      if (topic.queue.isLate(now)) this.#return(topic.queue, topic.name, topic.trouble);
      if (!topic.known && topic.queue.length === 0) this.#topics.forget(topic);
    }
    for (const partition of this.#busy) {
      if (partition.queue.isLate(now)) this.#return(partition.queue, partition.topic, partition.trouble);
      const { batch } = partition;
      if (batch && !batch.underWay && batch.pending[0]!.deadline <= now) this.#overdue(partition, now);
    }
    if (this.#pendingBytes > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }

  /**
   * Of a batch that brokers may have the outcome is awaited past its time, since its senders would only send it once more:
   * until there is nobody left who could tell.
   */
  #overdue(partition: Partition, now: number): void {
    const { timeout } = this.#options;
    const { topic, index, batch, goneSince = Infinity, trouble } = partition;
    if (batch!.hopeless || now - goneSince > timeout) {
      const why = trouble === undefined ? '' : `: ${trouble}`;
      const text = `Kafka did not acknowledge within ${timeout} ms (topic ${topic})${why}`;
      for (const each of partition.giveUp()) this.#settle(each, new JunctionError('timeout', text));
    } else if (!partition.told) {
      partition.told = true;
      this.#warnings.warn(
        `${topic}/${index} overdue`,
        { topic, partition: index, messages: batch!.pending.length, error: trouble },
        'Kafka may have messages whose acknowledgement was lost; they wait until it tells',
      );
    }
  }

  /** Gives what waits back to its senders, who send it again in order: after what was to come before it. */
  #return(queue: Queue, topic: string, trouble = this.reason): void {
    const why = trouble === undefined ? '' : `: ${trouble}`;
    const text = `Kafka topic ${topic} took nothing, or not what came before, for ${this.#options.timeout} ms${why}`;
    for (const pending of queue.takeAll())
      this.#settle(pending, new JunctionError(pending.unknown ? 'timeout' : 'unavailable', text));
  }

  /** Fails what waits for a topic, except what its brokers may have. */
  #fail(topic: Topic, error: JunctionError): void {
    for (const { queue } of [topic, ...topic.partitions])
      for (const pending of queue.takeAll()) this.#settle(pending, error);
  }

  /** @param error why the brokers do not have it; none if they do */
  #settle(pending: Pending, error?: JunctionError): void {
    this.#pendingBytes -= pending.bytes;
    if (error) pending.reject(error);
    else pending.resolve();
  }
}
