import { Admin, Consumer, Producer } from '@platformatic/kafka';
import kafka from '../../../src/protocols/kafka/index.ts';
import { startKafka, unavailable, type Broker } from '../../brokers/index.ts';
import { fromTheFirst } from '../../brokers/kafka-reading.ts';
import { keptLog, until } from '../../helpers.ts';
import type { ClientHarness, Inbox, Peer, PeerMessage } from '../contract.ts';
import { cleanup, keptPeers } from './listener-bench.ts';

let serial = 0;

/** A client of @platformatic/kafka as a peer. */
export async function connectKafka(broker: Broker): Promise<Peer> {
  const options = {
    clientId: `peer-${serial++}`,
    bootstrapBrokers: [broker.at],
    retries: 20,
    retryDelay: 250,
  };
  const producer = new Producer<Buffer, Buffer, Buffer, Buffer>(options);
  const consumers: { close(): Promise<void> }[] = [];
  return {
    close: cleanup(async () => {
      for (const consumer of consumers) await consumer.close();
      await producer.close();
    }),
    async publish(topic, message) {
      const headers = new Map((message.headers ?? []).map(([n, v]) => [Buffer.from(n), Buffer.from(v)]));
      const add = (name: string, value: string | undefined) =>
        value === undefined ? undefined : headers.set(Buffer.from(name), Buffer.from(value));
      add('content-type', message.contentType);
      add('correlation-id', message.correlationId);
      add('reply-to', message.replyTo);
      await producer.send({ messages: [{ topic, partition: 0, value: message.body, headers }], acks: -1 });
      return 'accepted';
    },
    async subscribe(topic): Promise<Inbox> {
      const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
        ...options,
        groupId: `peer-${serial++}`,
      });
      const stream = await consumer.consume({ topics: [topic], ...fromTheFirst });
      const messages: PeerMessage[] = [];
      stream.on('data', ({ value, headers }) => {
        const pairs = [...headers].map(([n, v]) => [String(n), String(v)] as const);
        const one = new Map(pairs);
        messages.push({
          body: value,
          headers: pairs.filter(
            ([n]) =>
              !['content-type', 'correlation-id', 'reply-to'].includes(n) && !n.startsWith('junction-'),
          ),
          contentType: one.get('content-type'),
          correlationId: one.get('correlation-id'),
          replyTo: one.get('reply-to'),
        });
      });
      consumers.push({ close: async () => void (await stream.close(), await consumer.close()) });
      return { messages, confirm: () => undefined };
    },
  };
}

/** Makes topics of one partition, whose order is that of their messages. */
export async function createTopics(broker: Broker, topics: string[]): Promise<void> {
  const admin = new Admin({ clientId: 'admin', bootstrapBrokers: [broker.at], retries: 20, retryDelay: 250 });
  await admin.createTopics({ topics, partitions: 1, replicas: 1 });
  await admin.close();
}

/** One broker serves all cases; `end` stops it. */
export async function kafkaHarness(): Promise<{ harness: ClientHarness; end: () => Promise<void> }> {
  const skip = await unavailable('kafka');
  const broker = skip ? undefined : await startKafka();
  const topics = new Set<string>();
  return {
    end: async () => void (await broker?.stop()),
    harness: {
      name: 'the Kafka client, beside @platformatic/kafka',
      protocol: 'kafka',
      role: 'client',
      traits: kafka.client!.traits,
      skip,
      address(word) {
        if (word.startsWith('case')) topics.add(word); // others are only named, as reply addresses
        return word;
      },
      largest: 512 * 1024,
      peerLacks: [],
      async create({ window }) {
        await createTopics(broker!, [...topics]);
        topics.clear();
        const group = `contract-${serial++}`;
        const make = () => {
          const settings = { brokers: [broker!.at], group, window, timeout: '3s', session_timeout: '6s' };
          return kafka.client!.create(kafka.client!.config.parse(settings), {
            name: 'under-test',
            log: keptLog(),
          });
        };
        const endpoint = make();
        return {
          endpoint,
          again: make,
          ...keptPeers(async () => {
            await until(() => endpoint.status().state === 'ready', 'the endpoint is ready', 60_000);
            return connectKafka(broker!);
          }),
          stopBroker: () => broker!.kill('SIGKILL'),
          startBroker: () => broker!.start(),
        };
      },
    },
  };
}
