import type { Configuration } from './config/load.ts';
import type { Envelope } from './core/envelope.ts';
import { JunctionError } from './core/errors.ts';
import { accepted, failed, type Outcome } from './core/outcome.ts';
import type { Endpoint, EndpointStatus, Log, Sink } from './core/protocol.ts';
import { DeadLetterDesk } from './routing/dead-letter-desk.ts';
import { Deduplications } from './routing/dedup.ts';
import { Dispatcher } from './routing/dispatch.ts';
import { Spool } from './routing/spool.ts';
import { RoutingTable } from './routing/table.ts';
import { Store, type StoreStatus } from './store/store.ts';

/** What of the drain's time belongs to messages that wait to be sent again; the rest to giving them back. */
const patience = 0.8;

/** Where the parts meet: makes the endpoints and the routing table of a configuration, and opens and ends them. */
export class Gateway {
  readonly #configuration: Configuration;
  readonly #log: Log;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #sinks = new Map<string, Sink>();
  readonly #table: RoutingTable;
  /** Only where a route or an endpoint needs it. */
  #store: Store | undefined;
  /** The endpoints that keep something in it. */
  readonly #kept = new Set<string>();
  readonly #spools = new Map<string, Spool>();
  #dispatcher: Dispatcher | undefined;
  #desk: DeadLetterDesk | undefined;
  #open = false;

  /** @param logOf the log of one endpoint, by its name */
  constructor(configuration: Configuration, log: Log, logOf: (endpoint: string) => Log) {
    this.#configuration = configuration;
    this.#log = log;
    for (const { name, definition, config } of configuration.endpoints.values()) {
      const storage = definition.keeps?.(config) ? this.#theStore(log).endpoint(name) : undefined;
      if (storage) this.#kept.add(name);
      const endpoint = definition.create(config, { name, log: logOf(name), ...(storage && { storage }) });
      this.#endpoints.set(name, endpoint);
      this.#sinks.set(name, endpoint.sink);
    }
    this.#table = new RoutingTable(
      configuration.routes,
      (name) => configuration.endpoints.get(name)!.protocol.address,
    );
    if (configuration.routes.some(({ deadLetter, spool, dedup }) => deadLetter === 'store' || spool || dedup))
      this.#theStore(log);
  }

  /**
   * The store first, since without it nothing may be acknowledged; then brokers, so that they are being reached while
   * the listeners open; then what the spools hold; sources of brokers last, when every target can take messages.
   * @throws JunctionError where the store cannot be opened or a listener cannot listen; whatever was opened is closed
   */
  async open(): Promise<void> {
    try {
      await this.#store?.open();
      const dispatcher = this.#dispatch();
      await Promise.all(this.#named('client').map(([, endpoint]) => endpoint.open()));
      for (const [name, endpoint] of this.#named('listener')) {
        await endpoint.open();
        await endpoint.source.start(dispatcher.intakeOf(name));
      }
      for (const spool of this.#spools.values()) spool.start();
      await Promise.all(
        this.#named('client').map(([name, endpoint]) => endpoint.source.start(dispatcher.intakeOf(name))),
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

  /** The state of the store; undefined where no route needs it. */
  storeStatus(): StoreStatus | undefined {
    return this.#store?.status();
  }

  /** Whether every endpoint can take messages, and the store can keep them. */
  ready(): boolean {
    return (
      this.#open &&
      (this.#store?.status().state ?? 'ready') === 'ready' &&
      [...this.#endpoints.values()].every((endpoint) => endpoint.status().state === 'ready')
    );
  }

  /** The dead letters of the store; undefined where no route needs it, and before `open`. */
  get deadLetters(): DeadLetterDesk | undefined {
    return this.#desk;
  }

  /**
   * Takes nothing new and waits until all that was taken is settled. What waits to be sent again is given back to its
   * source before the deadline; what is in spools stays there.
   * @param deadline ms after which it no longer waits
   * @returns whether everything was settled in time
   */
  async drain(deadline: number): Promise<boolean> {
    this.#open = false;
    const stopped = Promise.all(
      [...this.#endpoints].map(([name, endpoint]) =>
        endpoint.source
          .stop()
          .catch((error: unknown) => this.#log.error({ endpoint: name, error }, 'could not stop')),
      ),
    );
    await within(stopped, deadline * patience);
    this.#dispatcher?.stop();
    const spools = [...this.#spools.values()].map((spool) => spool.stop());
    return within(Promise.all([stopped, ...spools]), deadline * (1 - patience));
  }

  /** Closes every endpoint, and then the store; idempotent. */
  async close(): Promise<void> {
    this.#open = false;
    this.#dispatcher?.stop();
    const spools = [...this.#spools.values()].map((spool) => spool.stop());
    await Promise.all(
      [...this.#endpoints].map(([name, endpoint]) =>
        endpoint
          .close()
          .catch((error: unknown) => this.#log.error({ endpoint: name, error }, 'could not close')),
      ),
    );
    await within(Promise.all(spools), 1000);
    await this.#store?.close();
  }

  /** What carries messages; the store is open. */
  #dispatch(): Dispatcher {
    const store = this.#store;
    const dedup = store && new Deduplications(store, this.#log);
    const dispatcher = new Dispatcher(this.#table, this.#sinks, this.#log, {
      store: store?.deadLetters,
      spoolOf: (route) => this.#spools.get(route)!,
      dedupOf: (route) => dedup!.of(route, route.dedup!),
    });
    this.#dispatcher = dispatcher;
    if (!store) return dispatcher;
    this.#desk = new DeadLetterDesk(store.deadLetters, dispatcher, ({ endpoint, address, message }) =>
      this.#requeue(endpoint, address, message),
    );
    for (const { name, spool } of this.#configuration.routes)
      if (spool)
        this.#spools.set(name, new Spool(store.spool(name), spool, dispatcher.handover(name), this.#log));
    for (const { route, messages } of store.spools())
      if (messages > 0 && !this.#spools.has(route))
        this.#log.warn(
          { route, messages },
          'messages wait in the spool of a route that has none now; they are kept, and delivered once it has one again',
        );
    for (const [endpoint, { queues, messages }] of store.endpoints())
      if (!this.#kept.has(endpoint) && messages > 0)
        this.#log.warn(
          { endpoint, queues, messages },
          'messages wait in queues of an endpoint that is not there now, or keeps nothing; they are kept, and delivered once it does again',
        );
    return dispatcher;
  }

  async #requeue(endpoint: string, address: string, message: Envelope): Promise<Outcome> {
    const sink = this.#sinks.get(endpoint);
    if (!sink)
      return failed(
        new JunctionError('no-route', `there is no endpoint ${endpoint} any more, in whose queue it was`),
      );
    try {
      await sink.send(message, address);
      return accepted;
    } catch (error) {
      return failed(error);
    }
  }

  #theStore(log: Log): Store {
    const { path: folder, damaged } = this.#configuration.store;
    return (this.#store ??= new Store({ folder, damaged }, log));
  }

  #named(role: 'listener' | 'client'): [string, Endpoint][] {
    return [...this.#endpoints].filter(([name]) => this.#configuration.endpoints.get(name)!.role === role);
  }
}

/** Whether this is done in so many ms. */
async function within(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const done = await Promise.race([work.then(() => true), late]);
  clearTimeout(timer);
  return done;
}
