import rocketmq from '../../../src/protocols/rocketmq/index.ts';
import { startRocketMq, unavailable, type Broker, type RocketMqAdmin } from '../../brokers/index.ts';
import { keptLog, until } from '../../helpers.ts';
import type { ClientHarness, Inbox, Peer, PeerMessage } from '../contract.ts';
import { cleanup, keptPeers } from './listener-bench.ts';
import { encode, JavaClient, pairsOf, type JavaMessage } from './rocketmq-peer.ts';

let serial = 0;

/** RocketMQ's Java client as a peer. */
export function connectRocketMq(broker: Broker, java: JavaClient): Peer {
  const ends: (() => void)[] = [];
  return {
    close: cleanup(() => {
      for (const end of ends) end();
      return Promise.resolve();
    }),
    async publish(topic, message) {
      await java.publish(broker.at, topic, toJava(message));
      return 'accepted';
    },
    async subscribe(topic): Promise<Inbox> {
      const messages: PeerMessage[] = [];
      const group = `peer-${process.pid}-${serial++}`;
      ends.push(await java.subscribe(broker.at, topic, group, (message) => messages.push(fromJava(message))));
      return { messages, confirm: () => undefined };
    },
  };
}

/**
 * RocketMQ refuses empty bodies and drops empty properties. Who wants them beside Junction writes what its
 * documentation says: `junction-body: empty` beside one byte, and the property in `junction-headers`.
 */
function toJava({ body, headers = [], contentType, correlationId, replyTo }: PeerMessage): JavaMessage {
  const properties = headers.filter(([, value]) => value !== '').map(([n, v]) => [n, v] as const);
  const empty = headers.filter(([, value]) => value === '').map(([name]) => `${encode(name)}=`);
  const all: [string, string | undefined][] = [
    ['content-type', contentType],
    ['correlation-id', correlationId],
    ['reply-to', replyTo],
    ['junction-headers', empty.length > 0 ? empty.join('&') : undefined],
    ['junction-body', body.length === 0 ? 'empty' : undefined],
  ];
  const fields = all.filter((pair): pair is [string, string] => pair[1] !== undefined);
  return { body: body.length === 0 ? Buffer.alloc(1) : body, properties: [...properties, ...fields] };
}

function fromJava({ body, properties }: JavaMessage): PeerMessage {
  const one = new Map(properties);
  const fields = ['content-type', 'correlation-id', 'reply-to'];
  const plain = properties.filter(
    ([n]) => !fields.includes(n) && !n.startsWith('junction-') && n !== '__SHARDINGKEY',
  );
  return {
    body: one.get('junction-body') === 'empty' ? Buffer.alloc(0) : body,
    headers: [...plain, ...pairsOf(one.get('junction-headers') ?? '-')],
    contentType: one.get('content-type'),
    correlationId: one.get('correlation-id'),
    replyTo: one.get('reply-to'),
  };
}

/** One broker and one Java client serve all cases; `end` stops them. */
export async function rocketMqHarness(): Promise<{ harness: ClientHarness; end: () => Promise<void> }> {
  const skip = await unavailable('rocketmq');
  const broker: (Broker & RocketMqAdmin) | undefined = skip ? undefined : await startRocketMq();
  const java = skip ? undefined : await JavaClient.start();
  const topics = new Set<string>();
  return {
    end: async () => {
      await java?.close();
      await broker?.stop();
    },
    harness: {
      name: 'the RocketMQ client, beside RocketMQ’s Java client',
      protocol: 'rocketmq',
      role: 'client',
      traits: rocketmq.client!.traits,
      skip,
      address(word) {
        if (word.startsWith('case')) topics.add(word); // others are only named, as reply addresses
        return word;
      },
      largest: 1024 * 1024,
      peerLacks: [],
      async create({ window }) {
        // what is sent has a key or must keep its order all the same; what the peer sends has none
        for (const topic of topics)
          await broker!.createTopic(topic, { type: topic.endsWith('out') ? 'FIFO' : 'NORMAL' });
        topics.clear();
        const group = `contract-${process.pid}-${serial++}`;
        // Only an orderly group is given a message again before those that follow it; of each queue it holds one batch
        // at a time, so the cases of small windows, which fill them, have a plain one.
        await broker!.createGroup(group, { orderly: window > 16 });
        const make = () =>
          rocketmq.client!.create(
            rocketmq.client!.config.parse({ brokers: [broker!.at], group, window, timeout: '8s' }),
            { name: 'under-test', log: keptLog() },
          );
        const endpoint = make();
        return {
          endpoint,
          again: make,
          ...keptPeers(async () => {
            await until(() => endpoint.status().state === 'ready', 'the endpoint is ready', 60_000);
            return connectRocketMq(broker!, java!);
          }),
          stopBroker: () => broker!.kill('SIGKILL'),
          startBroker: () => broker!.start(),
        };
      },
    },
  };
}
