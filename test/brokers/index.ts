/** Real brokers for tests, each a process of its own on loopback, ended when the test process ends in any way. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { classPath, javaBrokers } from './java.ts';
import { rabbitMqServer } from './rabbitmq.ts';

export {
  makeCertificates,
  type CertificateOptions,
  type Certificates,
  type ListenerTls,
} from './certificates.ts';
export { startActiveMq, type ActiveMqOptions, type ActiveMqPorts } from './activemq.ts';
export { startArtemis, type ArtemisOptions, type ArtemisPorts } from './artemis.ts';
export { startKafka, type KafkaOptions } from './kafka.ts';
export { startMosquitto, type MosquittoOptions } from './mosquitto.ts';
export { quorumQueuesWritten, startRabbitMq, type RabbitMqOptions, type RabbitMqPorts } from './rabbitmq.ts';
export {
  startRocketMq,
  type RocketMqAdmin,
  type RocketMqOptions,
  type RocketMqTopicType,
} from './rocketmq.ts';
export { freePort } from './ports.ts';
export { type Broker, type User } from './process.ts';

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

export const brokerNames = ['mosquitto', 'rabbitmq', ...javaBrokers] as const;
export type BrokerName = (typeof brokerNames)[number];

/** Why this machine cannot run the broker; undefined where it can. */
export async function missing(broker: BrokerName): Promise<string | undefined> {
  if (broker === 'mosquitto') return has('mosquitto', '-h') ? undefined : 'mosquitto is not installed';
  if (broker === 'rabbitmq')
    return existsSync(rabbitMqServer) ? undefined : "Debian's rabbitmq-server is not installed";
  if (!has('java', '-version')) return 'java is not installed';
  try {
    await classPath(broker);
    return undefined;
  } catch (error) {
    return `its jars cannot be resolved with Maven: ${(error as Error).message}`;
  }
}

/**
 * For the `skip` of a test: false where this machine can run the broker, else why not. In CI nothing is skipped:
 * there it is always false, so that the test itself fails.
 */
export async function unavailable(broker: BrokerName): Promise<string | false> {
  if (process.env.CI !== undefined && process.env.CI !== 'false') return false;
  return (await missing(broker)) ?? false;
}
export { until } from '../until.ts';
