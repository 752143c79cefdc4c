import { Supervisor, type Connection } from '../../client/supervisor.ts';
import type { Context, Endpoint, EndpointStatus } from '../../core/protocol.ts';
import type { BrokerUrl } from '../../transport/dial.ts';
import type { StompClientConfig } from './client/config.ts';
import { Link, type LinkHost } from './client/link.ts';
import { StompSink } from './client/sink.ts';
import { StompSource } from './client/source.ts';

/**
 * A STOMP broker: one connection to send by and, where routes read, another to read by. An ERROR ends a connection,
 * so that a message that is refused would take with it all deliveries that are not settled; and a reader that is made
 * to wait must not hold up receipts.
 */
export class StompBrokerClient implements Endpoint {
  readonly source: StompSource;
  readonly sink: StompSink;
  readonly #config: StompClientConfig;
  readonly #clientId: string;
  readonly #writer: Supervisor;
  readonly #reader: Supervisor;
  #reads = false;

  constructor(config: StompClientConfig, context: Context) {
    this.#config = config;
    this.#clientId = config.client_id ?? `junction-${context.name}`;
    this.#writer = new Supervisor({
      broker: 'the STOMP broker',
      urls: config.url,
      log: context.log,
      connect: (url, signal) => this.#connectWriter(url, signal),
    });
    this.#reader = new Supervisor({
      broker: 'the STOMP broker, to read from it',
      urls: config.url,
      log: context.log,
      connect: (url, signal) => this.#connectReader(url, signal),
      trouble: () => this.source.trouble,
    });
    this.sink = new StompSink(config, context, () => this.#writer.worked());
    this.source = new StompSource(
      config,
      context.log,
      this.#clientId,
      () => this.#startReading(),
      () => this.#stopReading(),
    );
  }

  open(): Promise<void> {
    this.#writer.open();
    return Promise.resolve();
  }

  status(): EndpointStatus {
    const writer = this.#writer.status();
    if (!this.#reads || writer.state !== 'ready') return writer;
    return this.#reader.status();
  }

  async close(): Promise<void> {
    this.source.close();
    await Promise.all([this.#writer.close(), this.#reader.close()]);
    this.sink.close();
  }

  /** Not before we are let in at all: what is wrong then is said once. */
  #startReading(): void {
    this.#reads = true;
    if (this.#writer.status().state === 'ready') this.#reader.open();
  }

  async #stopReading(): Promise<void> {
    this.#reads = false;
    await this.#reader.close();
  }

  async #connectWriter(url: BrokerUrl, signal: AbortSignal): Promise<Connection> {
    const host: LinkHost = {
      message: () => undefined, // nothing is subscribed to here
      receipt: (id) => this.sink.receipt(id),
      error: (text, receipt) => this.sink.refused(text, receipt),
      drained: () => this.sink.pump(),
    };
    const link = await Link.connect(url, this.#config, host, signal, undefined);
    void link.closed.then(() => this.sink.detach());
    this.sink.attach(link);
    if (this.#reads) this.#reader.open();
    return link;
  }

  async #connectReader(url: BrokerUrl, signal: AbortSignal): Promise<Connection> {
    const host: LinkHost = {
      message: (frame) => this.source.take(frame),
      receipt: () => undefined,
      error: () => undefined,
      drained: () => undefined,
    };
    const clientId =
      this.#config.durable || this.#config.client_id !== undefined ? this.#clientId : undefined;
    const link = await Link.connect(url, this.#config, host, signal, clientId);
    void link.closed.then(() => this.source.detach());
    const abandon = (): void => void link.close();
    signal.addEventListener('abort', abandon);
    try {
      await this.source.subscribe(link);
    } catch (error) {
      await link.close();
      throw error;
    } finally {
      signal.removeEventListener('abort', abandon);
    }
    return link;
  }
}
