import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { type ConnectionOptions } from 'rhea';
import { close, open, receive, send } from './amqp-client.ts';
import { makeCertificates, startArtemis, unavailable } from './index.ts';
import { processesOf } from './left-over.ts';
import { until } from '../until.ts';

const run = promisify(execFile);
const skip = await unavailable('artemis');

void test('Artemis keeps a message over restarts and leaves nothing', { skip }, async () => {
  const broker = await startArtemis({
    xml: `<diverts><divert name="copy"><address>orders</address><forwarding-address>copies</forwarding-address>
      <exclusive>false</exclusive></divert></diverts>
      <addresses>${['orders', 'copies'].map((name) => `<address name="${name}"><anycast><queue name="${name}"/></anycast></address>`).join('')}</addresses>`,
  });
  try {
    const sending = await open({ port: broker.port, username: 'anonymous' });
    await send(sending, 'queue://kept', 'it');
    await send(sending, 'orders', 'an order');
    await close(sending);
    await broker.restart('SIGTERM');
    await broker.restart('SIGKILL');
    const receiving = await open({ port: broker.port, username: 'anonymous' });
    for (const [address, body] of [
      ['kept', 'it'],
      ['orders', 'an order'],
      ['copies', 'an order'],
    ] as const) {
      assert.equal(await receive(receiving, address), body);
    }
    await close(receiving);
    await run('mosquitto_pub', ['-p', String(broker.mqttPort), '-t', 'x', '-m', 'y', '-q', '1']);
  } finally {
    await broker.stop();
  }
  assert.equal(existsSync(broker.folder), false);
  await until(() => processesOf(broker.folder).length === 0);
});

void test('Artemis knows its users and the certificates of clients', { skip }, async () => {
  const certificates = await makeCertificates();
  const users = [
    { username: 'client', password: 'secret' },
    { username: 'other', password: 'its own' },
  ];
  const broker = await startArtemis({ users, tls: { certificates } });
  try {
    for (const user of users) await close(await open({ port: broker.port, ...user }));
    await assert.rejects(open({ port: broker.port, username: 'client', password: 'wrong' }), /authenticat/);
    const tls = { transport: 'tls', host: 'localhost', port: broker.tlsPort, ca: certificates.ca } as const;
    await close(await open({ ...tls, ...users[1] }));
    const byCertificate = { cert: certificates.clientCert, key: certificates.clientKey };
    await close(await open({ ...tls, ...byCertificate, enable_sasl_external: true } as ConnectionOptions));
    const mqtt = ['-h', 'localhost', '-p', String(broker.tlsPort), '-t', 'x', '-m', 'y', '-q', '1'];
    const { ca } = certificates.files;
    await run('mosquitto_pub', [...mqtt, '--cafile', ca, '-u', 'other', '-P', 'its own']);
    await assert.rejects(run('mosquitto_pub', [...mqtt, '--cafile', ca]), /not authori[sz]ed|bad user name/i);
  } finally {
    await broker.stop();
    await certificates.remove();
  }
});
