import type { ProxyConnection } from './proxy.ts';
import type { RocketMqClientConfig } from './config.ts';
import { durationOf, resource, service } from './wire.ts';

/** Ms after which a message that is given back may be read again. */
const soon = 1000;

/** A message that is ours for a time, until it is acknowledged, refused or given back. */
export interface Lease {
  readonly topic: string;
  readonly id: string;
  readonly attempt: number;
  readonly connection: ProxyConnection;
  /** What to name it by; each renewal makes a new one. */
  handle: string;
  /** By the monotonic clock, ms. */
  renewAt: number;
  /** A renewal under way. */
  renewing: Promise<void> | undefined;
}

/**
 * The messages that a session has read and not settled. While their targets have not answered the time for which the
 * brokers keep them from others is renewed, all by one timer.
 */
export class Leases {
  readonly #config: RocketMqClientConfig;
  readonly #failed: (what: string, error: unknown) => void;
  readonly #held = new Set<Lease>();
  readonly #acks = new Map<string, { readonly lease: Lease; readonly done: () => void }[]>();
  #sweep: NodeJS.Timeout | undefined;
  #flushing = false;

  /** @param failed called where a broker takes no settlement or renewal: the message comes again */
  constructor(config: RocketMqClientConfig, failed: (what: string, error: unknown) => void) {
    this.#config = config;
    this.#failed = failed;
  }

  add(connection: ProxyConnection, topic: string, id: string, handle: string, attempt: number): Lease {
    const renewAt = performance.now() + this.#config.invisible / 2;
    const lease: Lease = { topic, id, attempt, connection, handle, renewAt, renewing: undefined };
    this.#held.add(lease);
    this.#sweep ??= setInterval(() => this.#renew(), this.#config.invisible / 10);
    return lease;
  }

  /** Acknowledges it; resolves once the broker has answered. Acknowledgements of one tick go together. */
  async accept(lease: Lease): Promise<void> {
    await this.#take(lease);
    return new Promise((done) => {
      const waiting = this.#acks.get(lease.topic);
      if (waiting) waiting.push({ lease, done });
      else this.#acks.set(lease.topic, [{ lease, done }]);
      if (this.#flushing) return;
      this.#flushing = true;
      setImmediate(() => this.#flush());
    });
  }

  /** Makes it a dead letter of the group at once, where it waits for an operator. */
  async reject(lease: Lease): Promise<void> {
    await this.#take(lease);
    const { group, namespace } = this.#config;
    const request = new service.ForwardMessageToDeadLetterQueueRequest()
      .setGroup(resource(group, namespace))
      .setTopic(resource(lease.topic, namespace))
      .setReceiptHandle(lease.handle)
      .setMessageId(lease.id)
      .setDeliveryAttempt(lease.attempt)
      .setMaxDeliveryAttempts(lease.attempt);
    await lease.connection
      .call('forwardMessageToDeadLetterQueue', request)
      .catch((error: unknown) => this.#failed('made a dead letter', error));
  }

  /** Gives it back, to be read again soon. */
  async release(lease: Lease): Promise<void> {
    await this.#take(lease);
    if (lease.connection.over) return;
    await this.#change(lease, soon).catch((error: unknown) => this.#failed('given back', error));
  }

  /** Gives back what is held. */
  async releaseAll(): Promise<void> {
    await Promise.all([...this.#held].map((lease) => this.release(lease)));
    this.close();
  }

  /** Forgets what is held: it comes again in its time. */
  close(): void {
    clearInterval(this.#sweep);
    this.#held.clear();
  }

  /** A renewal under way makes a new handle, which is waited for. */
  async #take(lease: Lease): Promise<void> {
    this.#held.delete(lease);
    if (this.#held.size === 0) {
      clearInterval(this.#sweep);
      this.#sweep = undefined;
    }
    if (lease.renewing) await lease.renewing;
  }

  #flush(): void {
    this.#flushing = false;
    const all = [...this.#acks];
    this.#acks.clear();
    for (const [topic, waiting] of all) {
      const byConnection = new Map<ProxyConnection, typeof waiting>();
      for (const each of waiting) {
        const same = byConnection.get(each.lease.connection);
        if (same) same.push(each);
        else byConnection.set(each.lease.connection, [each]);
      }
      for (const [connection, some] of byConnection) void this.#acknowledge(connection, topic, some);
    }
  }

  async #acknowledge(
    connection: ProxyConnection,
    topic: string,
    waiting: readonly { readonly lease: Lease; readonly done: () => void }[],
  ): Promise<void> {
    const { group, namespace } = this.#config;
    const request = new service.AckMessageRequest()
      .setGroup(resource(group, namespace))
      .setTopic(resource(topic, namespace))
      .setEntriesList(
        waiting.map(({ lease }) =>
          new service.AckMessageEntry().setMessageId(lease.id).setReceiptHandle(lease.handle),
        ),
      );
    try {
      const answer = await connection.call('ackMessage', request);
      for (const entry of answer.getEntriesList()) {
        const failure = connection.refusal(entry.getStatus());
        if (failure) this.#failed('acknowledged', failure);
      }
    } catch (error) {
      this.#failed('acknowledged', error);
    }
    for (const { done } of waiting) done();
  }

  #renew(): void {
    const now = performance.now();
    for (const lease of this.#held) {
      if (lease.renewAt > now || lease.renewing) continue;
      lease.renewAt = now + this.#config.invisible / 2;
      lease.renewing = this.#change(lease, this.#config.invisible)
        .catch((error: unknown) => this.#failed('kept from others', error))
        .then(() => {
          lease.renewing = undefined;
        });
    }
  }

  async #change(lease: Lease, invisible: number): Promise<void> {
    const { group, namespace } = this.#config;
    const request = new service.ChangeInvisibleDurationRequest()
      .setGroup(resource(group, namespace))
      .setTopic(resource(lease.topic, namespace))
      .setReceiptHandle(lease.handle)
      .setMessageId(lease.id)
      .setInvisibleDuration(durationOf(invisible));
    const answer = await lease.connection.call('changeInvisibleDuration', request);
    lease.handle = answer.getReceiptHandle();
  }
}
