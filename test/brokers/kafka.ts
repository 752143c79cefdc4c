import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { classPath, javaFlags, log4j } from './java.ts';
import { Broker, brokerFolder } from './process.ts';
import { freePort } from './ports.ts';

const run = promisify(execFile);

export interface KafkaOptions {
  /** Further lines of server.properties, e.g. `auto.create.topics.enable=false`; they win over ours. */
  readonly properties?: readonly string[];
  /** Clients must authenticate as this user, by SASL PLAIN. */
  readonly user?: { readonly username: string; readonly password: string };
  /** Further listeners, beside the one at `port`; their settings go to `properties`. */
  readonly also?: readonly KafkaListener[];
  /** Users for SCRAM-SHA-256 and -512, password by name. */
  readonly scram?: ReadonlyMap<string, string>;
}

export interface KafkaListener {
  readonly name: string;
  readonly port: number;
  /** The port that its clients are told, e.g. of a proxy in front of it. */
  readonly advertised?: number;
  readonly protocol: 'PLAINTEXT' | 'SSL' | 'SASL_SSL' | 'SASL_PLAINTEXT';
}

/** Apache Kafka as one KRaft node (broker and controller), from the jars of Maven Central. */
export async function startKafka(options: KafkaOptions = {}): Promise<Broker> {
  const jars = await classPath('kafka');
  const folder = await brokerFolder('kafka');
  const [port, controller] = [await freePort(), await freePort()];
  const also = options.also ?? [];
  const others = also.map(({ name, port }) => `,${name}://127.0.0.1:${port}`).join('');
  const told = also.map(({ name, port, advertised = port }) => `,${name}://127.0.0.1:${advertised}`).join('');
  const properties = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}${others}`,
    `advertised.listeners=CLIENTS://127.0.0.1:${port}${told}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=CLIENTS',
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:${options.user ? 'SASL_PLAINTEXT' : 'PLAINTEXT'}${also.map(({ name, protocol }) => `,${name}:${protocol}`).join('')}`,
    ...(options.user ? saslPlain(options.user) : []),
    `log.dirs=${folder}/data`,
    'num.partitions=3',
    // messages of 1970 are past any retention: the first look for such, half a minute after its start, would take them
    'log.retention.ms=-1',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    // a killed broker's registration must lapse before it may return; 9 s by default
    'broker.session.timeout.ms=1500',
    'broker.heartbeat.interval.ms=300',
    ...(options.properties ?? []),
  ];
  const file = join(folder, 'server.properties');
  await writeFile(file, properties.join('\n'));
  await writeFile(join(folder, 'log4j2.properties'), log4j);
  const java = [...javaFlags('512m'), `-Dlog4j2.configurationFile=${folder}/log4j2.properties`, '-cp', jars];
  const users = [...(options.scram ?? [])].flatMap(([name, password]) =>
    ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((each) => [
      '-S',
      `${each}=[name=${name},password=${password}]`,
    ]),
  );
  await run('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file, ...users]);
  const broker = new Broker({
    name: 'Kafka',
    port,
    folder,
    command: ['java', ...java, 'kafka.Kafka', file],
    ready: () => answers(port, options.user),
  });
  await broker.start();
  return broker;
}

/** Whether it leads its cluster and takes requests, asked of the broker itself. */
async function answers(port: number, user: KafkaOptions['user']): Promise<boolean> {
  const admin = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1000,
    requestTimeout: 2000,
    retry: { retries: 0 },
    ...(user && { sasl: { mechanism: 'plain', ...user } }),
  }).admin();
  try {
    await admin.connect();
    const { brokers } = await admin.describeCluster();
    return brokers.length === 1;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

const saslPlain = ({ username, password }: NonNullable<KafkaOptions['user']>): string[] => [
  'sasl.enabled.mechanisms=PLAIN',
  'sasl.mechanism.inter.broker.protocol=PLAIN',
  `listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="${username}" password="${password}" user_${username}="${password}";`,
];

const clusterId = 'anVuY3Rpb24tdGVzdHMtMQ';
