import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '../core/backoff.ts';
import type { EndpointStatus, Log } from '../core/protocol.ts';
import type { BrokerUrl } from '../transport/dial.ts';

/** One connection to a broker, from its successful login to its end. */
export interface Connection {
  /** Resolves with the reason, in words for an operator, once it is over; never rejects. */
  readonly closed: Promise<string>;
  /** Ends it in order, within moments; idempotent. */
  close(): Promise<void>;
}

export interface Supervised {
  /** The broker as people call it, e.g. `RabbitMQ`. */
  readonly broker: string;
  readonly urls: readonly BrokerUrl[];
  readonly log: Log;
  /**
   * Connects and logs in, in bounded time. Throws an Error that says why it cannot, without secrets. When `signal`
   * aborts it must give up and leave nothing behind.
   */
  connect(url: BrokerUrl, signal: AbortSignal): Promise<Connection>;
  /** Trouble of a connection that stands, e.g. a subscription that is refused. */
  trouble?(): string | undefined;
}

/** After this long, in ms, a connection counts as a success, and the next attempt follows its loss at once. */
const steady = 30_000;

/** Keeps a connection to a broker: connects, says how it stands, and comes back with back-off and jitter. */
export class Supervisor {
  readonly #of: Supervised;
  readonly #closing = new AbortController();
  readonly #backoff = new Backoff(100, 10_000);
  #running: Promise<void> | undefined;
  #connected = false;
  #reason: string | undefined;
  #lastUrl = 0;

  constructor(of: Supervised) {
    this.#of = of;
  }

  /** Begins; idempotent. */
  open(): void {
    this.#running ??= this.#run();
  }

  /** The broker has confirmed something: the next loss is the first of its kind. */
  worked(): void {
    this.#backoff.reset();
  }

  status(): EndpointStatus {
    const at = this.#of.urls.map(({ text }) => text).join(',');
    if (this.#closing.signal.aborted) return { state: 'closed', at };
    const reason = this.#connected ? this.#of.trouble?.() : this.#reason;
    if (reason !== undefined) return { state: 'failing', reason, at };
    return { state: this.#connected ? 'ready' : 'connecting', at };
  }

  /** Ends the connection and tries no more; idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { urls } = this.#of;
    while (!signal.aborted) {
      const since = performance.now();
      const reason = await this.#attempt(urls[this.#lastUrl % urls.length]!);
      if (signal.aborted) return;
      this.#lastUrl++; // of several brokers the next
      this.#failing(reason);
      if (performance.now() - since > steady) this.#backoff.reset();
      await pause(this.#backoff.next(), undefined, { signal }).catch(() => undefined);
    }
  }

  /** @returns why it is over */
  async #attempt(url: BrokerUrl): Promise<string> {
    const { signal } = this.#closing;
    let connection: Connection;
    try {
      connection = await this.#of.connect(url, signal);
    } catch (error) {
      return error instanceof Error && error.message !== '' ? error.message : String(error);
    }
    const close = (): void => void connection.close();
    signal.addEventListener('abort', close);
    if (signal.aborted) close();
    else this.#ready(url);
    const reason = await connection.closed;
    this.#connected = false;
    signal.removeEventListener('abort', close);
    await connection.close();
    return reason;
  }

  #ready(url: BrokerUrl): void {
    this.#connected = true;
    this.#reason = undefined;
    this.#of.log.info({ at: url.text }, `connected to ${this.#of.broker}`);
  }

  #failing(reason: string): void {
    const first = this.#reason === undefined;
    this.#reason = reason;
    if (!first) return;
    this.#of.log.warn(
      { at: this.#of.urls.map(({ text }) => text), reason },
      `no connection to ${this.#of.broker}; trying again until it is back`,
    );
  }
}
