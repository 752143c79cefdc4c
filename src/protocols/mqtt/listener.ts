import type { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { Aedes, Client, ConnackPacket } from 'aedes';
import mqttPacket from 'mqtt-packet';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Context, Endpoint, EndpointStatus, Intake, Sink, Source } from '../../core/protocol.ts';
import type { Incoming } from '../../transport/arrival.ts';
import { listen, showHostPort, type Doors } from '../../transport/listen.ts';
import type { MqttMessage } from './codec/message.ts';
import { topicAliasMaximum, TopicNames } from './codec/publish.ts';
import type { MqttListenerConfig } from './config.ts';
import { createBroker, handle, type BrokerHooks } from './listener/broker.ts';
import { Connection } from './listener/connection.ts';
import type { ConnectionOwner } from './listener/connection-owner.ts';
import { Exchange } from './listener/exchange.ts';
import { Missed } from './listener/missed.ts';
import { RefusalLog } from './listener/refusals.ts';
import { Retained } from './listener/retained.ts';
import type { Dropped } from './listener/link.ts';
import { SessionStore } from './listener/session-store.ts';
import { Sessions } from './listener/sessions.ts';
import { Subscriber } from './listener/subscriber.ts';
import { TopicTree } from './listener/topic-tree.ts';
import { fromEnvelope } from './mapping.ts';
import type { ClientStream } from './stream/client-stream.ts';

/** How often dropped messages are reported, in ms. */
const reportEvery = 10_000;

/** A client as aedes gives it back to us: its stream is ours. */
const connectionOf = (client: Client): Connection => (client.conn as ClientStream).owner as Connection;

/** An MQTT listener: clients of MQTT 3.1, 3.1.1 and 5 publish to the routes and subscribe to what they send. */
export class MqttListener implements Endpoint {
  readonly source: Source;
  readonly sink: Sink;
  readonly #config: MqttListenerConfig;
  readonly #log: Context['log'];
  readonly #refusals: RefusalLog;
  readonly #dropped: Dropped = { stalled: 0, tooLarge: 0, backlog: 0, expired: 0 };
  readonly #subscriber: Subscriber;
  readonly #retained: Retained;
  readonly #sessions: Sessions;
  readonly #exchange: Exchange;
  readonly #connections = new Set<Connection>();
  readonly #owner: ConnectionOwner<Connection> & { stopping: boolean };
  #broker: Aedes | undefined;
  #doors: Doors | undefined;
  #sweep: NodeJS.Timeout | undefined;
  #nextReport = 0;
  #reported = 0;
  #state: EndpointStatus['state'] = 'connecting';

  constructor(config: MqttListenerConfig, context: Context) {
    this.#config = config;
    this.#log = context.log;
    this.#refusals = new RefusalLog(context.log);
    this.#retained = new Retained(config.max_retained);
    const store = context.storage && new SessionStore(context.storage, config.max_stored);
    const tree = new TopicTree(config, this.#dropped, store);
    this.#sessions = new Sessions(
      {
        backlog: config.backlog,
        maxOutbound: config.max_outbound,
        grace: config.grace,
        window: config.window,
        maxSessions: config.max_sessions,
        expiry: config.session_expiry,
      },
      tree,
      this.#dropped,
      context.log,
      store,
    );
    this.#subscriber = new Subscriber(tree, this.#retained, config.private, (session) =>
      this.#sessions.save(session),
    );
    this.#exchange = new Exchange(config, tree, this.#retained);
    this.#owner = this.#makeOwner(new Missed(context.losses));
    this.source = {
      start: async (intake: Intake) => this.#exchange.start(intake),
      stop: () => this.#stop(),
    };
    this.sink = { send: (envelope, address) => this.#send(envelope, address) };
  }

