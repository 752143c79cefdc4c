import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Envelope } from '../../core/envelope.ts';
import type { Outcome } from '../../core/outcome.ts';
import { Method } from './codec/methods.ts';
import { writeTable } from './codec/table.ts';
import { Settlements } from './settlements.ts';
import { toEnvelope } from './mapping.ts';
import type { Channel, Content } from './wire/channel.ts';
import type { Wire } from './wire/wire.ts';

export interface ConsumerOptions {
  readonly queue: string;
  /** As the route writes the queue. */
  readonly address: string;
  /** Messages unsettled at one time, at most. */
  readonly prefetch: number;
  /** The largest body taken, in bytes. */
  readonly maxMessage: number;
}

export interface ConsumerHost {
  deliver(envelope: Envelope, lost: AbortSignal): Promise<Outcome>;
  /** A message that cannot be read goes to the queue's dead letters. */
  unreadable(address: string, why: string): void;
  /** The queue cannot be consumed, for the first time since it could. */
  failing(queue: string, why: string): void;
}

/** What one subscription of the broker has, from basic.consume to its end. */
interface Subscription {
  readonly channel: Channel;
  readonly settlements: Settlements;
  /** Aborts when the broker no longer counts its messages as ours. */
  readonly lost: AbortController;
  finish(why: string): void;
}

/** There is one consumer to a channel. */
const consumerTag = 'junction';

/**
 * Consumes one queue over one connection, on a channel of its own: what is wrong with a queue concerns no other. A queue
 * that is missing or deleted is looked for again and again.
 */
export class Consumer {
  readonly #wire: Wire;
  readonly #options: ConsumerOptions;
  readonly #host: ConsumerHost;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  #subscription: Subscription | undefined;
  #trouble: string | undefined;
  #reason: string | undefined;

  constructor(wire: Wire, options: ConsumerOptions, host: ConsumerHost) {
    this.#wire = wire;
    this.#options = options;
    this.#host = host;
    this.#running = this.#run();
  }

  /** Why it does not consume, if it does not. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  /** Takes nothing new; resolves once the broker knows. */
  async cancel(): Promise<void> {
    this.#ending.abort();
    const { channel } = this.#subscription ?? {};
    if (!channel?.open) return;
    await channel
      .call(Method.basicCancel, Method.basicCancelOk, (writer) => {
        writer.shortString(consumerTag);
        writer.octet(0);
      })
      .catch(() => undefined);
  }

  /** Tells the broker what is settled and closes the channel, which gives it back all else. */
  async end(): Promise<void> {
    this.#ending.abort();
    this.#subscription?.finish('ended');
    await this.#running;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(100, 10_000);
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const why = await this.#consume(backoff);
      if (signal.aborted) return;
      this.#failing(why);
      await pause(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** Consumes until it is over; @returns why. */
  async #consume(backoff: Backoff): Promise<string> {
    let finish: (why: string) => void = () => undefined;
    const over = new Promise<string>((resolve) => (finish = resolve));
    const lost = new AbortController();
    const channel = this.#wire.channel(
      {
        delivered: (tag, redelivered, content) => this.#take(subscription, tag, redelivered, content),
        cancelled: () => finish('the broker ended the subscription: the queue was deleted or has moved'),
        closed: (error) => {
          lost.abort();
          finish(error.message);
        },
      },
      this.#options.maxMessage,
    );
    const subscription: Subscription = { channel, settlements: new Settlements(channel), lost, finish };
    this.#subscription = subscription;
    void this.#ask(channel).then(
      () => {
        if (!channel.open) return;
        this.#trouble = undefined;
        backoff.reset();
      },
      () => undefined,
    ); // told by `closed`
    const why = await over;
    subscription.settlements.flush();
    lost.abort();
    await channel.close();
    return why;
  }

  /** Asks for the queue's messages; @throws ClosedError */
  async #ask(channel: Channel): Promise<void> {
    const { queue, prefetch } = this.#options;
    // One after the other without waiting: when the channel is closed both fail.
    const qos = channel.call(Method.basicQos, Method.basicQosOk, (writer) => {
      writer.long(0);
      writer.short(prefetch);
      writer.octet(0);
    });
    const consume = channel.call(Method.basicConsume, Method.basicConsumeOk, (writer) => {
      writer.short(0);
      writer.shortString(queue);
      writer.shortString(consumerTag);
      writer.octet(0);
      writeTable(writer, []);
    });
    await Promise.all([qos, consume]);
  }

  #take(of: Subscription, tag: number, redelivered: boolean, content: Content): void {
    if (this.#ending.signal.aborted) return; // goes back to the queue with the channel
    const { address, maxMessage } = this.#options;
    const { settlements } = of;
    settlements.add(tag);
    const refuse = (why: string): void => {
      this.#host.unreadable(address, why);
      settlements.reject(tag);
    };
    const { body, properties } = content;
    if (!body) return refuse(`it is larger than max_message, ${maxMessage} bytes`);
    let envelope: Envelope;
    try {
      envelope = toEnvelope({ properties, body, redelivered }, address, Date.now());
    } catch (error) {
      return refuse((error as Error).message);
    }
    void this.#host.deliver(envelope, of.lost.signal).then((outcome) => {
      if (outcome.state === 'accepted') settlements.accept(tag);
      else if (outcome.state === 'rejected') settlements.reject(tag);
      else settlements.release(tag);
    });
  }

  #failing(why: string): void {
    const first = this.#trouble === undefined;
    const { queue } = this.#options;
    this.#trouble = `queue "${queue}" cannot be read: ${why}`;
    // A subscription that is lost at once each time it succeeds is one trouble, not many.
    if (first && why !== this.#reason) this.#host.failing(queue, why);
    this.#reason = why;
  }
}
