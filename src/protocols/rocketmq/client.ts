import { Supervisor } from '../../client/supervisor.ts';
import { type Context, type Endpoint, type EndpointStatus, type Traits } from '../../core/protocol.ts';
import type { BrokerUrl } from '../../transport/dial.ts';
import type { RocketMqClientConfig } from './config.ts';
import { Session } from './session.ts';
import { RocketMqSink } from './sink.ts';
import { RocketMqSource } from './source.ts';

export const rocketMqTraits: Traits = {
  headers: 'text',
  repeatedHeaders: false,
  headerOrder: 'lost',
  controlCharacters: 'encoded',
  unordered: true, // a topic spreads them over its queues; those of a key are a message group
  loses: ['durable', 'deliveryCount', 'retain'], // it counts deliveries itself
  supplies: ['timestamp'],
  limits: { headers: 16_384, headerCount: 128 },
  redelivers: true,
};

/** The connection to a RocketMQ 5 cluster through its gRPC proxies. */
export class RocketMqClient implements Endpoint {
  readonly source: RocketMqSource;
  readonly sink: RocketMqSink;
  readonly #config: RocketMqClientConfig;
  readonly #supervisor: Supervisor;

  constructor(config: RocketMqClientConfig, context: Context) {
    this.#config = config;
    this.source = new RocketMqSource(config, context);
    this.sink = new RocketMqSink(config, context);
    this.#supervisor = new Supervisor({
      broker: 'RocketMQ',
      urls: config.brokers,
      log: context.log,
      connect: (url, signal) => this.#connect(url, signal),
      trouble: () => this.source.trouble,
    });
  }

  open(): Promise<void> {
    this.#supervisor.open();
    return Promise.resolve();
  }

  status(): EndpointStatus {
    return this.#supervisor.status();
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
    this.sink.close();
  }

  async #connect(url: BrokerUrl, signal: AbortSignal): Promise<Session> {
    const session = new Session(this.#config, url);
    try {
      await session.open(signal);
      await this.source.attach(session);
    } catch (error) {
      await session.close();
      throw error;
    }
    this.sink.attach(session);
    void session.closed.then(() => this.sink.detach());
    return session;
  }
}
