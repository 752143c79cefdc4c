import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import amqp, { credentials } from 'amqplib';
import { close, open, receive } from './amqp-client.ts';
import { makeCertificates, quorumQueuesWritten, startRabbitMq, unavailable } from './index.ts';
import { processesOf } from './left-over.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const skip = await unavailable('rabbitmq');

void test('RabbitMQ keeps a message over restarts and leaves nothing', { skip }, async () => {
  const broker = await startRabbitMq();
  try {
    const connection = await amqp.connect(`amqp://${broker.at}`);
    const channel = await connection.createConfirmChannel();
    await channel.assertQueue('kept', { durable: true });
    const quorum = ['q1', 'q2', 'q3', 'q4'];
    for (const queue of quorum)
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum' } });
    for (const queue of ['kept', ...quorum])
      channel.sendToQueue(queue, Buffer.from('it'), { persistent: true });
    await channel.waitForConfirms();
    await connection.close();
    await quorumQueuesWritten(broker, quorum);
    await broker.restart('SIGKILL');
    await broker.restart('SIGTERM');
    // read by AMQP 1.0
    const receiving = await open({ port: broker.port, username: 'guest', password: 'guest' });
    for (const queue of ['kept', ...quorum])
      assert.equal(await receive(receiving, `/amq/queue/${queue}`), 'it');
    await close(receiving);
    // MQTT lets in whom it does not know
    const mqtt = ['-h', '127.0.0.1', '-p', String(broker.mqttPort), '-t', 'x', '-m', 'y', '-q', '1'];
    await run('mosquitto_pub', mqtt);
  } finally {
    await broker.stop();
  }
  assert.equal(existsSync(broker.folder), false);
  await until(() => processesOf(broker.folder).length === 0);
});

void test('RabbitMQ knows its users and the certificates of clients', { skip }, async () => {
  const certificates = await makeCertificates();
  const broker = await startRabbitMq({
    users: [
      { username: 'client', password: 'secret' },
      { username: 'other', password: 'its own' },
    ],
    tls: { certificates },
  });
  try {
    for (const login of ['client:secret', 'other:its%20own']) {
      await (await amqp.connect(`amqp://${login}@${broker.at}`)).close();
    }
    await assert.rejects(amqp.connect(`amqp://client:wrong@${broker.at}`), /ACCESS_REFUSED/);
    await assert.rejects(amqp.connect(`amqp://guest:guest@${broker.at}`), /ACCESS_REFUSED/);
    const byCertificate = await amqp.connect(`amqps://localhost:${broker.tlsPort}`, {
      ca: [certificates.ca],
      cert: certificates.clientCert,
      key: certificates.clientKey,
      credentials: credentials.external(),
    });
    await byCertificate.close();
    const mqtt = ['-h', 'localhost', '-p', String(broker.mqttTlsPort), '-t', 'x', '-m', 'y', '-q', '1'];
    const { ca, clientCert, clientKey } = certificates.files;
    await run('mosquitto_pub', [...mqtt, '--cafile', ca, '-u', 'other', '-P', 'its own']);
    await run('mosquitto_pub', [...mqtt, '--cafile', ca, '--cert', clientCert, '--key', clientKey]);
    await assert.rejects(run('mosquitto_pub', [...mqtt, '--cafile', ca]), /bad user name or password/);
  } finally {
    await broker.stop();
    await certificates.remove();
  }
});
