import type { Connection } from '../../client/supervisor.ts';
import { Supervisor } from '../../client/supervisor.ts';
import type { Context, Endpoint, EndpointState, EndpointStatus } from '../../core/protocol.ts';
import { dial, type BrokerUrl } from '../../transport/dial.ts';
import type { RabbitClientConfig } from './config.ts';
import { RabbitSink } from './sink.ts';
import { RabbitSource } from './source.ts';
import { declareAll } from './topology.ts';
import type { Login } from './wire/handshake.ts';
import { Wire } from './wire/wire.ts';

/** What sends or reads through one connection after the other. */
interface User {
  attach(wire: Wire): void;
  detach(): void;
  readonly trouble: string | undefined;
}

const worst: readonly EndpointState[] = ['closed', 'failing', 'connecting', 'ready'];

/**
 * The connections to a RabbitMQ: one to send, and one to read where a route does, since the broker stops reading
 * from a connection that publishes when it is short of memory, acknowledgements included.
 */
export class RabbitClient implements Endpoint {
  readonly source: RabbitSource;
  readonly sink: RabbitSink;
  readonly #config: RabbitClientConfig;
  readonly #context: Context;
  readonly #sending: Supervisor;
  #reading: Supervisor | undefined;
  #closed = false;

  constructor(config: RabbitClientConfig, context: Context) {
    this.#config = config;
    this.#context = context;
    this.sink = new RabbitSink(config, context.log, () => this.#sending.worked());
    this.source = new RabbitSource(config, context.log, () => this.#read());
    this.#sending = this.#supervise('RabbitMQ, to send', this.sink);
  }

  open(): Promise<void> {
    this.#sending.open();
    return Promise.resolve();
  }

  status(): EndpointStatus {
    const sending = this.#sending.status();
    const reading = this.#reading?.status() ?? sending;
    return worst.indexOf(reading.state) < worst.indexOf(sending.state) ? reading : sending;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.sink.close();
    await Promise.all([this.#sending.close(), this.#reading?.close()]);
  }

  #read(): void {
    if (this.#closed) return;
    this.#reading = this.#supervise('RabbitMQ, to read', this.source);
    this.#reading.open();
  }

  #supervise(broker: string, user: User): Supervisor {
    return new Supervisor({
      broker,
      urls: this.#config.url,
      log: this.#context.log,
      connect: (url, signal) => this.#connect(url, signal, user),
      trouble: () => user.trouble,
    });
  }

  async #connect(url: BrokerUrl, signal: AbortSignal, user: User): Promise<Connection> {
    const { tls, connect_timeout: timeout, declare } = this.#config;
    const stream = await dial(url, { tls, timeout, subprotocols: [] });
    const wire = await Wire.open(stream, this.#login(url), timeout, signal);
    if (declare) {
      // Its time is bounded by the heartbeats.
      const abort = (): void => void wire.close();
      signal.addEventListener('abort', abort, { once: true });
      try {
        await declareAll(wire, declare);
      } catch (error) {
        await wire.close();
        throw error;
      } finally {
        signal.removeEventListener('abort', abort);
      }
    }
    user.attach(wire);
    void wire.closed.then(() => user.detach());
    return wire;
  }

  #login(url: BrokerUrl): Login {
    const { username, password, vhost, tls, heartbeat } = this.#config;
    const byCertificate = username === undefined && tls?.cert !== undefined;
    return {
      username: username ?? (byCertificate ? undefined : 'guest'),
      password: username === undefined ? 'guest' : password,
      vhost: vhost ?? vhostOf(url),
      heartbeat: Math.round(heartbeat / 1000),
      name: `junction ${this.#context.name}`,
    };
  }
}

/** The path of the URL, percent-encoded: `amqp://host/%2Fsales` is `/sales`; without one it is `/`. */
function vhostOf({ path }: BrokerUrl): string {
  const encoded = path.slice(1);
  try {
    return decodeURIComponent(encoded) || '/';
  } catch {
    return encoded;
  }
}
