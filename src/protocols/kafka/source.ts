import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { Backoff } from '../../core/backoff.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Context, EndpointState, Intake, Source } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import type { KafkaClientConfig } from './config.ts';
import { GroupMember } from './group-member.ts';
import { toEnvelope } from './mapping.ts';
import { PartitionReader, type ReaderHost } from './reader.ts';

/** How long, in ms, a fetched batch may hold up the fetching of other partitions before its own is paused. */
const patience = 200;

/**
 * Reads topics as a member of a consumer group. Messages are handed over in order and several at a time, up to the
 * window; only offsets before which all was accepted are committed, so that a crash or rebalance repeats messages but
 * loses none. Where the group is formed anew, what this member holds is not handed over a second time.
 */
export class KafkaSource implements Source, ReaderHost<KafkaMessage> {
  readonly #config: KafkaClientConfig;
  readonly #context: Context;
  readonly #warnings: RateLimitedLog;
  readonly #readers = new Map<string, PartitionReader<KafkaMessage>>();
  readonly #stopping = new AbortController();
  #intake: Intake | undefined;
  #running: Promise<void> | undefined;
  #member: GroupMember | undefined;
  #state: EndpointState | undefined;
  #reason: string | undefined;
  #inFlight = 0;
  #onIdle: (() => void) | undefined;

  constructor(config: KafkaClientConfig, context: Context) {
    this.#config = config;
    this.#context = context;
    this.#warnings = new RateLimitedLog(context.log);
  }

  /** Undefined where no route reads from here. */
  get state(): EndpointState | undefined {
    return this.#state === 'ready' && this.#trouble() !== undefined ? 'failing' : this.#state;
  }

  get reason(): string | undefined {
    return this.#reason ?? this.#trouble();
  }

  start(intake: Intake): Promise<void> {
    if (intake.patterns.length > 0 && !this.#running) {
      this.#intake = intake;
      this.#state = 'connecting';
      this.#running = this.#run();
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    for (const reader of this.#readers.values()) reader.stop();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
    await this.close();
  }

  /** Leaves the group, without what is unsettled: it is read again. */
  async close(): Promise<void> {
    for (const reader of this.#readers.values()) reader.stop();
    this.#stopping.abort();
    await this.#running;
    this.#state = undefined;
  }

  deliver(reader: PartitionReader<KafkaMessage>, record: KafkaMessage, attempts: number): Promise<Outcome> {
    this.#inFlight++;
    const envelope = toEnvelope(reader.topic, record);
    return this.#intake!.deliver(attempts === 0 ? envelope : { ...envelope, deliveryCount: attempts }).then(
      (outcome) => {
        this.#inFlight--;
        if (outcome.state !== 'accepted')
          this.#warnings.warn(
            `${reader.topic}/${reader.partition}`,
            {
              topic: reader.topic,
              partition: reader.partition,
              offset: record.offset,
              error: outcome.error.message,
            },
            outcome.state === 'rejected'
              ? 'a message is refused for good; its partition is held so that it is not lost'
              : 'a message cannot be delivered now; its partition waits and tries again',
          );
        if (this.#inFlight === 0) this.#onIdle?.();
        return outcome;
      },
    );
  }

  /** Hands over what the window has room for, a message of each partition in turn. */
  pump(): void {
    let progress = true;
    while (progress) {
      progress = false;
      for (const reader of this.#readers.values()) {
        if (this.#inFlight >= this.#config.window) return;
        if (reader.next()) progress = true;
      }
    }
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(100, 10_000);
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const member: GroupMember = new GroupMember(this.#config, this.#context.log, this.#intake!.patterns, {
        joined: (assigned) => this.#joined(assigned, member),
        batch: (payload) => this.#take(payload, member),
        readers: () => this.#readers.values(),
        missing: (topics) => this.#missing(topics),
      });
      this.#member = member;
      const since = performance.now();
      try {
        await member.run(signal);
      } catch (error) {
        this.#failing(error instanceof Error ? error.message : String(error));
        if (performance.now() - since > 30_000) backoff.reset();
        await pause(backoff.next(), undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #joined(assigned: ReadonlyMap<string, readonly number[]>, member: GroupMember): void {
    if (this.#reason !== undefined)
      this.#context.log.info({ group: this.#config.group }, 'reading from Kafka again');
    this.#state = 'ready';
    this.#reason = undefined;
    for (const [key, reader] of this.#readers) {
      if (assigned.get(reader.topic)?.includes(reader.partition)) reader.rejoined();
      else {
        reader.stop();
        this.#readers.delete(key);
      }
      member.resume(reader);
    }
  }

  /** Takes a fetched batch; returns when the next may be fetched. */
  async #take(payload: EachBatchPayload, member: GroupMember): Promise<void> {
    const { batch } = payload;
    if (this.#stopping.signal.aborted || member !== this.#member || batch.messages.length === 0) return;
    const key = `${batch.partition}/${batch.topic}`;
    let reader = this.#readers.get(key);
    if (!reader?.push(batch.messages)) {
      reader?.stop();
      reader = new PartitionReader(batch.topic, batch.partition, this);
      this.#readers.set(key, reader);
      reader.push(batch.messages);
    }
    payload.resolveOffset(batch.lastOffset());
    this.pump();
    if (reader.waiting === 0) return;
    const waiting = new AbortController();
    const drained = reader.drained();
    await Promise.race([
      drained,
      pause(patience, undefined, { signal: waiting.signal }).catch(() => undefined),
    ]);
    waiting.abort();
    if (reader.waiting === 0) return;
    member.pause(reader);
    void drained.then(() => member.resume(reader));
  }

  #missing(topics: readonly string[]): void {
    if (topics.length > 0)
      this.#context.log.warn(
        { topics },
        'topics that routes read from do not exist; looking for them again and again',
      );
  }

  #failing(reason: string): void {
    const first = this.#reason === undefined;
    this.#state = 'failing';
    this.#reason = reason;
    if (first && !this.#stopping.signal.aborted)
      this.#context.log.warn(
        { group: this.#config.group, reason },
        'cannot read from Kafka; trying again until it is back',
      );
  }

  #trouble(): string | undefined {
    for (const { topic, partition, trouble } of this.#readers.values())
      if (trouble)
        return `partition ${partition} of ${topic} is held at offset ${trouble.offset}: ${trouble.error.message}`;
    return undefined;
  }
}
