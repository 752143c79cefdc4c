import type { BrokerUrl } from '../../transport/dial.ts';
import type { Connection } from '../../client/supervisor.ts';
import type { RocketMqClientConfig } from './config.ts';
import { endpointsOf, Identity } from './identity.ts';
import { ProxyConnection, type Address, type ProxyOptions } from './proxy.ts';
import { readRoute, type Route } from './route.ts';
import { resource, service } from './wire.ts';

/** Ms after which a route is asked for again. */
const routeAge = 30_000;

/** Room for properties beside the body in the largest answer, bytes. */
const propertyRoom = 128 * 1024;
/** Brokers take messages up to this size by default; a larger limit of ours lets through more. */
const largestMessage = 4 * 1024 * 1024;

/**
 * One use of a cluster: a connection to the proxy we dialled and, where routes name others (brokers with a proxy of
 * their own), to those. When one of them is lost all are closed, and the next session asks for the routes anew.
 */
export class Session implements Connection {
  readonly closed: Promise<string>;
  /** Aborts with its end. */
  readonly lost: AbortSignal;
  readonly #config: RocketMqClientConfig;
  readonly #url: BrokerUrl;
  readonly #ending = new AbortController();
  readonly #connections = new Map<Identity, Map<string, Promise<ProxyConnection>>>();
  readonly #routes = new Map<string, { readonly since: number; readonly route: Promise<Route> }>();
  readonly #producer: Identity;
  /** To be waited for by `close`. */
  readonly #farewells: (() => Promise<unknown>)[] = [];
  #over: ((reason: string) => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: RocketMqClientConfig, url: BrokerUrl) {
    this.#config = config;
    this.#url = url;
    this.#producer = new Identity(config);
    this.lost = this.#ending.signal;
    this.closed = new Promise((resolve) => (this.#over = resolve));
  }

  /** @throws Error with the reason */
  async open(signal: AbortSignal): Promise<void> {
    const abort = (): void => this.fail('closed');
    signal.addEventListener('abort', abort, { once: true });
    try {
      await this.#connection(this.#url, this.#producer);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** The connection through which to send to a broker. */
  producer(address: Address): Promise<ProxyConnection> {
    return this.#connection(address, this.#producer);
  }

  consumer(identity: Identity, address: Address = this.#url): Promise<ProxyConnection> {
    return this.#connection(address, identity);
  }

  /**
   * Where the messages of a topic are; asked for again from time to time.
   * @throws RocketMqError, CallTimeout, ConnectionLost
   */
  route(topic: string): Promise<Route> {
    const known = this.#routes.get(topic);
    const now = performance.now();
    if (known && now - known.since < routeAge) return known.route;
    const route = this.#askRoute(topic);
    this.#routes.set(topic, { since: now, route });
    route.catch(() => this.#routes.delete(topic));
    return route;
  }

  /** Something to be done at its end in order, before the connections are closed. */
  beforeClose(farewell: () => Promise<unknown>): void {
    this.#farewells.push(farewell);
  }

  /** It is over: what is under way fails. */
  fail(reason: string): void {
    this.#ending.abort();
    this.#each((connection) => connection.end(reason));
    this.#over?.(reason);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (!this.lost.aborted) await Promise.allSettled(this.#farewells.map((farewell) => farewell()));
    const closing: Promise<void>[] = [];
    this.#each((connection) => closing.push(connection.close()));
    await tickOf(); // the connections are known by promises
    await Promise.allSettled(closing);
    this.fail('closed');
  }

  async #askRoute(topic: string): Promise<Route> {
    const connection = await this.#connection(this.#url, this.#producer);
    const request = new service.QueryRouteRequest()
      .setTopic(resource(topic, this.#config.namespace))
      .setEndpoints(endpointsOf(connection.at));
    const answer = await connection.call('queryRoute', request);
    return readRoute(answer.getMessageQueuesList());
  }

  #connection(address: Address, identity: Identity): Promise<ProxyConnection> {
    const at = `${address.host}:${address.port}`;
    let ofIdentity = this.#connections.get(identity);
    if (!ofIdentity)
      this.#connections.set(identity, (ofIdentity = new Map<string, Promise<ProxyConnection>>()));
    let connection = ofIdentity.get(at);
    if (connection) return connection;
    connection = ProxyConnection.open(address, identity, this.#options, this.lost);
    ofIdentity.set(at, connection);
    connection.then(
      (opened) => void opened.closed.then((reason) => this.fail(reason)),
      () => ofIdentity.delete(at),
    );
    return connection;
  }

  get #options(): ProxyOptions {
    const { tls, max_message, connect_timeout, timeout } = this.#config;
    return {
      tls,
      maxAnswer: Math.max(max_message, largestMessage) + propertyRoom,
      connectTimeout: connect_timeout,
      timeout,
    };
  }

  #each(act: (connection: ProxyConnection) => void): void {
    for (const ofIdentity of this.#connections.values())
      for (const connection of ofIdentity.values()) connection.then(act, () => undefined);
  }
}

const tickOf = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
