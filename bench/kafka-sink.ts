// Messages a second that the Kafka sink writes to one real broker, and its CPU; beside those of other checkouts, taking
// turns in one run: node --import tsx bench/kafka-sink.ts [../an-earlier-checkout ...]
import { join, resolve } from 'node:path';
import { Kafka, logLevel } from 'kafkajs';
import { envelope } from '../src/core/envelope.ts';
import type { Protocol } from '../src/core/protocol.ts';
import { startKafka, until } from '../test/brokers/index.ts';
import { spread } from './report/statistics.ts';

/** Messages of one round, of which so many are under way at one time; the first round warms up. */
const [messages, window, rounds] = [100_000, 2000, 6];

/** Partitions, keys (0: none) and bytes of a message. */
const workloads = [
  { partitions: 1, keys: 0, bytes: 256 },
  { partitions: 3, keys: 0, bytes: 256 },
  { partitions: 3, keys: 100, bytes: 256 },
  { partitions: 12, keys: 100, bytes: 2048 },
] as const;

const broker = await startKafka();
const admin = new Kafka({ brokers: [broker.at], logLevel: logLevel.ERROR }).admin();
await admin.connect();
let serial = 0;

async function round(kafka: Protocol, { partitions, keys, bytes }: (typeof workloads)[number]) {
  const topic = `round-${serial++}`;
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: false });
  const role = kafka.client!;
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  const config = role.config.parse({ brokers: [broker.at] });
  const endpoint = role.create(config, { name: 'bench', log: silent });
  await endpoint.open();
  await until(() => endpoint.status().state === 'ready');
  const body = Buffer.alloc(bytes, 'x');
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < messages) {
      const key = keys === 0 ? undefined : `key-${next % keys}`;
      next++;
      await endpoint.sink.send(envelope({ address: 'from', body, key }), topic);
    }
  };
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await Promise.all(Array.from({ length: window }, worker));
  const ms = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  await endpoint.close();
  await admin.deleteTopics({ topics: [topic] });
  return { rate: (1000 * messages) / ms, cpu: (user + system) / messages };
}

const roots = [resolve(import.meta.dirname, '..'), ...process.argv.slice(2).map((each) => resolve(each))];
const protocols: Protocol[] = [];
for (const root of roots) {
  const index = join(root, 'src/protocols/kafka/index.ts');
  protocols.push(((await import(index)) as { readonly default: Protocol }).default);
}
try {
  for (const workload of workloads) {
    const results = protocols.map(() => ({ rates: [] as number[], cpus: [] as number[] }));
    for (let n = 0; n <= rounds; n++)
      for (const [i, protocol] of protocols.entries()) {
        const { rate, cpu } = await round(protocol, workload);
        if (n === 0) continue;
        results[i]!.rates.push(rate);
        results[i]!.cpus.push(cpu);
      }
    console.log(JSON.stringify(workload));
    for (const [i, { rates, cpus }] of results.entries()) {
      const [rate, cpu] = [spread(rates), spread(cpus)];
      const times = (spread(results[0]!.rates).median / rate.median).toFixed(2);
      console.log(
        `  ${roots[i]}: ${Math.round(rate.median)}/s (${Math.round(rate.min)} to ${Math.round(rate.max)}), ${cpu.median.toFixed(1)} µs CPU; the first is ${times} times as fast`,
      );
    }
  }
} finally {
  await admin.disconnect();
  await broker.stop();
}
