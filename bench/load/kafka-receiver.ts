import { Kafka, logLevel } from 'kafkajs';
import { now } from './clock.ts';
import type { ReceiverSpec } from './messages.ts';
import type { Tally } from './tally.ts';

/** Makes the topic, and reads it from its beginning, whole batches at a time, committing nothing. */
export async function receiveKafka(
  spec: ReceiverSpec,
  tally: Tally,
  lost: (error: Error) => void,
): Promise<void> {
  const kafka = new Kafka({
    clientId: `bench-sink-${process.pid}`,
    brokers: [`127.0.0.1:${spec.port}`],
    logLevel: logLevel.ERROR,
  });
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({
    topics: [{ topic: spec.address, numPartitions: 3, replicationFactor: 1 }],
    waitForLeaders: true,
  });
  await admin.disconnect();
  const consumer = kafka.consumer({ groupId: `bench-${process.pid}`, maxWaitTimeInMs: 20 });
  consumer.on('consumer.crash', ({ payload }) => lost(payload.error));
  const joined = new Promise<void>((resolve) => consumer.on('consumer.group_join', () => resolve()));
  await consumer.connect();
  await consumer.subscribe({ topic: spec.address, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: 3,
    eachBatch: async ({ batch }) => {
      const arrived = now();
      for (const { value } of batch.messages) {
        if (value) tally.record(value, 0, value.length, arrived);
        else tally.foreign++;
      }
    },
  });
  await joined;
}
