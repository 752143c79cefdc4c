import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { Broker, brokerFolder, freePort } from './process.ts';

const run = promisify(execFile);
const pom = fileURLToPath(new URL('kafka-pom.xml', import.meta.url));
const cache = fileURLToPath(new URL('../../.cache/', import.meta.url));

export interface KafkaOptions {
  /** Further lines of server.properties, e.g. `auto.create.topics.enable=false`; they win over ours. */
  readonly properties?: readonly string[];
  /** Clients must authenticate as this user, by SASL PLAIN. */
  readonly user?: { readonly username: string; readonly password: string };
}

/** Apache Kafka as one KRaft node (broker and controller), from the jars of Maven Central. */
export async function startKafka(options: KafkaOptions = {}): Promise<Broker> {
  const classPath = await kafkaClassPath();
  const folder = await brokerFolder('kafka');
  const [port, controller] = [await freePort(), await freePort()];
  const properties = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=CLIENTS://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=CLIENTS://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=CLIENTS',
    `listener.security.protocol.map=CONTROLLER:PLAINTEXT,CLIENTS:${options.user ? 'SASL_PLAINTEXT' : 'PLAINTEXT'}`,
    ...(options.user ? saslPlain(options.user) : []),
    `log.dirs=${folder}/data`,
    'num.partitions=3',
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
  const java = [
    '-Xmx512m',
    '-XX:+UseSerialGC',
    '-XX:TieredStopAtLevel=1',
    '-Xshare:auto',
    `-Dlog4j2.configurationFile=${folder}/log4j2.properties`,
    '-cp',
    classPath,
  ];
  await run('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', file]);
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

/** Kafka's class path, resolved by Maven once and kept in `.cache/`. */
export async function kafkaClassPath(): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(pom))
    .digest('hex');
  const file = join(cache, `kafka-${hash.slice(0, 12)}.classpath`);
  if (existsSync(file)) {
    const classPath = await readFile(file, 'utf8');
    if (classPath.split(':').every((jar) => existsSync(jar))) return classPath;
  }
  await mkdir(cache, { recursive: true });
  const fresh = `${file}.${process.pid}`;
  await run('mvn', [
    '-q',
    '-f',
    pom,
    'dependency:build-classpath',
    `-Dmdep.outputFile=${fresh}`,
    '-Dmdep.includeScope=runtime',
  ]);
  const classPath = (await readFile(fresh, 'utf8')).trim();
  await writeFile(fresh, classPath);
  await rename(fresh, file); // at once, whoever else resolves it at this moment
  return classPath;
}

const saslPlain = ({ username, password }: NonNullable<KafkaOptions['user']>): string[] => [
  'sasl.enabled.mechanisms=PLAIN',
  'sasl.mechanism.inter.broker.protocol=PLAIN',
  `listener.name.clients.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required username="${username}" password="${password}" user_${username}="${password}";`,
];

const clusterId = 'anVuY3Rpb24tdGVzdHMtMQ';

const log4j = `
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{HH:mm:ss.SSS} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
`;
