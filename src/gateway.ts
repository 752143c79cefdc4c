import type { Configuration } from './config/load.ts';
import type { Envelope } from './core/envelope.ts';
import { JunctionError } from './core/errors.ts';
import { accepted, failed, type Outcome } from './core/outcome.ts';
import type { EndpointStatus, Log } from './core/protocol.ts';
import { RateLimitedLog } from './core/rate-limited-log.ts';
import { changesBetween, type Changes } from './gateway/changes.ts';
import { Endpoints } from './gateway/endpoints.ts';
import { Keep } from './gateway/keep.ts';
import { Replacement } from './gateway/replacement.ts';
import { within } from './gateway/within.ts';
import type { DeadLetterDesk } from './routing/dead-letter-desk.ts';
import { Dispatcher } from './routing/dispatch.ts';
import { Requests } from './routing/plan/requests.ts';
import { RoutingTable } from './routing/plan/table.ts';
import type { StoreStatus } from './store/store.ts';

/** What of the drain's time belongs to messages that wait to be sent again; the rest to giving them back. */
const patience = 0.8;

/** Where the parts meet: makes the endpoints and the routing table of a configuration, and opens, changes and ends them. */
export class Gateway {
  readonly #log: Log;
  readonly #endpoints: Endpoints;
  readonly #keep: Keep;
  #configuration: Configuration;
  #dispatcher: Dispatcher | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  #state: 'new' | 'open' | 'stopping' = 'new';

  /** @param logOf the log of one endpoint, by its name */
  constructor(configuration: Configuration, log: Log, logOf: (endpoint: string) => Log) {
    this.#configuration = configuration;
    this.#log = log;
    this.#keep = new Keep(configuration.store, log);
    this.#endpoints = new Endpoints({ log, logOf, storageOf: (name) => this.#keep.endpoint(name) });
  }

  /**
   * The store first, since without it nothing may be acknowledged; then brokers, so that they are being reached while
   * the listeners open; then what the spools hold; sources of brokers last, when every target can take messages.
   * @throws JunctionError where the store cannot be opened or a listener cannot listen; whatever was opened is closed
   */
  async open(): Promise<void> {
    const { endpoints, routes } = this.#configuration;
    try {
      await this.#keep.openFor(this.#configuration);
      for (const definition of endpoints.values()) this.#endpoints.use(this.#endpoints.make(definition));
      const dispatcher = new Dispatcher(
        new RoutingTable(routes, syntaxIn(this.#configuration), new Requests(new RateLimitedLog(this.#log))),
        this.#endpoints.sinks,
        this.#log,
        this.#keep.forDispatcher,
      );
      this.#dispatcher = dispatcher;
      await Promise.all(this.#endpoints.ofRole('client').map(({ endpoint }) => endpoint.open()));
      for (const { definition, endpoint } of this.#endpoints.ofRole('listener')) {
        await endpoint.open();
        await endpoint.source.start(dispatcher.intakeOf(definition.name));
      }
      const all = { begun: new Set(routes.map(({ name }) => name)), lost: new Set<string>() };
      this.#keep.swap(routes, all, dispatcher);
      this.#keep.report(this.#configuration);
      await this.#keep.lookInto(this.#configuration);
      const clients = this.#endpoints.ofRole('client').map(({ definition }) => definition.name);
      await this.#endpoints.start(clients, (name) => dispatcher.intakeOf(name));
      this.#state = 'open';
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  /**
   * Goes on by another configuration, without a message lost, doubled or out of order; one change at a time.
   * @returns what has changed
   * @throws JunctionError where the new one cannot be opened; then the old one goes on
   */
  reload(next: Configuration): Promise<Changes> {
    const done = this.#reloading.then(() => this.#reload(next));
    this.#reloading = done.catch(() => undefined);
    return done;
  }

  /** The state of every endpoint, by name. */
  status(): ReadonlyMap<string, EndpointStatus> {
    return this.#endpoints.status();
  }

  /** How many messages have lost what at which endpoint since the gateway began. */
  get losses(): Endpoints['losses'] {
    return this.#endpoints.losses;
  }

  /** The state of the store; undefined where no route needs it. */
  storeStatus(): StoreStatus | undefined {
    return this.#keep.status();
  }

  /** What the routes have counted since the start; undefined before `open`. */
  get counters(): Dispatcher['counters'] | undefined {
    return this.#dispatcher?.counters;
  }

  /** Whether every endpoint can take messages, and the store can keep them. */
  ready(): boolean {
    return (
      this.#state === 'open' &&
      (this.#keep.status()?.state ?? 'ready') === 'ready' &&
      [...this.status().values()].every(({ state }) => state === 'ready')
    );
  }

  /** The dead letters of the store; undefined where no route needs it, and before `open`. */
  get deadLetters(): DeadLetterDesk | undefined {
    return (
      this.#dispatcher &&
      this.#keep.deskOf(this.#dispatcher, ({ source, address, message }) =>
        this.#requeue(source, address!, message),
      )
    );
  }

  /**
   * Takes nothing new and waits until all that was taken is settled. What waits to be sent again is given back to its
   * source before the deadline; what is in spools stays there.
   * @param deadline ms after which it no longer waits; else as configured
   * @returns whether everything was settled in time
   */
  async drain(deadline = this.#configuration.drain): Promise<boolean> {
    this.#state = 'stopping';
    const stopped = this.#reloading.then(() => this.#endpoints.stop());
    await within(stopped, deadline * patience);
    this.#dispatcher?.stop();
    return within(Promise.all([stopped, this.#keep.stop()]), deadline * (1 - patience));
  }

  /** Closes every endpoint, and then the store; idempotent. */
  async close(): Promise<void> {
    this.#state = 'stopping';
    this.#dispatcher?.stop();
    const spools = this.#keep.stop();
    await this.#endpoints.close();
    await within(spools, 1000);
    await this.#keep.close();
  }

  async #reload(next: Configuration): Promise<Changes> {
    const dispatcher = this.#dispatcher;
    if (this.#state !== 'open' || !dispatcher)
      throw new JunctionError('closed', 'the gateway is starting or stopping');
    const before = this.#configuration;
    const changes = changesBetween(before, next);
    await this.#keep.openFor(next);
    const { removed, changed } = changes.endpoints;
    const first = [this.#keep.emptiedFor(next.routes)];
    if (removed.length + changed.length > 0) first.push(this.#keep.settled());
    await within(Promise.all(first), next.drain);
    const replacement = new Replacement(before.endpoints, next.endpoints, changes.endpoints, {
      endpoints: this.#endpoints,
      dispatcher,
      log: this.#log,
      deadline: next.drain,
    });
    await replacement.prepare();
    // One tick: each message is carried by the old routes or by the new ones.
    this.#configuration = next;
    replacement.use();
    for (const name of changes.endpoints.renewed) this.#endpoints.renew(next.endpoints.get(name)!);
    const swapped = dispatcher.swap(next.routes, syntaxIn(next), this.#keep.letters);
    this.#keep.swap(next.routes, swapped, dispatcher);
    for (const { endpoint } of this.#endpoints.ofRole('listener')) endpoint.source.routesChanged?.();
    await replacement.finish();
    this.#keep.report(next);
    return changes;
  }

  async #requeue(endpoint: string, address: string, message: Envelope): Promise<Outcome> {
    const sink = this.#endpoints.sinks.get(endpoint);
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
}

const syntaxIn =
  ({ endpoints }: Configuration) =>
  (name: string) =>
    endpoints.get(name)!.protocol.address;
