import { performance } from 'node:perf_hooks';
import type { Duplex } from 'node:stream';
import type { Connection } from '../../../client/supervisor.ts';
import { dial, type BrokerUrl } from '../../../transport/dial.ts';
import { AmqpMap, symbol } from '../codec/types.ts';
import type { AmqpError, Connection as Engine, LinkRequest, PeerOpen } from '../engine/api.ts';
import { AmqpClientConnection, type ClientHandler } from '../engine/client-connection.ts';
import { wordsOf } from './answers.ts';
import type { AmqpClientConfig } from './config.ts';
import { loginOf } from './login.ts';

/** How long, in ms, the broker may take to answer our close. */
const farewell = 500;
/** How often, in ms, time-outs are looked at. */
const tickEvery = 1000;

const properties = new AmqpMap([[symbol('product'), 'Junction']]);
/** In the open of a broker that is about to close what it has just opened. */
const refusedAtOnce = 'amqp:connection-establishment-failed';

/** One connection to a broker: its socket and its engine, from dialling to the end. */
export class BrokerConnection implements Connection, ClientHandler {
  readonly closed: Promise<string>;
  readonly #config: AmqpClientConfig;
  readonly #url: BrokerUrl;
  readonly #engine: AmqpClientConnection;
  /** Links whose attach the broker has not answered, with the time of asking. */
  readonly #attaching = new Map<object, number>();
  #socket: Duplex | undefined;
  #ticking: NodeJS.Timeout | undefined;
  #flushing = false;
  #over = false;
  #onOpen: () => void = () => undefined;
  #onClosed!: (reason: string) => void;

  constructor(config: AmqpClientConfig, url: BrokerUrl, containerId: string) {
    this.#config = config;
    this.#url = url;
    this.closed = new Promise((resolve) => (this.#onClosed = resolve));
    const hostname = config.hostname ?? url.host;
    this.#engine = new AmqpClientConnection(
      {
        containerId,
        hostname,
        channelMax: 0xffff,
        maxFrameSize: config.max_frame,
        idleTimeout: config.idle_timeout,
        openTimeout: Infinity, // `open` keeps the time
        maxMessageSize: config.max_message,
        properties,
      },
      loginOf(config, hostname),
      this,
    );
  }

  /** Whether links can be attached. */
  get open(): boolean {
    return !this.#over && this.#engine.state === 'open';
  }

  /**
   * Connects, logs in and opens, within `connect_timeout`.
   * @throws Error that says why it cannot
   */
  async connect(signal: AbortSignal): Promise<void> {
    const { connect_timeout: timeout, tls } = this.#config;
    const late = setTimeout(() => this.#end(`the broker did not answer within ${timeout} ms`), timeout);
    const abort = (): void => this.#end('closed');
    signal.addEventListener('abort', abort);
    try {
      const opened = new Promise<void>((resolve) => (this.#onOpen = resolve));
      this.#wire(await dial(this.#url, { tls, timeout, subprotocols: ['amqp'] }));
      if (signal.aborted) abort();
      const failure = await Promise.race([opened, this.closed]);
      if (failure !== undefined) throw new Error(failure);
    } catch (error) {
      this.#end('closed');
      throw error;
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abort);
    }
  }

  /** Attaches a link; `answered` must follow. What becomes of it, its handler hears. */
  attach(request: LinkRequest): void {
    this.#attaching.set(request.handler, performance.now());
    this.#engine.attach(request);
  }

  /** The broker has answered the attach of this handler's link, or will not. */
  answered(handler: object): void {
    this.#attaching.delete(handler);
  }

  async close(): Promise<void> {
    if (!this.#over) {
      const late = setTimeout(() => this.#end('closed'), farewell);
      this.#engine.close();
      this.flush();
      await this.closed;
      clearTimeout(late);
    }
    await this.closed;
  }

  /** Writes all that the engine has. */
  flush(): void {
    const socket = this.#socket;
    if (!socket || socket.destroyed || socket.writableEnded) return;
    socket.cork();
    this.#engine.flush((chunk) => void socket.write(chunk));
    socket.uncork();
  }

  onOutput(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => {
      this.#flushing = false;
      this.flush();
    });
  }

  onOpen(_engine: Engine, peer: PeerOpen): void {
    if (peer.properties?.get(refusedAtOnce) === true) return; // its close, with the reason, follows
    this.#onOpen();
  }

  onClosed(error: AmqpError | undefined, by: 'peer' | 'us'): void {
    const said = error && (by === 'us' ? error.description : undefined);
    this.#end(said ?? (error ? wordsOf(error) : 'the broker closed the connection'));
  }

  #wire(socket: Duplex): void {
    if (this.#over) {
      socket.on('error', () => undefined).destroy();
      return;
    }
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#engine.receive(chunk));
    socket.on('error', (error: Error) =>
      this.#end(error.message || String((error as { code?: unknown }).code)),
    );
    socket.on('end', () => this.#end('the broker closed the connection'));
    socket.on('close', () => this.#end('the connection was lost'));
    this.#ticking = setInterval(() => this.#tick(performance.now()), tickEvery);
    this.#engine.start();
  }

  #tick(now: number): void {
    this.#engine.tick(now);
    const { connect_timeout: timeout } = this.#config;
    for (const since of this.#attaching.values())
      if (now - since > timeout) return this.#end(`the broker did not answer an attach within ${timeout} ms`);
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#ticking);
    this.flush();
    this.#engine.disconnected();
    this.#attaching.clear();
    const socket = this.#socket;
    // Our last words go out; a broker that does not read them is not waited for.
    if (socket && !socket.destroyed) {
      const late = setTimeout(() => socket.destroy(), farewell);
      socket.once('close', () => clearTimeout(late));
      socket.end(() => socket.destroy());
    }
    this.#onClosed(reason);
  }
}
