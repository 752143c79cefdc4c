import { Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../test/brokers/index.ts';
import { Worker } from './driver/worker.ts';
import { now } from './load/clock.ts';
import { stampBytes, writeStamp } from './load/stamp.ts';
import { cpuMicros } from './systems/process-stat.ts';
import type { Workload } from './workload.ts';

/** Messages put into Kafka for the sink to read. */
const kafkaMessages = 500_000;

/** Fills a topic of a real broker, then lets the sink read it: its ceiling has no relay in it. */
export async function proveKafka(workload: Workload): Promise<object> {
  const broker = await startKafka();
  const run = 1;
  const address = `bench-${run}`;
  try {
    const kafka = new Kafka({ brokers: [broker.at], logLevel: logLevel.ERROR });
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: address, numPartitions: 3 }], waitForLeaders: true });
    await admin.disconnect();
    const producer = kafka.producer();
    await producer.connect();
    const batch = 5000;
    for (let done = 0; done < kafkaMessages; done += batch)
      await producer.send({
        topic: address,
        messages: Array.from({ length: batch }, (_, i) => ({
          partition: i % 3,
          value: body(workload.messageSize, run, done + i),
        })),
      });
    await producer.disconnect();
    const start = now();
    const { messageSize } = workload;
    const spec = { port: broker.port, connections: 1, address, qos: 0, credit: 0, messageSize, run } as const;
    const sink = await Worker.receiver({ ...spec, protocol: 'kafka' });
    try {
      let last = await sink.snapshot();
      const first = last;
      const cpu = cpuMicros(sink.pid);
      while (last.received < kafkaMessages) {
        if (now() - start > 120e6) throw new Error(`the sink received ${last.received} of ${kafkaMessages}`);
        await new Promise((resolve) => setTimeout(resolve, 5));
        last = await sink.snapshot();
      }
      const messages = last.received - first.received;
      const rate = (1e6 * messages) / (last.at - first.at);
      const cpuPerMessage = (cpuMicros(sink.pid) - cpu) / messages;
      process.stdout.write(
        `${workload.name}: the sink reads ${Math.round(rate).toLocaleString('en-US')} msg/s, ${cpuPerMessage.toFixed(2)} µs CPU per message (${messages} that were there before)\n\n`,
      );
      return { path: workload.name, system: 'kafka sink', rate, cpuPerMessage };
    } finally {
      await sink.stop();
    }
  } finally {
    await broker.stop();
  }
}

function body(bytes: number, run: number, sequence: number): Buffer {
  const value = Buffer.alloc(Math.max(bytes, stampBytes), 'x');
  writeStamp(value, 0, run, 0, sequence, now());
  return value;
}
