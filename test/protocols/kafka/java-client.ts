import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import type { Broker } from '../../brokers/index.ts';
import { classPath, javaFlags } from '../../brokers/java.ts';

/** Runs one of Kafka's own tools, which use its Java client; returns what it prints. */
async function tool(name: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(
    'java',
    [...javaFlags('256m'), '-cp', await classPath('kafka'), `org.apache.kafka.tools.${name}`, ...args],
    { stdio: ['pipe', 'pipe', 'ignore'] },
  );
  child.stdin.end(input);
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.exitCode}: ${output}`);
  return output;
}

/** The bodies of the first `count` messages of a topic, as text of one line each. */
export const consume = async (broker: Broker, topic: string, count: number): Promise<string[]> => {
  const args = ['--bootstrap-server', broker.at, '--topic', topic, '--from-beginning'];
  const limits = ['--max-messages', String(count), '--timeout-ms', '30000'];
  return (await tool('consumer.ConsoleConsumer', [...args, ...limits])).trimEnd().split('\n');
};

/** Publishes bodies of one line each. */
export const produce = async (
  broker: Broker,
  topic: string,
  compression: string,
  bodies: readonly string[],
): Promise<void> => {
  const args = ['--bootstrap-server', broker.at, '--topic', topic, '--compression-codec', compression];
  await tool('ConsoleProducer', args, `${bodies.join('\n')}\n`);
};