  async open(): Promise<void> {
    const config = this.#config;
    this.#sessions.restore(performance.now());
    this.#broker = await createBroker(this.#hooks(), {
      maximumPacketSize: config.max_message,
      receiveMaximum: config.window,
      topicAliasMaximum,
      sessionExpiryIntervalLimit: Math.ceil(config.session_expiry / 1000),
      pendingSessionsLimit: config.max_sessions,
    });
    this.#listenToBroker(this.#broker);
    try {
      this.#doors = await listen({
        settings: config,
        webSocket: {
          subprotocols: ['mqtt', 'mqttv3.1'],
          mustOffer: true, // [MQTT-6.0.0-3]
          frames: 'binary', // [MQTT-6.0.0-1]
        },
        maxMessage: config.max_message,
        maxConnections: config.max_connections,
        handshakeTimeout: config.connect_timeout,
        // A client that ends right after its last packet still gets the answers.
        allowHalfOpen: true,
        accept: (incoming) => this.#admit(incoming),
        refused: (why, peer) => this.#refusals.add(peer === undefined ? {} : { peer }, why),
      });
    } catch (error) {
      await this.close();
      throw JunctionError.from(error, 'unavailable');
    }
    const every = Math.max(10, Math.min(250, config.grace / 4));
    this.#sweep = setInterval(() => this.#check(), every);
    this.#state = 'ready';
  }

  status(): EndpointStatus {
    return { state: this.#state, at: this.#doors?.at ?? showHostPort(this.#config.listen) };
  }

  renew(config: MqttListenerConfig): void {
    this.#doors?.renew(config);
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#owner.stopping = true;
    this.#exchange.start(undefined);
    clearInterval(this.#sweep);
    const doors = this.#doors?.close();
    const broker = this.#broker;
    if (broker) await new Promise<void>((resolve) => broker.close(resolve));
    await Promise.all([...this.#connections].map((connection) => connection.finish()));
    await doors;
    await this.#sessions.close(performance.now());
  }

  /** Takes no more messages; subscribers are still served, and their acknowledgements read. */
  async #stop(): Promise<void> {
    this.#owner.stopping = true;
    this.#doors?.shut();
    await this.#exchange.settled();
    await this.#sessions.quiet(performance.now());
  }

  async #send(envelope: Envelope, address: string): Promise<void> {
    if (this.#state !== 'ready') throw new JunctionError('closed', 'the MQTT listener is closed');
    const outcome = await this.#exchange.send(fromEnvelope(envelope, address, Date.now()), envelope);
    if (outcome.state !== 'accepted') throw outcome.error;
  }

  async #publishWill(client: string, will: MqttMessage): Promise<void> {
    const { outcome } = await this.#exchange.publish(will, undefined);
    if (outcome.state !== 'accepted')
      this.#log.warn({ client, topic: will.topic }, `a will is lost: ${outcome.error.message}`);
  }

  #admit({ stream, peer }: Incoming): void {
    const connection = new Connection(this.#owner, stream, peer, performance.now());
    this.#connections.add(connection);
    connection.open();
  }

  #check(): void {
    const now = performance.now();
    for (const connection of this.#connections) connection.check(now);
    this.#sessions.sweep(now);
    if (now < this.#nextReport) return;
    this.#nextReport = now + reportEvery;
    this.#reportLosses();
  }

  /** Says what was dropped since the last report, in one line. */
  #reportLosses(): void {
    const losses = { ...this.#dropped, notRetained: this.#retained.refused };
    const total = Object.values(losses).reduce((sum, count) => sum + count, 0);
    if (total > this.#reported)
      this.#log.warn(losses, 'messages for subscribers were dropped; counts since the start');
    this.#reported = total;
  }

  #makeOwner(missed: Missed): ConnectionOwner<Connection> & { stopping: boolean } {
    const config = this.#config;
    return {
      names: new TopicNames(),
      missed,
      maxPacket: config.max_message,
      maxFilters: config.max_subscriptions,
      maxOutbound: config.max_outbound,
      window: config.window,
      connectTimeout: config.connect_timeout,
      stopping: false,
      connect: (connection, stream) => {
        connection.client = handle(this.#broker!, stream);
      },
      publish: (message, from) => this.#exchange.publish(message, from),
      subscribe: (...wanted) => this.#subscriber.subscribe(...wanted),
      unsubscribe: (...unwanted) => this.#subscriber.unsubscribe(...unwanted),
      refused: (connection, why) =>
        this.#refusals.add({ peer: connection.peer, client: connection.request?.clientId }, why),
      ended: (connection) => this.#ended(connection),
      closed: (connection) => this.#connections.delete(connection),
    };
  }

  #hooks(): BrokerHooks {
    return {
      sessionOver: (clientId) => {
        const session = this.#sessions.get(clientId);
        if (session) this.#sessions.end(session);
      },
      will: (client) => {
        const will = connectionOf(client).request?.will;
        if (will && !this.#owner.stopping) void this.#publishWill(client.id, will);
      },
    };
  }

  #listenToBroker(broker: Aedes): void {
    broker.on('connackSent', (connack, client) => this.#answer(connack, client));
    broker.on('clientReady', (client) => this.#begin(client));
    (broker as EventEmitter).on('error', (error: Error) =>
      this.#log.error({ error: error.message }, 'the MQTT broker failed'),
    );
    for (const event of ['clientError', 'connectionError'] as const)
      broker.on(event, (client, error) => {
        const connection = connectionOf(client);
        if (!connection.closing) this.#refusals.add({ peer: connection.peer }, error.message);
      });
  }

  /** Writes the CONNACK in place of aedes's, which does not know all there is in a session. */
  #answer(connack: ConnackPacket, client: Client): void {
    const connection = connectionOf(client);
    if ((connack.reasonCode ?? connack.returnCode ?? 0) !== 0) return connection.refuse();
    const { level, cleanStart, keepAlive } = connection.request!;
    const session = this.#sessions.get(client.id);
    const sessionPresent = !cleanStart && session !== undefined && !endsWithConnection(session.link);
    const most = (this.#config.max_keep_alive ?? 0) / 1000;
    const imposed =
      level === 5 && most > 0 && (keepAlive === 0 || keepAlive > most) ? Math.floor(most) : undefined;
    const properties = connack.properties && {
      ...connack.properties,
      sharedSubscriptionAvailable: true, // aedes, which has none, denies them
      ...(imposed === undefined ? {} : { serverKeepAlive: imposed }),
    };
    const packet = { ...connack, sessionPresent, ...(properties ? { properties } : {}) };
    connection.accept(mqttPacket.generate(packet, { protocolVersion: level }), imposed ?? keepAlive);
  }

  #begin(client: Client): void {
    const connection = connectionOf(client);
    const former = this.#sessions.get(client.id)?.link;
    if (former instanceof Connection) former.close();
    if (!connection.closing) this.#sessions.resume(client.id, connection.sessionExpiry * 1000, connection);
  }

  #ended(connection: Connection): void {
    const { session } = connection;
    if (!session || session.link !== connection) return;
    if (endsWithConnection(connection)) this.#sessions.end(session);
    else this.#sessions.leave(session, performance.now(), connection.sessionExpiry * 1000);
  }
}

/** Whether the session of a connection is over when the connection is. */
const endsWithConnection = (link: unknown): boolean =>
  link instanceof Connection && link.client?.clean === true;
