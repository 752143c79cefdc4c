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
    let offsets: Awaited<ReturnType<typeof admin.fetchTopicOffsets>> | undefined;
    // Of a topic that is new, some partitions may have no leader yet.
    await until(async () => {
      offsets = await admin.fetchTopicOffsets(topic).catch(() => undefined);
      return offsets !== undefined;
    }, `all partitions of ${topic} have leaders`);
    for (const { partition, high, low } of offsets!)
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
