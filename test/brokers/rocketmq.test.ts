import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { startRocketMq, unavailable } from './index.ts';
import { processesOf } from './left-over.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const skip = await unavailable('rocketmq');

void test('RocketMQ keeps a message over restarts and leaves nothing', { skip }, async () => {
  const broker = await startRocketMq();
  try {
    await broker.createTopic('kept', { type: 'FIFO' });
    await broker.createGroup('readers');
    await send(broker.at, 'kept', 'it');
    await broker.restart('SIGTERM');
    await broker.restart('SIGKILL');
    assert.equal(await receive(broker.at, 'kept'), 'it');
  } finally {
    await broker.stop();
  }
  assert.equal(existsSync(broker.folder), false);
  await until(() => processesOf(broker.folder).length === 0);
});

void test('RocketMQ knows its user', { skip }, async () => {
  const user = { username: 'one', password: 'its own 1' };
  const broker = await startRocketMq({ user });
  try {
    await broker.createTopic('t', { type: 'FIFO' });
    await send(broker.at, 't', 'x', user);
    await assert.rejects(
      send(broker.at, 't', 'x', { ...user, password: 'wrong' }),
      /40[13]|UNAUTHORIZED|FORBIDDEN/i,
    );
  } finally {
    await broker.stop();
  }
});

interface User {
  readonly username: string;
  readonly password: string;
}

const send = (at: string, topic: string, body: string, user?: User): Promise<string> =>
  client(
    at,
    user,
    `const producer = new Producer({ ...options, topic: ${JSON.stringify(topic)} });
    await producer.startup();
    const { messageId } = await producer.send({
      topic: ${JSON.stringify(topic)},
      messageGroup: 'one',
      body: Buffer.from(${JSON.stringify(body)}),
    });
    process.stdout.write(messageId);`,
  );

const receive = (at: string, topic: string): Promise<string> =>
  client(
    at,
    undefined,
    `const consumer = new SimpleConsumer({
      ...options, consumerGroup: 'readers', awaitDuration: 10_000, subscriptions: new Map([[${JSON.stringify(topic)}, '*']]),
    });
    await consumer.startup();
    let messages = [];
    while (messages.length === 0) messages = await consumer.receive(1, 30_000);
    await consumer.ack(messages[0]);
    process.stdout.write(messages[0].body.toString());`,
  );

/** Runs a client of RocketMQ's in a process of its own, since its connections outlive its shutdown. Resolves with what it writes. */
async function client(at: string, user: User | undefined, script: string): Promise<string> {
  const options = {
    endpoints: at,
    namespace: '',
    ...(user && { sessionCredentials: { accessKey: user.username, accessSecret: user.password } }),
  };
  const start = `import { Producer, SimpleConsumer } from 'rocketmq-client-nodejs';
    const nothing = () => {};
    const logger = { info: nothing, warn: nothing, error: nothing };
    const options = { ...${JSON.stringify(options)}, logger };`;
  const { stdout } = await run(
    process.execPath,
    ['--input-type=module', '-e', `${start}\n${script}\nprocess.exit(0);`],
    {
      cwd: import.meta.dirname,
      timeout: 60_000,
    },
  );
  return stdout;
}
