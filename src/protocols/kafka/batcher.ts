import { performance } from 'node:perf_hooks';
import type { TopicMessages } from 'kafkajs';
import { JunctionError } from '../../core/errors.ts';
import type { KafkaClientConfig } from './config.ts';
import { classify } from './errors.ts';
import { Lane, type Pending } from './lane.ts';

type Limits = Pick<KafkaClientConfig, 'batch_count' | 'batch_size' | 'linger' | 'timeout'>;

/** A connection to the brokers. Each call writes one request and resolves once all of it is acknowledged. */
export interface Wire {
  /** For topics that have been written to before in this session. */
  shared(batch: TopicMessages[]): Promise<unknown>;
  /** For one topic, whose errors concern that topic or the connection and nothing else. */
  alone(batch: TopicMessages): Promise<unknown>;
  /** Called when this connection is not to be used further; `reason` where it is the connection that failed. */
  broken(reason: Error | undefined): void;
  /** Called when the brokers have acknowledged something. */
  worked(): void;
}

/**
 * Gathers messages into requests. Topics share a request once each has been written to alone: kafkajs does not tell
 * which part of a request failed, and one bad topic must fail nobody else. Every topic has one request under way at
 * most, which keeps the order within its partitions. A message is sent again until the brokers answer or its time is
 * up; after the failure of a request, those of its messages that had arrived come twice.
 */
export class Batcher {
  readonly #limits: Limits;
  readonly #lanes = new Map<string, Lane>();
  /** The lanes in which messages wait, in turn. */
  readonly #active = new Set<Lane>();
  #wire: Wire | undefined;
  #sharedBusy = false;
  #aloneBusy = false;
  #pendingBytes = 0;
  #flush: NodeJS.Immediate | undefined;
  #linger: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #lastError: string | undefined;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Bytes of messages not yet acknowledged. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  add(topic: string, pending: Pending): void {
    let lane = this.#lanes.get(topic);
    if (!lane) this.#lanes.set(topic, (lane = new Lane(topic)));
    lane.push(pending);
    this.#active.add(lane);
    this.#pendingBytes += pending.bytes;
    this.#sweep ??= setInterval(
      () => this.#expire(),
      Math.min(Math.max(10, this.#limits.timeout / 20), 1000),
    );
    this.#schedule();
  }

