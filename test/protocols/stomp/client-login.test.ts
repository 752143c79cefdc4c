import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { makeCertificates, startArtemis, startRabbitMq, unavailable } from '../../brokers/index.ts';
import { message, until } from '../../helpers.ts';
import { clientOf, Routes } from './client-support.ts';

const patience = 60_000;
const users = [{ username: 'alice', password: 'right-Secret' }];

for (const [name, start] of [
  ['rabbitmq', startRabbitMq],
  ['artemis', startArtemis],
] as const)
  describe(`logging in at ${name} by STOMP`, { skip: await unavailable(name), timeout: 200_000 }, () => {
    it('says wrong credentials once and plainly, without the secret, and takes others from there', async () => {
      const broker = await start({ users });
      const url = `stomp://127.0.0.1:${broker.stompPort}`;
      const { client, log } = clientOf({ url, username: 'alice', password: 'wrong-Secret' });
      try {
        await client.open();
        await client.source.start(new Routes('/queue/a'));
        await until(() => client.status().state === 'failing', 'it fails', patience);
        assert.match(client.status().reason!, /refused|denied|credential|validate|security|Bad CONNECT/i);
        const attempts = client.status();
        assert.ok(!JSON.stringify([attempts, log.lines]).includes('Secret'));
        assert.equal(log.lines.length, 1);
        const sent = client.sink.send(message('/queue/a'), '/queue/a');
        await assert.rejects(sent, { code: 'unavailable' });
        assert.equal(log.lines.length, 1, 'and goes on trying without a word');
      } finally {
        await client.close();
        await broker.stop();
      }
    });

    it('reaches it by TLS, and does not trust another authority', async () => {
      const [good, foreign] = [await makeCertificates(), await makeCertificates()];
      const broker = await start({ users, tls: { certificates: good } });
      const port = 'stompTlsPort' in broker ? broker.stompTlsPort : broker.tlsPort;
      const settings = { url: `stomp+ssl://localhost:${port}`, ...users[0], timeout: '2s' };
      const wrong = clientOf({ ...settings, tls: { ca: foreign.ca } });
      const right = clientOf({ ...settings, tls: { ca: good.ca } });
      try {
        await wrong.client.open();
        await until(() => wrong.client.status().state === 'failing', 'it does not trust', patience);
        assert.match(wrong.client.status().reason!, /certificate|signature/);
        await right.client.open();
        const routes = new Routes('/queue/tls');
        await right.client.source.start(routes);
        await until(() => right.client.status().state === 'ready', 'it is ready', patience);
        await right.client.sink.send(message('/queue/tls', 'by TLS'), '/queue/tls');
        await until(() => routes.taken.length === 1, 'it has come', patience);
      } finally {
        await wrong.client.close();
        await right.client.close();
        await broker.stop();
        await good.remove();
        await foreign.remove();
      }
    });
  });

describe('STOMP by WebSocket', { skip: await unavailable('rabbitmq'), timeout: 120_000 }, () => {
  it('reaches RabbitMQ’s Web STOMP', async () => {
    const { freePort } = await import('../../brokers/index.ts');
    const port = await freePort();
    const broker = await startRabbitMq({
      plugins: ['rabbitmq_web_stomp'],
      config: [`web_stomp.tcp.listener = 127.0.0.1:${port}`],
    });
    const login = { username: 'guest', password: 'guest' };
    const { client } = clientOf({ url: `ws://127.0.0.1:${port}/ws`, ...login });
    try {
      await client.open();
      const routes = new Routes('/queue/ws');
      await client.source.start(routes);
      await until(() => client.status().state === 'ready', 'it is ready', patience);
      const body = Buffer.from([0, 255, 10]);
      await client.sink.send(message('/queue/ws', 1, { body }), '/queue/ws');
      await until(() => routes.taken.length === 1, 'it has come', patience);
      assert.deepEqual(Buffer.from(routes.taken[0]!.body!), body);
    } finally {
      await client.close();
      await broker.stop();
    }
  });
});
