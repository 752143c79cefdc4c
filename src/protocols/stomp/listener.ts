import type { Consumer, Subscription } from '../../broker/delivery.ts';
import { Exchange } from '../../broker/exchange.ts';
import type { Selection } from '../../broker/selection.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { accepted, failed, type Outcome } from '../../core/outcome.ts';
import type { Context, Endpoint, EndpointStatus, Intake, Sink, Source } from '../../core/protocol.ts';
import { isReplyQueue, kindOf, stompAddress } from './address.ts';
import type { ListenerConfig } from './config.ts';
import { Connection } from './connection.ts';
import { MessageEncoder } from './frame-writer.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import type { Incoming } from '../../transport/arrival.ts';
import { listen, showHostPort, type Doors } from '../../transport/listen.ts';
import type { Flushable, Services } from './services.ts';

/** How long, in ms, `close` waits for clients to read their last frame. */
const goodbye = 500;
/** How many more than allowed may linger for a moment to read why they are refused. */
const told = 100;

/** A STOMP server: its clients are sources by SEND and targets by SUBSCRIBE. */
export class StompListener implements Endpoint, Services {
  readonly config: ListenerConfig;
  readonly encoder: MessageEncoder;
  readonly source: Source;
  readonly sink: Sink;
  readonly #context: Context;
  readonly #exchange: Exchange;
  readonly #reports: RateLimitedLog;
  readonly #connections = new Set<Connection>();
  readonly #replyQueues = new Set<string>();
  #dirty: Flushable[] = [];
  #immediate: NodeJS.Immediate | undefined;
  #doors: Doors | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #state: 'new' | 'open' | 'closed' = 'new';
  #taking = false;
  /** Messages given to routes whose sender has no answer yet. */
  #unsettled = 0;
  #delivered = 0;
  #drained: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  constructor(config: ListenerConfig, context: Context) {
    this.config = config;
    this.#context = context;
    this.#reports = new RateLimitedLog(context.log, 1000);
    this.#exchange = new Exchange({
      syntax: stompAddress,
      log: context.log,
      local: config.local,
      unrouted: config.unrouted,
      backlog: config.backlog,
      queue_memory: config.queue_memory,
      grace: config.grace,
      ...(context.storage && {
        durability: {
          storage: context.storage,
          limits: { messages: config.max_stored_messages, bytes: config.max_stored },
          isTemporary: isReplyQueue,
        },
      }),
    });
    this.encoder = new MessageEncoder(([header], version) => {
      context.losses?.lost('headers');
      this.#reports.warn(
        'header',
        { header: header!.slice(0, 100), version },
        'a header holds characters that this version of STOMP cannot write, and was left out',
      );
    });
    this.source = {
      start: (intake) => this.#start(intake),
      stop: () => this.#stop(),
      routesChanged: () => this.#exchange.routesChanged(),
    };
    this.sink = { send: (message, address) => this.#send(message, address) };
  }

  get taking(): boolean {
    return this.#taking;
  }

  async open(): Promise<void> {
    const { config } = this;
    this.#doors = await listen({
      settings: config,
      webSocket: { subprotocols: ['v12.stomp', 'v11.stomp', 'v10.stomp'], mustOffer: false, frames: 'any' },
      maxMessage: config.max_message,
      maxConnections: config.max_connections + told,
      handshakeTimeout: config.connect_timeout,
      allowHalfOpen: true,
      accept: (incoming) => this.#accept(incoming),
      refused: (why, peer) =>
        this.#reports.warn(why, peer === undefined ? {} : { peer }, `a connection was closed: ${why}`),
    });
    this.#state = 'open';
    const { heart_beat, connect_timeout } = this.config;
    const finest = Math.min(heart_beat || Infinity, connect_timeout) / 4;
    this.#sweep = setInterval(() => this.#tick(), Math.min(250, Math.max(10, finest)));
  }

  status(): EndpointStatus {
    const at = this.#doors?.at ?? showHostPort(this.config.listen);
    if (this.#state === 'open') return { state: 'ready', at };
    return this.#state === 'new'
      ? { state: 'connecting', reason: 'it does not listen yet', at }
      : { state: 'closed', at };
  }

  renew(config: ListenerConfig): void {
    this.#doors?.renew(config);
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  publish(message: Envelope, done: (outcome: Outcome) => void): void {
    const before = this.#delivered;
    const outcome = this.#publish(message, 'client');
    const routed = this.#delivered !== before;
    if (routed) this.#unsettled++;
    const settle = (result: Outcome): void => {
      done(result);
      if (routed && --this.#unsettled === 0 && this.#drained.length > 0) this.#finishDrain();
    };
    outcome.then(settle, (reason: unknown) => settle(failed(reason)));
  }

  subscribe(address: string, consumer: Consumer, selection: Selection | undefined): Subscription {
    return this.#exchange.subscribe(address, kindOf(address), consumer, undefined, selection);
  }

  addReplyQueue(address: string): void {
    this.#replyQueues.add(address);
  }

  deleteReplyQueue(address: string): void {
    this.#replyQueues.delete(address);
    this.#exchange.deleteQueue(address);
  }

  needsFlush(connection: Flushable): void {
    this.#dirty.push(connection);
    this.#immediate ??= setImmediate(() => this.#flush());
  }

  failed(connection: Flushable, error: JunctionError): void {
    if (error.code === 'closed') return;
    this.#reports.warn(
      error.code,
      { peer: connection.name, code: error.code, error: error.message.slice(0, 300) },
      'a client was sent an ERROR and disconnected',
    );
  }

  gone(connection: Flushable): void {
    this.#connections.delete(connection as Connection);
  }

  #accept({ stream, peer }: Incoming): void {
    const most = this.config.max_connections;
    if (this.#state === 'closed') return void stream.destroy();
    const connection = new Connection(stream, peer, this);
    this.#connections.add(connection);
    if (this.#connections.size > most)
      connection.fail(
        new JunctionError('busy', `there are ${most} connections already, the most allowed here`),
      );
  }

  async #start(intake: Intake): Promise<void> {
    this.#exchange.start({
      patterns: intake.patterns,
      readerOf: (address) => intake.readerOf(address),
      deliver: (message) => {
        this.#delivered++;
        return intake.deliver(message);
      },
    });
    this.#taking = true;
    for (const connection of this.#connections) connection.proceed();
  }

  async #stop(): Promise<void> {
    this.#taking = false;
    this.#doors?.shut();
    // What waits in queues for a consumer would wait for ever: its senders, here or behind a route, get it back.
    this.#exchange.stop();
    if (this.#unsettled > 0) await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  #finishDrain(): void {
    this.#flush(); // the last answers
    const waiting = this.#drained;
    this.#drained = [];
    for (const resolve of waiting) resolve();
  }

  async #send(message: Envelope, address: string): Promise<void> {
    const outcome = await this.#publish({ ...message, address }, 'route');
    if (outcome.state !== 'accepted') throw outcome.error;
  }

  #publish(message: Envelope, by: 'client' | 'route'): Promise<Outcome> {
    const { address } = message;
    if (!isReplyQueue(address)) return this.#exchange.publish(message, kindOf(address), by);
    // An answer to one who is gone must neither wait for ever, nor cost the one who answers its connection.
    const lenient = by === 'route' || this.config.unrouted === 'accept';
    const nobody: Outcome = lenient
      ? accepted
      : { state: 'rejected', error: new JunctionError('no-route', `the client behind ${address} is gone`) };
    if (!this.#replyQueues.has(address)) return Promise.resolve(nobody);
    return this.#exchange
      .publish(message, 'queue', by)
      .then((outcome) =>
        outcome.state !== 'accepted' && !this.#replyQueues.has(address) ? nobody : outcome,
      );
  }

  #flush(): void {
    clearImmediate(this.#immediate);
    this.#immediate = undefined;
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const connection of dirty) connection.flush();
    this.encoder.clear();
  }

  #tick(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.tick(now);
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#taking = false;
    const closed = this.#doors?.close();
    for (const connection of this.#connections)
      connection.fail(new JunctionError('closed', `${this.#context.name} is closing; connect again later`));
    const until = performance.now() + goodbye;
    while (this.#connections.size > 0 && performance.now() < until) await pause(10);
    for (const connection of this.#connections) connection.destroy();
    this.#exchange.close();
    await closed;
    while (this.#connections.size > 0) await pause(1);
    clearInterval(this.#sweep);
    clearImmediate(this.#immediate);
    this.#drained.splice(0).forEach((resolve) => resolve());
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
