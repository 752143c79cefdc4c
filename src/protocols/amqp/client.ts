import { Supervisor, type Connection } from '../../client/supervisor.ts';
import type { Context, Endpoint, EndpointStatus } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import type { BrokerUrl } from '../../transport/dial.ts';
import { Addresses } from './client/addresses.ts';
import { BrokerConnection } from './client/broker-connection.ts';
import type { AmqpClientConfig } from './client/config.ts';
import { AmqpSink } from './client/sink.ts';
import { AmqpSource } from './client/source.ts';

/** The connection to an AMQP 1.0 broker. */
export class AmqpBrokerClient implements Endpoint {
  readonly source: AmqpSource;
  readonly sink: AmqpSink;
  readonly #config: AmqpClientConfig;
  readonly #containerId: string;
  readonly #supervisor: Supervisor;
  #closing: Promise<void> | undefined;

  constructor(config: AmqpClientConfig, { name, log }: Context) {
    this.#config = config;
    this.#containerId = config.container_id ?? `junction-${name}`;
    const addresses = new Addresses(config);
    const limited = new RateLimitedLog(log);
    const worked = (): void => this.#supervisor.worked();
    this.sink = new AmqpSink(config, addresses, limited, worked);
    this.source = new AmqpSource(config, addresses, log, limited, worked);
    this.#supervisor = new Supervisor({
      broker: 'the AMQP broker',
      urls: config.url,
      log,
      connect: (url, signal) => this.#connect(url, signal),
      trouble: () => this.source.trouble,
    });
  }

  open(): Promise<void> {
    this.#supervisor.open();
    return Promise.resolve();
  }

  status(): EndpointStatus {
    const status = this.#supervisor.status();
    return status.state === 'ready' && !this.source.attached ? { ...status, state: 'connecting' } : status;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.source.close();
    await this.#supervisor.close();
    this.sink.close();
  }

  async #connect(url: BrokerUrl, signal: AbortSignal): Promise<Connection> {
    const connection = new BrokerConnection(this.#config, url, this.#containerId);
    await connection.connect(signal);
    this.sink.connected(connection);
    this.source.connected(connection);
    void connection.closed.then(() => {
      this.sink.disconnected();
      this.source.disconnected();
    });
    return connection;
  }
}
