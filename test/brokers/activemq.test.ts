import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import stompit from 'stompit';
import { close, open, receive } from './amqp-client.ts';
import { startActiveMq, unavailable } from './index.ts';
import { processesOf } from './left-over.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const skip = await unavailable('activemq');

void test('ActiveMQ keeps a message over restarts and leaves nothing', { skip }, async () => {
  const broker = await startActiveMq();
  try {
    await send(broker.stompPort, '/queue/kept', 'it');
    await broker.restart('SIGTERM');
    await broker.restart('SIGKILL');
    const receiving = await open({ port: broker.port, username: 'anonymous' });
    assert.equal(await receive(receiving, 'queue://kept'), 'it');
    await close(receiving);
    await run('mosquitto_pub', ['-p', String(broker.mqttPort), '-t', 'x', '-m', 'y', '-q', '1']);
  } finally {
    await broker.stop();
  }
  assert.equal(existsSync(broker.folder), false);
  await until(() => processesOf(broker.folder).length === 0);
});

void test('ActiveMQ knows its users', { skip }, async () => {
  const broker = await startActiveMq({ users: [{ username: 'one', password: 'its "own" & more' }] });
  try {
    const { port } = broker;
    await close(await open({ port, username: 'one', password: 'its "own" & more' }));
    await assert.rejects(open({ port, username: 'one', password: 'wrong' }));
    await assert.rejects(open({ port, username: 'anonymous' }));
    const mqtt = ['-p', String(broker.mqttPort), '-t', 'x', '-m', 'y', '-q', '1'];
    await assert.rejects(run('mosquitto_pub', mqtt), /not authori[sz]ed|bad user name/i);
  } finally {
    await broker.stop();
  }
});

/** Sends a persistent message by STOMP; resolves with its receipt. */
function send(port: number, destination: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const connectHeaders = { 'accept-version': '1.2', login: 'admin', passcode: 'admin' };
    stompit.connect({ host: '127.0.0.1', port, connectHeaders }, (error, client) => {
      if (error) return reject(error);
      client.on('error', reject);
      client
        .send(
          { destination, persistent: 'true' },
          { onReceipt: () => client.disconnect((failed) => (failed ? reject(failed) : resolve())) },
        )
        .end(body);
    });
  });
}
