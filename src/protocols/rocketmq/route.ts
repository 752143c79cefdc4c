import type { Address } from './proxy.ts';
import { definition, MessageType } from './wire.ts';

/** A broker that has queues of a topic, and the proxy that leads to it. */
export interface BrokerOfTopic {
  readonly name: string;
  readonly proxy: Address;
  /** A queue of it, which stands for them all: the proxy chooses among a broker's queues. */
  readonly queue: definition.MessageQueue;
}

/** Where the messages of a topic are. */
export interface Route {
  readonly writable: readonly BrokerOfTopic[];
  readonly readable: readonly BrokerOfTopic[];
  /** The kinds of message that it takes. */
  readonly accepts: ReadonlySet<definition.MessageType>;
}

const { READ, WRITE, READ_WRITE } = definition.Permission;
/** Of a broker's replicas the one that leads. */
const leader = 0;

/** A broker that has several queues of the topic counts once. */
export function readRoute(queues: readonly definition.MessageQueue[]): Route {
  const writable = new Map<string, BrokerOfTopic>();
  const readable = new Map<string, BrokerOfTopic>();
  const accepts = new Set<definition.MessageType>();
  for (const queue of queues) {
    const broker = queue.getBroker();
    const address = broker?.getEndpoints()?.getAddressesList()[0];
    if (!broker || !address || broker.getId() !== leader) continue;
    const name = broker.getName();
    const entry: BrokerOfTopic = { name, proxy: { host: address.getHost(), port: address.getPort() }, queue };
    const permission = queue.getPermission();
    if ((permission === WRITE || permission === READ_WRITE) && !writable.has(name)) writable.set(name, entry);
    if ((permission === READ || permission === READ_WRITE) && !readable.has(name)) readable.set(name, entry);
    for (const type of queue.getAcceptMessageTypesList()) accepts.add(type);
  }
  if (accepts.size === 0) accepts.add(MessageType.NORMAL);
  return { writable: [...writable.values()], readable: [...readable.values()], accepts };
}
