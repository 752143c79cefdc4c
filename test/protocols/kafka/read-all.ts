import type { IHeaders } from 'kafkajs';
import { until, type Broker } from '../../brokers/index.ts';
import { peer } from './support.ts';

export interface Read {
  readonly key: string | null;
  readonly value: string | null;
  readonly timestamp: string;
  readonly headers: IHeaders | undefined;
}

let groups = 0;

/** Every record of a topic, read by a consumer of its own from the first to the offset that is the last one now. */
export async function readAll(broker: Broker, topic: string): Promise<Read[]> {
  const kafka = peer(broker);
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `read-all-${process.pid}-${groups++}`, maxWaitTimeInMs: 100 });
  const records: Read[] = [];
  try {
    await admin.connect();
    const ends = new Map<number, number>();
    for (const { partition, high, low } of await admin.fetchTopicOffsets(topic))
      if (Number(high) > Number(low)) ends.set(partition, Number(high));
    await consumer.connect();
    await consumer.subscribe({ topics: [topic], fromBeginning: true });
    await consumer.run({
      eachMessage: ({ partition, message }) => {
        records.push({
          key: message.key?.toString() ?? null,
          value: message.value?.toString() ?? null,
          timestamp: message.timestamp,
          headers: message.headers && { ...message.headers },
        });
        if (Number(message.offset) + 1 >= (ends.get(partition) ?? 0)) ends.delete(partition);
        return Promise.resolve();
      },
    });
    await until(() => ends.size === 0, `all of ${topic} is read`);
    return records;
  } finally {
    await consumer.disconnect();
    await admin.disconnect();
  }
}
