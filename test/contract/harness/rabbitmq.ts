import { AMQPClient } from '@cloudamqp/amqp-client';
import rabbitmq from '../../../src/protocols/rabbitmq/index.ts';
import { startRabbitMq, unavailable, type Broker } from '../../brokers/index.ts';
import { keptLog, until } from '../../helpers.ts';
import type { ClientHarness, Inbox, Peer, PeerMessage } from '../contract.ts';
import { cleanup, keptPeers } from './listener-bench.ts';

/** A client of @cloudamqp/amqp-client as a peer; it makes the queues it is told of, durable ones. */
export async function connectRabbitMq(broker: Broker): Promise<Peer> {
  const url = `amqp://${broker.at}`;
  let client = new AMQPClient(url);
  await client.connect();
  let publishing = client.channel().then((channel) => channel.confirmSelect().then(() => channel));
  const made = new Set<string>();
  /** The case may have restarted the broker. */
  const revive = async (): Promise<void> => {
    if (!client.closed) return;
    client = new AMQPClient(url);
    await client.connect();
    publishing = client.channel().then((channel) => channel.confirmSelect().then(() => channel));
  };
  const make = async (queue: string): Promise<void> => {
    if (made.has(queue)) return;
    const channel = await client.channel();
    await channel.queueDeclare(queue, { durable: true, autoDelete: false });
    await channel.close();
    made.add(queue);
  };
  return {
    close: cleanup(async () => {
      if (!client.closed) await client.close().catch(() => undefined);
    }),
    async publish(queue, message) {
      await revive();
      await make(queue);
      const channel = await publishing;
      await channel.basicPublish('', queue, message.body, {
        deliveryMode: 2,
        headers: Object.fromEntries(message.headers ?? []),
        ...(message.contentType === undefined ? {} : { contentType: message.contentType }),
        ...(message.correlationId === undefined ? {} : { correlationId: message.correlationId }),
        ...(message.replyTo === undefined ? {} : { replyTo: message.replyTo }),
      });
      return 'accepted';
    },
    async subscribe(queue): Promise<Inbox> {
      await revive();
      await make(queue);
      const messages: PeerMessage[] = [];
      const channel = await client.channel();
      await channel.basicConsume(queue, { noAck: true }, ({ body, properties }) => {
        messages.push({
          body: Buffer.from(body ?? []),
          headers: Object.entries((properties.headers ?? {}) as Record<string, string>).filter(
            ([name]) => !name.startsWith('junction-'),
          ),
          contentType: properties.contentType,
          correlationId: properties.correlationId,
          replyTo: properties.replyTo,
        });
      });
      return { messages, confirm: () => undefined };
    },
  };
}

/** One broker serves all cases; `end` stops it. */
export async function rabbitMqHarness(): Promise<{ harness: ClientHarness; end: () => Promise<void> }> {
  const skip = await unavailable('rabbitmq');
  const broker = skip ? undefined : await startRabbitMq({ plugins: [] });
  const queues = new Set<string>();
  return {
    end: async () => void (await broker?.stop()),
    harness: {
      name: 'the RabbitMQ client, beside @cloudamqp/amqp-client',
      protocol: 'rabbitmq',
      role: 'client',
      traits: rabbitmq.client!.traits,
      skip,
      address(word) {
        if (word.startsWith('case')) queues.add(word); // others are only named, as reply addresses
        return word;
      },
      largest: 1024 * 1024,
      peerLacks: [],
      create({ window }) {
        const declare = { queues: [...queues].map((name) => ({ name, type: 'classic' })) };
        queues.clear();
        const make = () =>
          rabbitmq.client!.create(
            rabbitmq.client!.config.parse({ url: `amqp://${broker!.at}`, window, timeout: '3s', declare }),
            { name: 'under-test', log: keptLog() },
          );
        const endpoint = make();
        return Promise.resolve({
          endpoint,
          again: make,
          ...keptPeers(async () => {
            await until(() => endpoint.status().state === 'ready', 'the endpoint is ready', 60_000);
            return connectRabbitMq(broker!);
          }),
          stopBroker: () => broker!.kill('SIGKILL'),
          startBroker: () => broker!.start(),
        });
      },
    },
  };
}
