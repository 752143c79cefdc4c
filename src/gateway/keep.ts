import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Configuration } from '../config/load.ts';
import { JunctionError } from '../core/errors.ts';
import type { Log } from '../core/protocol.ts';
import type { EndpointStorage } from '../core/storage.ts';
import { DeadLetterDesk, type Requeue } from '../routing/dead-letter-desk.ts';
import { Deduplications } from '../routing/dedup.ts';
import type { Dispatcher } from '../routing/dispatch.ts';
import type { Swapped } from '../routing/lines.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';
import { Spool } from '../routing/spool/spool.ts';
import { Store, type StoreStatus } from '../store/store.ts';
import { keeps } from './endpoints.ts';

/** More dead letters than this are not counted. */
const manyLetters = 1000;

/** All that the gateway keeps on the disk; the store is there only where a route or an endpoint needs it. */
export class Keep {
  readonly #settings: Configuration['store'];
  readonly #log: Log;
  readonly #spools = new Map<string, Spool>();
  /** Spools of routes that have none any more, until all is delivered. */
  readonly #emptying = new Map<string, Spool>();
  /** Spools of routes that are gone, until what was under way is answered for. */
  readonly #ending = new Map<string, Promise<void>>();
  #store: Store | undefined;
  #lookedInto = false;
  #dedup: Deduplications | undefined;
  #desk: DeadLetterDesk | undefined;

