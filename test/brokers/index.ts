/** Real brokers for tests, each a process of its own on loopback, ended when the test process ends in any way. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { kafkaClassPath } from './kafka.ts';
import { rabbitMqServer } from './rabbitmq.ts';

export { makeCertificates, type CertificateOptions, type Certificates } from './certificates.ts';
export { startKafka, type KafkaOptions } from './kafka.ts';
export { startMosquitto, type MosquittoOptions } from './mosquitto.ts';
export { startRabbitMq, type RabbitMqOptions, type RabbitMqPorts } from './rabbitmq.ts';
export { freePort, type Broker } from './process.ts';

const has = (program: string, ...args: string[]): boolean => spawnSync(program, args).error === undefined;

export type BrokerName = 'kafka' | 'mosquitto' | 'rabbitmq';

const checks: Readonly<Record<BrokerName, () => Promise<string | undefined>>> = {
  mosquitto: () => Promise.resolve(has('mosquitto', '-h') ? undefined : 'mosquitto is not installed'),
  rabbitmq: () =>
    Promise.resolve(existsSync(rabbitMqServer) ? undefined : "Debian's rabbitmq-server is not installed"),
  kafka: async () => {
    if (!has('java', '-version')) return 'java is not installed';
    try {
      await kafkaClassPath();
      return undefined;
    } catch (error) {
      return `its jars cannot be resolved with Maven: ${(error as Error).message}`;
    }
  },
};

/**
 * For the `skip` of a test: false where this machine can run the broker, else why not. In CI nothing is skipped:
 * there it is always false, so that the test itself fails.
 */
export async function unavailable(broker: BrokerName): Promise<string | false> {
  if (process.env.CI !== undefined && process.env.CI !== 'false') return false;
  return (await checks[broker]()) ?? false;
}
export { until } from '../until.ts';
