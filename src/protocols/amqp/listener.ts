import { performance } from 'node:perf_hooks';
import { Exchange } from '../../broker/exchange.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Context, Endpoint, EndpointStatus, Intake } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import type { Incoming } from '../../transport/arrival.ts';
import { listen, showHostPort, type Doors } from '../../transport/listen.ts';
import { amqpAddress } from './address.ts';
import { Authenticator } from './authentication.ts';
import type { AmqpListenerConfig } from './config.ts';
import { ClientConnection, type ConnectionOwner } from './connection.ts';
import { OpenDeliveries, type ListenerContext } from './context.ts';
import { MessageEncoder } from './message-encoder.ts';
import { Nodes } from './nodes.ts';
import { publish } from './publish.ts';

/** Time-outs of all connections are looked at this often, in ms. */
const sweepEvery = 250;
/** How long, in ms, peers may take to answer our close. */
const closeWithin = 1000;

/** Takes AMQP 1.0 connections: what clients send goes to the exchange, and what they subscribe to comes from it. */
export class AmqpListener implements Endpoint, ConnectionOwner {
  readonly source = {
    start: async (intake: Intake): Promise<void> => this.#exchange.start(intake),
    stop: (): Promise<void> => this.#stop(),
    routesChanged: (): void => this.#exchange.routesChanged(),
  };
  readonly sink = {
    send: (envelope: Envelope, address: string): Promise<void> => this.#send(envelope, address),
  };
  readonly #config: AmqpListenerConfig;
  readonly #context: ListenerContext;
  readonly #exchange: Exchange;
  readonly #clients = new Set<ClientConnection>();
  readonly #containers = new Map<
    string,
    { readonly alone: boolean; readonly clients: Set<ClientConnection> }
  >();
  #dirty: ClientConnection[] = [];
  #doors: Doors | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;

  constructor(config: AmqpListenerConfig, context: Context) {
    this.#config = config;
    const nodes = new Nodes(config.topics);
    this.#exchange = new Exchange({
      syntax: amqpAddress,
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
          isTemporary: (address) => nodes.temporary(address) !== undefined,
        },
      }),
    });
    const log = new RateLimitedLog(context.log);
    this.#context = {
      name: context.name,
      config,
      login: new Authenticator(config.users),
      exchange: this.#exchange,
      nodes,
      encoder: new MessageEncoder((header) =>
        log.warn(
          'header',
          { endpoint: context.name, header: header.slice(0, 100) },
          'a header came more than once, which AMQP cannot carry: only the first was sent',
        ),
      ),
      intake: new OpenDeliveries(),
      log,
    };
  }

  async open(): Promise<void> {
    const config = this.#config;
    const { log, name } = this.#context;
    this.#context.login.prepare();
    this.#doors = await listen({
      settings: config,
      // AMQP 1.0 over WebSocket (OASIS Working Draft 07) §2.1, §2.4
      webSocket: { subprotocols: ['amqp'], mustOffer: true, frames: 'binary' },
      maxMessage: config.max_message,
      maxConnections: config.max_connections,
      handshakeTimeout: config.connect_timeout,
      allowHalfOpen: false,
      accept: (incoming) => this.#accept(incoming),
      refused: (why, peer) =>
        log.warn(
          `refused ${why}`,
          { endpoint: name, ...(peer && { peer }) },
          `a connection was closed: ${why}`,
        ),
    });
    this.#sweep = setInterval(() => this.#tick(), sweepEvery);
  }

  status(): EndpointStatus {
    return {
      state: this.#closing ? 'closed' : this.#doors ? 'ready' : 'connecting',
      at: this.#doors?.at ?? showHostPort(this.#config.listen),
    };
  }

  renew(config: AmqpListenerConfig): void {
    this.#doors?.renew(config);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  flushSoon(client: ClientConnection): void {
    if (this.#dirty.length === 0) setImmediate(() => this.#flush());
    this.#dirty.push(client);
  }

  claim(client: ClientConnection, containerId: string, alone: boolean): boolean {
    const holders = this.#containers.get(containerId);
    if (holders && (alone || holders.alone)) return false;
    if (holders) holders.clients.add(client);
    else this.#containers.set(containerId, { alone, clients: new Set([client]) });
    return true;
  }

  gone(client: ClientConnection, containerId: string | undefined): void {
    this.#clients.delete(client);
    if (containerId === undefined) return;
    const holders = this.#containers.get(containerId);
    if (holders?.clients.delete(client) && holders.clients.size === 0) this.#containers.delete(containerId);
  }

  #accept({ stream, peer, identity }: Incoming): void {
    try {
      this.#clients.add(new ClientConnection(stream, peer, identity, this.#context, this));
    } catch (error) {
      // Whatever is wrong with one connection must not end the process.
      stream.destroy();
      this.#context.log.warn(
        'accept',
        { endpoint: this.#context.name, peer },
        `a connection could not be taken: ${JunctionError.from(error).message}`,
      );
    }
  }

  #flush(): void {
    const dirty = this.#dirty;
    this.#dirty = [];
    for (const client of dirty) client.flush();
  }

  #tick(): void {
    const now = performance.now();
    for (const client of [...this.#clients]) client.tick(now);
  }

  async #send(envelope: Envelope, address: string): Promise<void> {
    const { nodes } = this.#context;
    if (nodes.isGone(address))
      throw new JunctionError('no-route', `the temporary address ${address} does not exist any more`);
    const outcome = await publish(this.#context, { ...envelope, address }, nodes.kindOf(address), 'route');
    if (outcome.state !== 'accepted') throw outcome.error;
  }

  async #stop(): Promise<void> {
    const settled = this.#context.intake.stop();
    for (const client of this.#clients) client.stop();
    this.#exchange.stop();
    await settled;
  }

  async #close(): Promise<void> {
    const closed = this.#doors?.close();
    for (const client of [...this.#clients]) client.close('the gateway is stopping');
    const deadline = setTimeout(() => {
      for (const client of [...this.#clients]) client.destroy();
    }, closeWithin);
    await closed;
    clearTimeout(deadline);
    clearInterval(this.#sweep);
    this.#exchange.close();
  }
}
