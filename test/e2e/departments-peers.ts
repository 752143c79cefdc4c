import { AMQPClient } from '@cloudamqp/amqp-client';
import { Consumer } from '@platformatic/kafka';
import type { Broker } from '../brokers/index.ts';
import { fromTheFirst } from '../brokers/kafka-reading.ts';

/** What a department's own client sees of a message. */
export interface Seen {
  readonly body: string;
  readonly headers: ReadonlyMap<string, unknown>;
  readonly correlationId?: string | undefined;
  /** Kafka's record key, RabbitMQ's routing key. */
  readonly key?: string | undefined;
}

/** Reads a Kafka topic from its beginning. */
export async function readKafka(
  broker: Broker,
  topic: string,
): Promise<{ seen: Seen[]; close(): Promise<void> }> {
  const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
    clientId: `reader-${topic}`,
    groupId: `reader-${topic}`,
    bootstrapBrokers: [broker.at],
    retries: 40,
    retryDelay: 250,
  });
  const stream = await consumer.consume({ topics: [topic], ...fromTheFirst });
  // it ends when the broker does; whoever reads on makes another
  stream.on('error', () => undefined);
  const seen: Seen[] = [];
  stream.on('data', ({ key, value, headers }) => {
    const all = new Map([...headers].map(([name, text]) => [String(name), String(text)]));
    seen.push({
      body: String(value),
      headers: all,
      correlationId: all.get('correlation-id'),
      key: String(key),
    });
  });
  return {
    seen,
    close: async () => {
      await stream.close();
      await consumer.close();
    },
  };
}

/** RabbitMQ with what the gateway has declared there. */
export async function connectShipping(url: string): Promise<{
  read(queue: string): Promise<Seen[]>;
  publish(queue: string, body: string, correlationId: string): Promise<void>;
  close(): Promise<void>;
}> {
  const client = new AMQPClient(url);
  await client.connect();
  const channel = await client.channel();
  await channel.confirmSelect();
  return {
    async read(queue) {
      const seen: Seen[] = [];
      await channel.basicConsume(queue, { noAck: false }, (message) => {
        const { headers, correlationId } = message.properties;
        seen.push({
          body: message.bodyString() ?? '',
          headers: new Map(Object.entries(headers ?? {})),
          correlationId,
          key: message.routingKey,
        });
        void message.ack();
      });
      return seen;
    },
    async publish(queue, body, correlationId) {
      await channel.basicPublish('', queue, body, { correlationId, headers: { parcel: 7 } });
    },
    close: () => client.close(),
  };
}
