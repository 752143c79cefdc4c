import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import kafkajs, { type Admin, type Consumer, type EachBatchPayload } from 'kafkajs';
import type { AddressPattern } from '../../core/address.ts';
import type { Log } from '../../core/protocol.ts';
import type { KafkaClientConfig } from './config.ts';
import type { Fetched, PartitionReader } from './reader.ts';
import { Session } from './session.ts';
import { commitBeginnings, selectTopics } from './topics.ts';

type Reader = Pick<PartitionReader<Fetched>, 'topic' | 'partition' | 'toCommit' | 'committed'>;

/** What a member of the group tells the source. */
export interface MemberHost {
  /** The group was formed (anew); these partitions are ours from now on. */
  joined(assigned: ReadonlyMap<string, readonly number[]>): void;
  batch(payload: EachBatchPayload): Promise<void>;
  readers(): Iterable<Reader>;
  /** Topics that routes name and that do not exist. */
  missing(topics: readonly string[]): void;
}

/** How often, in ms, offsets are committed. */
const commitInterval = 250;
/** How long, in ms, a failed membership may take to wind up. */
const leaveTimeout = 2000;
/** How often in a row a commit may fail. */
const commitAttempts = 40;
/** How long, in ms, a fetch waits at the brokers for something to arrive. */
const fetchWait = 100;

/** One membership of the consumer group, from joining to the first trouble or change of topics. */
export class GroupMember {
  readonly #config: KafkaClientConfig;
  readonly #patterns: readonly AddressPattern[];
  readonly #host: MemberHost;
  readonly #session: Session;
  readonly #crashed: Promise<Error>;
  #onCrash: (error: Error) => void = () => undefined;
  readonly #paused = new Set<Reader>();
  #consumer: Consumer | undefined;
  #alive = performance.now();
  #failedCommits = 0;

  constructor(config: KafkaClientConfig, log: Log, patterns: readonly AddressPattern[], host: MemberHost) {
    this.#config = config;
    this.#patterns = patterns;
    this.#host = host;
    this.#session = new Session(config, log);
    this.#crashed = new Promise((resolve) => (this.#onCrash = resolve));
  }

  /** Reads until the signal, or until the topics that the patterns select have changed; throws on any trouble. */
  async run(signal: AbortSignal): Promise<void> {
    const admin = this.#session.kafka.admin();
    try {
      await admin.connect();
      const { topics, missing } = await selectTopics(this.#session.kafka, admin, this.#patterns);
      this.#host.missing(missing);
      await commitBeginnings(admin, topics, this.#config);
      if (topics.length > 0) await this.#join(topics);
      else this.#host.joined(new Map());
      const ended = Promise.race([
        this.#crashed.then((error) => Promise.reject(error)),
        this.#session.lost.then(() => Promise.reject(new Error('the connection to the brokers was lost'))),
      ]);
      await Promise.race([ended, this.#work(admin, topics, missing.length > 0, signal)]);
      // In order: the last commit, then leave the group, so that others need not wait for us.
      await Promise.race([ended, this.#tryCommit().then(() => this.#consumer?.disconnect())]);
    } finally {
      this.#session.close();
      // Its connections are gone; should it wait for something all the same, it does so alone.
      const waiting = new AbortController();
      await Promise.race([
        Promise.allSettled([admin.disconnect(), this.#consumer?.disconnect()]),
        pause(leaveTimeout, undefined, { signal: waiting.signal }).catch(() => undefined),
      ]);
      waiting.abort();
    }
  }

  pause(reader: Reader): void {
    this.#paused.add(reader);
    this.#ask('pause', reader);
  }

  resume(reader: Reader): void {
    if (this.#paused.delete(reader)) this.#ask('resume', reader);
  }

  /**
   * kafkajs throws here once it has left its group, be it by order or by an error of its own that we have yet to hear
   * of. Then there is nothing to do: the next membership begins with nothing paused.
   */
  #ask(what: 'pause' | 'resume', { topic, partition }: Reader): void {
    try {
      this.#consumer?.[what]([{ topic, partitions: [partition] }]);
    } catch (error) {
      if (!(error instanceof kafkajs.KafkaJSNonRetriableError)) throw error;
    }
  }

  async #join(topics: readonly string[]): Promise<void> {
    const { group, session_timeout: sessionTimeout, discovery } = this.#config;
    const consumer = this.#session.kafka.consumer({
      groupId: group,
      sessionTimeout,
      rebalanceTimeout: sessionTimeout * 2,
      heartbeatInterval: Math.ceil(sessionTimeout / 4),
      metadataMaxAge: discovery,
      maxWaitTimeInMs: fetchWait,
      maxBytesPerPartition: 512 * 1024,
      maxBytes: 4 * 1024 * 1024,
      allowAutoTopicCreation: false,
      retry: {
        retries: 5,
        initialRetryTime: 100,
        maxRetryTime: 1000,
        restartOnFailure: () => Promise.resolve(false),
      },
    });
    this.#consumer = consumer;
    const { CRASH, GROUP_JOIN, FETCH_START } = consumer.events;
    consumer.on(CRASH, ({ payload }) => this.#onCrash(payload.error));
    consumer.on(GROUP_JOIN, ({ payload }) => {
      this.#alive = performance.now();
      this.#host.joined(new Map(Object.entries(payload.memberAssignment)));
    });
    consumer.on(FETCH_START, () => {
      this.#alive = performance.now();
    });
    await consumer.connect();
    // Never from the end: where that was asked for, commitBeginnings has put the offset there.
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await Promise.race([
      consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: 64,
        eachBatch: (payload) => this.#host.batch(payload),
      }),
      this.#crashed,
      this.#session.lost,
    ]);
  }

  /** Commits at intervals and looks for new topics; returns when there is reason to end in order. */
  async #work(
    admin: Admin,
    topics: readonly string[],
    incomplete: boolean,
    signal: AbortSignal,
  ): Promise<void> {
    const { discovery, session_timeout } = this.#config;
    const interval = incomplete ? Math.min(discovery, 5000) : discovery;
    const changing = incomplete || this.#patterns.some((pattern) => !pattern.literal);
    let looked = performance.now();
    while (!signal.aborted) {
      await pause(commitInterval, undefined, { signal }).catch(() => undefined);
      await this.#tryCommit();
      const now = performance.now();
      if (topics.length > 0 && now - this.#alive > 3 * session_timeout)
        throw new Error(`Kafka has not answered a fetch for ${3 * session_timeout} ms`);
      if (!changing || now - looked < interval) continue;
      looked = now;
      const found = await selectTopics(this.#session.kafka, admin, this.#patterns);
      if (found.topics.join() !== topics.join()) return;
    }
  }

  /** While the group is being formed anew commits are refused; the next one makes up for it. */
  async #tryCommit(): Promise<void> {
    try {
      await this.#commit();
      this.#failedCommits = 0;
    } catch (error) {
      if (++this.#failedCommits >= commitAttempts) throw error;
    }
  }

  async #commit(): Promise<void> {
    const changed: { reader: Reader; offset: number }[] = [];
    for (const reader of this.#host.readers())
      if (reader.toCommit !== undefined) changed.push({ reader, offset: reader.toCommit });
    if (changed.length === 0 || !this.#consumer) return;
    await this.#consumer.commitOffsets(
      changed.map(({ reader, offset }) => ({
        topic: reader.topic,
        partition: reader.partition,
        offset: String(offset),
      })),
    );
    for (const { reader, offset } of changed) reader.committed(offset);
  }
}