  constructor(settings: Configuration['store'], log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /**
   * Opens the store where this configuration needs it and it is not open yet.
   * @throws JunctionError unavailable
   */
  async openFor(configuration: Configuration): Promise<void> {
    const { routes, endpoints } = configuration;
    const stored = ({ deadLetter, spool, dedup }: ResolvedRoute): boolean =>
      deadLetter === 'store' || spool !== undefined || dedup !== undefined;
    if (this.#store || !(routes.some(stored) || [...endpoints.values()].some(keeps))) return;
    const { path: folder, damaged } = this.#settings;
    this.#lookedInto = true;
    const store = new Store({ folder, damaged }, this.#log);
    await store.open();
    this.#store = store;
    this.#dedup = new Deduplications(store, this.#log);
  }

  /** What a dispatcher needs of it. */
  get forDispatcher() {
    return {
      store: this.#store?.deadLetters,
      spoolOf: (route: string) => this.#spools.get(route),
      dedupOf: (route: ResolvedRoute) => this.#dedup!.of(route, route.dedup!),
    };
  }

  get letters(): Store['deadLetters'] | undefined {
    return this.#store?.deadLetters;
  }

  /** What people do with dead letters; undefined where there is no store. */
  deskOf(dispatcher: Dispatcher, requeue: Requeue): DeadLetterDesk | undefined {
    if (this.#store) this.#desk ??= new DeadLetterDesk(this.#store.deadLetters, dispatcher, requeue);
    return this.#desk;
  }

  endpoint(name: string): EndpointStorage {
    return this.#store!.endpoint(name);
  }

  status(): StoreStatus | undefined {
    return this.#store?.status();
  }

  /** Resolves once spools are empty that have to be before these routes can hold. */
  async emptiedFor(routes: readonly ResolvedRoute[]): Promise<void> {
    const unspooled = new Set(routes.flatMap(({ name, spool }) => (spool ? [] : [name])));
    const first = [...this.#emptying].filter(([name]) => !unspooled.has(name));
    await Promise.all(first.map(([, spool]) => spool.emptied()));
  }

  /** Resolves once what was handed over by former settings of routes is answered for. */
  async settled(): Promise<void> {
    const spools = [...this.#spools.values(), ...this.#emptying.values()];
    await Promise.all([...spools.map((spool) => spool.settled()), ...this.#ending.values()]);
  }

  /** Brings the spools in line with the routes; to be called in the tick in which those are swapped. */
  swap(routes: readonly ResolvedRoute[], { begun, lost }: Swapped, dispatcher: Dispatcher): void {
    const wanted = new Map(routes.flatMap(({ name, spool }) => (spool ? [[name, spool]] : [])));
    for (const [name, spool] of this.#spools) {
      if (wanted.has(name)) continue;
      this.#spools.delete(name);
      if (lost.has(name)) this.#empty(name, spool);
      else this.#end(name, spool);
    }
    for (const [name, spool] of this.#emptying)
      if (!routes.some((route) => route.name === name)) this.#end(name, spool);
      else if (!wanted.has(name))
        dispatcher.waitFor(name, {
          emptied: spool.emptied(),
          giveUp: () => {
            if (this.#emptying.get(name) === spool) this.#end(name, spool);
          },
        });
    for (const [name, settings] of wanted) {
      const spool = this.#spools.get(name) ?? this.#emptying.get(name);
      this.#emptying.delete(name);
      if (spool) spool.change(settings, begun.has(name) ? dispatcher.handover(name) : undefined);
      const kept =
        spool ?? new Spool(this.#store!.spool(name), settings, dispatcher.handover(name), this.#log);
      if (!spool) kept.start(this.#ending.get(name));
      this.#spools.set(name, kept);
    }
  }

  /** Tells what was left in a store that nothing needs any more; others may have it from then on. */
  async lookInto(configuration: Configuration): Promise<void> {
    const { path: folder } = this.#settings;
    if (this.#store || this.#lookedInto || !existsSync(join(folder, 'data.mdb'))) return;
    this.#lookedInto = true;
    const store = new Store({ folder, damaged: 'refuse' }, this.#log);
    try {
      await store.open();
    } catch (error) {
      const { code, message } = JunctionError.from(error);
      this.#log.info(
        { folder, code },
        `nothing here needs the store, and it was not looked into: ${message}`,
      );
      return;
    }
    try {
      this.#reportOf(store, configuration);
      const letters = (await store.deadLetters.list({}, { limit: manyLetters })).length;
      if (letters > 0)
        this.#log.warn(
          { folder, letters: letters < manyLetters ? letters : `${manyLetters} or more` },
          'there are dead letters in the store, which nothing here needs: they are kept, and can be listed once a route or an endpoint uses it',
        );
    } finally {
      await store.close();
    }
  }

  /** Tells what is in the store and is not delivered, since there is nothing that it belongs to. */
  report(configuration: Configuration): void {
    if (this.#store) this.#reportOf(this.#store, configuration);
  }

  #reportOf(store: Store, { routes, endpoints }: Configuration): void {
    const spooled = new Set(routes.flatMap(({ name, spool }) => (spool ? [name] : [])));
    for (const { route, messages } of store.spools())
      if (messages > 0 && !spooled.has(route) && !this.#emptying.has(route))
        this.#log.warn(
          { route, messages },
          'messages wait in the spool of a route that has none now; they are kept, and delivered once it has one again',
        );
    for (const [endpoint, { queues, messages }] of store.endpoints()) {
      const definition = endpoints.get(endpoint);
      if (messages > 0 && !(definition && keeps(definition)))
        this.#log.warn(
          { endpoint, queues, messages },
          'messages wait in queues of an endpoint that is not there now, or keeps nothing; they are kept, and delivered once it does again',
        );
    }
  }

  /** Delivers no more; resolves once what is under way is answered for. */
  async stop(): Promise<void> {
    const spools = [...this.#spools.values(), ...this.#emptying.values()];
    await Promise.all([...spools.map((spool) => spool.stop()), ...this.#ending.values()]);
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }

  #empty(name: string, spool: Spool): void {
    this.#emptying.set(name, spool);
    void spool.emptied().then(() => {
      if (this.#emptying.get(name) === spool) this.#end(name, spool);
    });
  }

  #end(name: string, spool: Spool): void {
    this.#emptying.delete(name);
    const ended = spool.stop(`route "${name}" has no spool any more`);
    this.#ending.set(name, ended);
    void ended.then(() => {
      if (this.#ending.get(name) === ended) this.#ending.delete(name);
    });
  }
}