  /** Sends through this connection from now on; undefined: waits for the next one. */
  use(wire: Wire | undefined): void {
    this.#wire = wire;
    this.#sharedBusy = false;
    this.#aloneBusy = false;
    for (const lane of this.#lanes.values()) lane.proven = false;
    this.#schedule();
  }

  /** Fails everything that waits. */
  close(): void {
    this.#wire = undefined;
    clearImmediate(this.#flush);
    clearTimeout(this.#linger);
    clearInterval(this.#sweep);
    for (const lane of this.#lanes.values()) {
      clearTimeout(lane.delay);
      const error = new JunctionError('closed', 'the Kafka endpoint is closing');
      for (const pending of lane.takeAll()) this.#settle(pending, error);
      for (const pending of lane.sent ?? []) pending.settle(error);
    }
  }

  #schedule(): void {
    if (!this.#wire || this.#flush || this.#linger || this.#active.size === 0) return;
    if (this.#limits.linger > 0 && !this.#sharedBusy) {
      this.#linger = setTimeout(() => {
        this.#linger = undefined;
        this.#send();
      }, this.#limits.linger);
    } else {
      // One turn of the event loop gathers what the other connections have brought meanwhile.
      this.#flush = setImmediate(() => {
        this.#flush = undefined;
        this.#send();
      });
    }
  }

  #send(): void {
    if (!this.#wire) return;
    const shared: Lane[] = [];
    let count = this.#sharedBusy ? 0 : this.#limits.batch_count;
    let bytes = this.#limits.batch_size;
    for (const lane of [...this.#active]) {
      if (lane.sent || lane.delay) continue;
      if (!lane.proven) {
        if (this.#aloneBusy) continue;
        lane.sent = this.#take(lane, this.#limits.batch_count, this.#limits.batch_size);
        void this.#write([lane], this.#wire, true);
      } else if (count > 0 && bytes > 0) {
        lane.sent = this.#take(lane, count, bytes);
        shared.push(lane);
        count -= lane.sent.length;
        for (const pending of lane.sent) bytes -= pending.bytes;
      }
    }
    if (shared.length > 0) void this.#write(shared, this.#wire, false);
  }

  #take(lane: Lane, count: number, bytes: number): Pending[] {
    const taken = lane.take(count, bytes);
    // To the end of the turn, so that a busy topic does not starve the others.
    this.#active.delete(lane);
    if (lane.length > 0) this.#active.add(lane);
    return taken;
  }

  async #write(lanes: readonly Lane[], wire: Wire, alone: boolean): Promise<void> {
    if (alone) this.#aloneBusy = true;
    else this.#sharedBusy = true;
    const batch = lanes.map(({ topic, sent }) => ({ topic, messages: sent!.map(({ message }) => message) }));
    let failure: { thrown: unknown } | undefined;
    try {
      await (alone ? wire.alone(batch[0]!) : wire.shared(batch));
      this.#lastError = undefined;
      wire.worked();
    } catch (thrown) {
      failure = { thrown };
    }
    if (wire === this.#wire) {
      if (alone) this.#aloneBusy = false;
      else this.#sharedBusy = false;
    }
    if (failure) this.#failed(failure.thrown, lanes, wire, alone);
    else for (const lane of lanes) this.#acknowledged(lane);
    this.#schedule();
  }

  #acknowledged(lane: Lane): void {
    const sent = lane.sent!;
    lane.sent = undefined;
    lane.succeeded(this.#limits.batch_count);
    for (const pending of sent) this.#settle(pending);
  }

  #failed(thrown: unknown, lanes: readonly Lane[], wire: Wire, alone: boolean): void {
    const { error, scope } = classify(thrown, alone ? lanes[0]!.topic : undefined);
    this.#lastError = error.message;
    for (const lane of lanes) {
      const sent = lane.sent!;
      lane.sent = undefined;
      lane.proven = false;
      if (alone && !error.retryable && (scope === 'topic' || sent.length === 1)) {
        for (const pending of sent) this.#settle(pending, error);
        continue;
      }
      // What follows one whose sender has been told that its time is up must not overtake it.
      const first = sent.findIndex((pending) => pending.settled);
      const again = first < 0 ? sent : sent.slice(0, first);
      for (const pending of sent.slice(again.length)) this.#settle(pending, this.#unacknowledged(lane));
      if (first >= 0) this.#giveBack(lane);
      lane.putBack(again);
      if (lane.length > 0) this.#active.add(lane);
      if (alone && scope === 'message') lane.halve(sent.length);
      if (alone && scope === 'topic') this.#delay(lane);
    }
    // After the failure of a shared request each of its topics is tried alone, which tells the bad one.
    if (wire === this.#wire && (!alone || scope === 'connection'))
      wire.broken(scope === 'connection' ? error : undefined);
  }

  /** Tries a topic again later, e.g. when it has been created or has a leader. */
  #delay(lane: Lane): void {
    lane.delay = setTimeout(() => {
      lane.delay = undefined;
      this.#schedule();
    }, lane.backoff.next());
  }

  /** Tells the senders whose time is up. Of a message under way the outcome is unknown. */
  #expire(): void {
    const now = performance.now();
    for (const [topic, lane] of this.#lanes) {
      let late = lane.isLate(now);
      for (const pending of lane.sent ?? [])
        if (pending.deadline <= now) {
          late ||= !pending.settled;
          pending.settle(this.#unacknowledged(lane));
        }
      if (late) this.#giveBack(lane);
      if (lane.length === 0) this.#active.delete(lane);
      // A topic that was never reached is forgotten, for its name came from outside.
      if (lane.length === 0 && !lane.sent && !lane.proven && !lane.delay) this.#lanes.delete(topic);
    }
    if (this.#pendingBytes === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
  }

  /** Gives what waits back to its senders, who send it again in order: after what was to come before it. */
  #giveBack(lane: Lane): void {
    const why = this.#lastError === undefined ? '' : `: ${this.#lastError}`;
    const text = `Kafka topic ${lane.topic} took nothing, or not what came before, for ${this.#limits.timeout} ms${why}`;
    for (const pending of lane.takeAll()) this.#settle(pending, new JunctionError('unavailable', text));
  }

  /** Its outcome is unknown. */
  #unacknowledged({ topic }: Lane): JunctionError {
    return new JunctionError(
      'timeout',
      `Kafka did not acknowledge within ${this.#limits.timeout} ms (topic ${topic})`,
    );
  }

  #settle(pending: Pending, error?: JunctionError): void {
    this.#pendingBytes -= pending.bytes;
    pending.settle(error);
  }
}
