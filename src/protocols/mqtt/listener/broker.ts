import { Readable } from 'node:stream';
import { Aedes, type AedesOptions, type Client } from 'aedes';
import { maxTopicLevels } from '../address.ts';
import type { Publication } from '../codec/publication.ts';
import type { Retained } from './retained.ts';
import type { Subscription } from './session.ts';

/** How aedes's persistence writes a subscription. */
export interface StoredSubscription {
  readonly topic: string;
  readonly qos: number;
  readonly rh?: number | undefined;
  readonly rap?: boolean | undefined;
  readonly nl?: boolean | undefined;
  readonly subscriptionIdentifier?: number | undefined;
}

/** What the listener does for aedes. */
export interface BrokerHooks {
  readonly retained: Retained;
  /** The subscriptions of a client's session, to be restored. */
  subscriptionsOf(clientId: string): readonly StoredSubscription[];
  /** The session of this client is over. */
  sessionOver(clientId: string): void;
  /** aedes delivers a retained message to a new subscriber. */
  retainedFor(client: Client, publication: Publication, identifier: number | undefined): void;
  /** Whether clients may subscribe to this. */
  maySubscribe(filter: string): boolean;
  /** aedes publishes a client's will. */
  will(client: Client): void;
}

/** aedes hands a retained message on with a copy of `properties`: it carries our own form of the message there. */
interface RetainedPacket {
  readonly properties?: { readonly publication?: Publication; readonly subscriptionIdentifier?: number };
}

/**
 * aedes, for what it is good at: the handshake, session take-over and expiry, delayed wills, SUBSCRIBE and
 * UNSUBSCRIBE with their answers. Messages do not pass through it, because it acknowledges before it publishes,
 * makes all clients wait for a slow one, and has no bounds: its message bus and its store, which it lets us replace,
 * are the listener's own.
 */
export async function createBroker(hooks: BrokerHooks, options: AedesOptions): Promise<Aedes> {
  const broker = await Aedes.createBroker({
    ...options,
    maxTopicLevels,
    maxClientsIdLength: 65_535, // 23 in MQTT 3.1, which nobody holds to
    connectTimeout: 0x7fff_ffff,
    mq: bus,
    persistence: persistence(hooks),
    authorizeForward(client, packet) {
      const { properties } = packet as unknown as RetainedPacket;
      if (properties?.publication)
        hooks.retainedFor(client, properties.publication, properties.subscriptionIdentifier);
      return null;
    },
    authorizeSubscribe(_client, subscription, callback) {
      callback(null, hooks.maySubscribe(subscription.topic) ? subscription : null);
    },
    authorizePublish(client, _packet, callback) {
      if (client) hooks.will(client);
      callback(new Error('the will is published by the listener'));
    },
  });
  // Client ids come from outside, and must not name what every object has.
  Object.assign(broker, { clients: Object.create(null) as object });
  return broker;
}

/** Registers a connection with aedes; its subscriptions are named from outside, too. */
export function handle(broker: Aedes, stream: Parameters<Aedes['handle']>[0]): Client {
  const client = broker.handle(stream);
  Object.assign(client, { subscriptions: Object.create(null) as object });
  return client;
}

/** What aedes says on its bus is about itself (`$SYS/…/new/clients`): nobody needs to hear it. */
const bus = {
  on: (_topic: string, _listener: unknown, done?: () => void): void => done?.(),
  removeListener: (_topic: string, _listener: unknown, done?: () => void): void => done?.(),
  emit: (_packet: unknown, done?: () => void): void => done?.(),
  close: (done?: () => void): void => done?.(),
};

/** The store that aedes asks for: subscriptions and retained messages are the listener's, messages it has none. */
function persistence(hooks: BrokerHooks): object {
  const nothing = async (): Promise<void> => {};
  return {
    async setup(): Promise<void> {},
    async storeRetained({ topic, payload }: { topic: string; payload: Buffer }): Promise<void> {
      if (payload.length === 0) hooks.retained.remove(topic); // it has expired
    },
    createRetainedStreamCombi: (filters: readonly string[]) =>
      Readable.from(retainedPackets(hooks.retained, filters)),
    addSubscriptions: nothing,
    removeSubscriptions: nothing,
    subscriptionsByClient: async ({ id }: { id: string }) => hooks.subscriptionsOf(id),
    subscriptionsByTopic: async () => [],
    async cleanSubscriptions({ id }: { id: string }): Promise<void> {
      hooks.sessionOver(id);
    },
    outgoingEnqueueCombi: nothing,
    outgoingEnqueue: nothing,
    outgoingUpdate: nothing,
    outgoingClearMessageId: nothing,
    outgoingStream: () => Readable.from([]),
    putWill: nothing,
    getWill: nothing,
    delWill: nothing,
    streamWill: () => Readable.from([]),
  };
}

function* retainedPackets(retained: Retained, filters: readonly string[]): Generator<object> {
  for (const publication of retained.matching(filters)) {
    const { topic, payload, qos } = publication.message;
    yield {
      cmd: 'publish',
      topic,
      payload,
      qos,
      retain: true,
      properties: { publication },
      ...(publication.expiresAt === undefined ? {} : { messageExpiry: publication.expiresAt }),
    };
  }
}

/** A subscription as aedes granted it. */
export function toSubscription(stored: StoredSubscription): Subscription {
  return {
    filter: stored.topic,
    qos: stored.qos as Subscription['qos'],
    noLocal: stored.nl === true,
    retainAsPublished: stored.rap === true,
    retainHandling: stored.rh as Subscription['retainHandling'],
    identifier: stored.subscriptionIdentifier,
  };
}

export function toStored(subscription: Subscription): StoredSubscription {
  return {
    topic: subscription.filter,
    qos: subscription.qos,
    rh: subscription.retainHandling,
    rap: subscription.retainAsPublished,
    nl: subscription.noLocal,
    ...(subscription.identifier === undefined ? {} : { subscriptionIdentifier: subscription.identifier }),
  };
}
