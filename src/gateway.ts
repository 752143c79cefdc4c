import type { Configuration } from './config/load.ts';
import type { Endpoint, EndpointStatus, Log, Sink } from './core/protocol.ts';
import { Dispatcher } from './routing/dispatch.ts';
import { RoutingTable } from './routing/table.ts';

/** Where the parts meet: makes the endpoints and the routing table of a configuration, and opens and ends them. */
export class Gateway {
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #dispatcher: Dispatcher;
  #open = false;

  /** @param logOf the log of one endpoint, by its name */
  constructor(configuration: Configuration, log: Log, logOf: (endpoint: string) => Log) {
    this.#configuration = configuration;
    this.#log = log;
    const sinks = new Map<string, Sink>();
    for (const { name, definition, config } of configuration.endpoints.values()) {
      const endpoint = definition.create(config, { name, log: logOf(name) });
      this.#endpoints.set(name, endpoint);
      sinks.set(name, endpoint.sink);
    }
    const table = new RoutingTable(
      configuration.routes,
      (name) => configuration.endpoints.get(name)!.protocol.address,
    );
    this.#dispatcher = new Dispatcher(table, sinks, log);
  }

  /**
   * Brokers first, so that they are being reached while the listeners open; sources of brokers last, when every
   * target can take messages.
   * @throws JunctionError where a listener cannot listen; whatever was opened is closed again
   */
  async open(): Promise<void> {
    try {
      await Promise.all(this.#named('client').map(([, endpoint]) => endpoint.open()));
      for (const [name, endpoint] of this.#named('listener')) {
        await endpoint.open();
        await endpoint.source.start(this.#dispatcher.intakeOf(name));
      }
      await Promise.all(
        this.#named('client').map(([name, endpoint]) =>
          endpoint.source.start(this.#dispatcher.intakeOf(name)),
        ),
      );
      this.#open = true;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /** The state of every endpoint, by name. */
  status(): ReadonlyMap<string, EndpointStatus> {
    return new Map([...this.#endpoints].map(([name, endpoint]) => [name, endpoint.status()]));
  }

  /** Whether every endpoint can take messages. */
  ready(): boolean {
    return (
      this.#open && [...this.#endpoints.values()].every((endpoint) => endpoint.status().state === 'ready')
    );
  }

  /**
   * Takes nothing new and waits until all that was taken is settled.
   * @param deadline ms after which it no longer waits
   * @returns whether everything was settled in time
   */
  async drain(deadline: number): Promise<boolean> {
    this.#open = false;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), deadline);
    });
    const stopped = Promise.all(
      [...this.#endpoints].map(([name, endpoint]) =>
        endpoint.source
          .stop()
          .catch((error: unknown) => this.#log.error({ endpoint: name, error }, 'could not stop')),
      ),
    ).then(() => true);
    const settled = await Promise.race([stopped, late]);
    clearTimeout(timer);
    return settled;
  }

  /** Closes every endpoint; idempotent. */
  async close(): Promise<void> {
    this.#open = false;
    await Promise.all(
      [...this.#endpoints].map(([name, endpoint]) =>
        endpoint
          .close()
          .catch((error: unknown) => this.#log.error({ endpoint: name, error }, 'could not close')),
      ),
    );
  }

  #named(role: 'listener' | 'client'): [string, Endpoint][] {
    return [...this.#endpoints].filter(([name]) => this.#configuration.endpoints.get(name)!.role === role);
  }
}
