import { Readable } from 'node:stream';
import { Aedes, type AedesOptions, type Client } from 'aedes';
import { maxTopicLevels } from '../address.ts';

/** What the listener does for aedes. */
export interface BrokerHooks {
  /** The session of this client is over. */
  sessionOver(clientId: string): void;
  /** aedes publishes a client's will. */
  will(client: Client): void;
}

/**
 * aedes, for what it is good at: the handshake, session take-over and expiry, delayed wills. Subscriptions and
 * messages do not pass through it, because it acknowledges before it publishes,
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

/** The store that aedes asks for: all that it would keep is the listener's. */
function persistence(hooks: BrokerHooks): object {
  const nothing = async (): Promise<void> => {};
  return {
    async setup(): Promise<void> {},
    storeRetained: nothing,
    createRetainedStreamCombi: () => Readable.from([]),
    addSubscriptions: nothing,
    removeSubscriptions: nothing,
    subscriptionsByClient: async () => [],
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
