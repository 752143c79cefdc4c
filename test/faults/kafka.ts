import { setTimeout as pause } from 'node:timers/promises';
import { Admin, Consumer, Producer } from '@platformatic/kafka';
import type { Broker } from '../brokers/index.ts';
import { fromTheFirst } from '../brokers/kafka-reading.ts';
import type { Sender } from './load.ts';
import type { Reading } from './path.ts';

let serial = 0;

/** Clients of @platformatic/kafka, straight at the broker. */
export function kafkaClients(broker: Broker) {
  const options = (retries: number) => ({
    clientId: `faults-${serial++}`,
    bootstrapBrokers: [broker.at],
    retries,
    retryDelay: 200,
  });
  const withAdmin = async (work: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = new Admin(options(50));
    try {
      await work(admin);
    } finally {
      await admin.close();
    }
  };
  return {
    createTopics: (topics: string[], partitions: number) =>
      withAdmin((admin) => admin.createTopics({ topics, partitions, replicas: 1 })),
    deleteTopics: (topics: string[]) => withAdmin((admin) => admin.deleteTopics({ topics })),
    /** Publishes each message once, by key; what fails is told so, and may be there all the same. */
    sender(topic: string): Sender {
      const producer = new Producer<Buffer, Buffer, Buffer, Buffer>({ ...options(0), timeout: 5000 });
      let close = (): void => undefined;
      const closed = new Promise<void>((resolve) => (close = resolve));
      return {
        closed,
        async publish(key, value) {
          try {
            await producer.send({ messages: [{ topic, key: Buffer.from(key), value }], acks: -1 });
            return 'accepted';
          } catch {
            return 'refused';
          }
        },
        async close() {
          close();
          await producer.close().catch(() => undefined);
        },
      };
    },
    /** Reads a topic from its first record, each once; a reader that fails or finds nothing is replaced by another. */
    read(topic: string, take: (body: string) => void): Promise<Reading> {
      const seen = new Set<string>();
      const over = new AbortController();
      const readSome = async (): Promise<void> => {
        const consumer = new Consumer<Buffer, Buffer, Buffer, Buffer>({
          ...options(50),
          groupId: `faults-${process.pid}-${serial++}`,
        });
        const stream = await consumer.consume({ topics: [topic], ...fromTheFirst });
        const failed = new AbortController();
        stream.on('error', () => failed.abort());
        stream.on('data', ({ partition, offset, value }) => {
          const place = `${partition} ${offset}`;
          if (seen.has(place)) return;
          seen.add(place);
          take(value.toString());
        });
        const signal = AbortSignal.any([over.signal, failed.signal]);
        await pause(10_000, undefined, { signal }).catch(() => undefined);
        await stream.close();
        consumer.close(true, () => undefined);
      };
      const running = (async () => {
        while (!over.signal.aborted)
          await readSome().catch(() => pause(200, undefined, { signal: over.signal }).catch(() => undefined));
      })();
      return Promise.resolve({
        close() {
          over.abort();
          return running;
        },
      });
    },
    close: () => Promise.resolve(),
  };
}
