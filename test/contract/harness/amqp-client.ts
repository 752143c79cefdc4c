import amqp from '../../../src/protocols/amqp/index.ts';
import { startArtemis, unavailable, type Broker } from '../../brokers/index.ts';
import { keptLog, until } from '../../helpers.ts';
import type { ClientHarness, Peer } from '../contract.ts';
import { connectAmqp } from './amqp.ts';
import { keptPeers } from './listener-bench.ts';

let serial = 0;

/** A rhea client of a broker of the ActiveMQ family as a peer; its addresses are queues. Our client is not made of rhea. */
export async function connectActiveMq(broker: Pick<Broker, 'port'>, durable = false): Promise<Peer> {
  const peer = await connectAmqp(broker.port, durable);
  return {
    close: () => peer.close(),
    publish: (address, message) => peer.publish(`queue://${address}`, message),
    subscribe: (address, options) => peer.subscribe(`queue://${address}`, options),
  };
}

/** One Artemis serves all cases; `end` stops it. */
export async function amqpClientHarness(): Promise<{ harness: ClientHarness; end: () => Promise<void> }> {
  const skip = await unavailable('artemis');
  const broker = skip ? undefined : await startArtemis();
  return {
    end: async () => void (await broker?.stop()),
    harness: {
      name: 'the AMQP 1.0 client, at Artemis, with a rhea client as its peer',
      protocol: 'amqp',
      role: 'client',
      traits: amqp.client!.traits,
      skip,
      address: (word) => `contract.${word}`,
      largest: 1024 * 1024,
      peerLacks: [],
      create: async ({ window }) => {
        const containerId = `contract-${process.pid}-${serial++}`;
        const make = () =>
          amqp.client!.create(
            amqp.client!.config.parse({
              url: `amqp://${broker!.at}`,
              container_id: containerId,
              timeout: '3s',
              window,
            }),
            { name: 'under-test', log: keptLog() },
          );
        const endpoint = make();
        return {
          endpoint,
          again: make,
          ...keptPeers(async () => {
            await until(() => endpoint.status().state === 'ready', 'the endpoint is ready');
            return connectActiveMq(broker!);
          }),
          stopBroker: () => broker!.kill('SIGKILL'),
          startBroker: () => broker!.start(),
        };
      },
    },
  };
}
