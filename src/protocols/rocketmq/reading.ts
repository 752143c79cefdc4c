import type { RocketMqClientConfig } from './config.ts';
import { ConnectionLost } from './errors.ts';
import { Identity } from './identity.ts';
import { Leases, type Lease } from './lease.ts';
import { Poller } from './poller.ts';
import type { BrokerOfTopic, Route } from './route.ts';
import type { Session } from './session.ts';
import { MessageType, type Message } from './wire.ts';

/** Ms between two looks at where the topics are. */
const rediscovery = 30_000;
/** The same for a topic that was not found. */
const search = 2000;

export interface ReadingHost {
  /** @param settled to be called once the message is settled with its broker */
  take(message: Message, lease: Lease, settled: () => void): void;
  /** A warning that may come often. */
  warn(key: string, fields: object, message: string): void;
}

/** What one session reads: a poller for each broker of each topic, found anew from time to time. */
export class Reading {
  readonly leases: Leases;
  readonly #session: Session;
  readonly #config: RocketMqClientConfig;
  readonly #subscriptions: ReadonlyMap<string, string>;
  readonly #host: ReadingHost;
  readonly #identity: Identity;
  readonly #pollers = new Map<string, Poller>();
  readonly #missing = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    session: Session,
    config: RocketMqClientConfig,
    subscriptions: ReadonlyMap<string, string>,
    host: ReadingHost,
  ) {
    this.#session = session;
    this.#config = config;
    this.#subscriptions = subscriptions;
    this.#host = host;
    this.#identity = new Identity(config, subscriptions);
    this.leases = new Leases(config, (what, error) => {
      if (error instanceof ConnectionLost) return; // said by the endpoint's state
      const fields = { error: error instanceof Error ? error.message : String(error) };
      host.warn(what, fields, `a message could not be ${what} at the broker, which will deliver it again`);
    });
  }

  get trouble(): string | undefined {
    for (const [topic, why] of this.#missing) return `cannot read ${topic}: ${why}`;
    for (const { trouble } of this.#pollers.values()) if (trouble !== undefined) return trouble;
    return undefined;
  }

  /** @throws Error where the proxy does not let us read */
  async start(): Promise<void> {
    await this.#session.consumer(this.#identity);
    this.#session.lost.addEventListener('abort', () => this.#end(), { once: true });
    this.#session.beforeClose(() => {
      this.stop();
      return this.leases.releaseAll();
    });
    if (this.#session.lost.aborted) this.#end();
    await this.#discover();
  }

  /** Takes nothing new. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    for (const poller of this.#pollers.values()) poller.stop();
  }

  #end(): void {
    this.stop();
    this.leases.close();
  }

  async #discover(): Promise<void> {
    for (const topic of this.#subscriptions.keys()) {
      try {
        const route = await this.#session.route(topic);
        for (const broker of route.readable) await this.#poll(topic, broker, route);
        this.#missing.delete(topic);
      } catch (error) {
        this.#missing.set(topic, error instanceof Error ? error.message : String(error));
      }
    }
    if (this.#stopped) return;
    const again = this.#missing.size > 0 ? search : rediscovery;
    this.#timer = setTimeout(() => void this.#discover(), again);
  }

  async #poll(topic: string, broker: BrokerOfTopic, { accepts }: Route): Promise<void> {
    const name = `${topic}:${broker.name}`;
    if (this.#pollers.has(name)) return;
    const connection = await this.#session.consumer(this.#identity, broker.proxy);
    if (this.#stopped) return;
    // A group that is told to consume in order is given what follows only when what went before is settled.
    const orderly = connection.settings.getSubscription()?.getFifo() === true;
    const poller = new Poller(
      {
        topic,
        tags: this.#subscriptions.get(topic)!,
        broker,
        connection,
        window: Math.max(1, Math.floor(this.#config.window / this.#subscriptions.size)),
        single: accepts.has(MessageType.FIFO) && !orderly,
        take: (message, from) => {
          const system = message.getSystemProperties();
          const lease = this.leases.add(
            connection,
            topic,
            system?.getMessageId() ?? '',
            system?.getReceiptHandle() ?? '',
            system?.getDeliveryAttempt() ?? 1,
          );
          this.#host.take(message, lease, () => from.settled());
        },
      },
      this.#config,
    );
    this.#pollers.set(name, poller);
    poller.pump();
  }
}
