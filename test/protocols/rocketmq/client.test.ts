import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { accepted } from '../../../src/core/outcome.ts';
import type { Endpoint } from '../../../src/core/protocol.ts';
import rocketmq from '../../../src/protocols/rocketmq/index.ts';
import { makeCertificates, startRocketMq, unavailable } from '../../brokers/index.ts';
import { HeldIntake, rejected } from '../../contract/intake.ts';
import { keptLog, message, textOf, until } from '../../helpers.ts';

const skip = await unavailable('rocketmq');

function make(settings: object): { endpoint: Endpoint; log: ReturnType<typeof keptLog> } {
  const role = rocketmq.client!;
  const log = keptLog();
  return { endpoint: role.create(role.config.parse(settings), { name: 'under-test', log }), log };
}

const isReady = (endpoint: Endpoint) =>
  until(() => endpoint.status().state === 'ready', 'the endpoint is ready', 60_000);

/** Sends again what may succeed later, as the gateway's senders do. */
async function sendUntilTaken(endpoint: Endpoint, n: number, address: string): Promise<void> {
  for (;;) {
    try {
      return await endpoint.sink.send(message('x', n, { key: String(n % 50) }), address);
    } catch (error) {
      if (!(error as { retryable?: boolean }).retryable) throw error;
    }
  }
}

void describe('the RocketMQ client', { skip }, async () => {
  const broker = skip ? undefined : await startRocketMq();
  after(async () => await broker?.stop());

  await it('loses nothing when the broker is killed and stopped under load, as target and as source', async () => {
    await broker!.createTopic('load', { type: 'FIFO', queues: 4 });
    const { endpoint } = make({ brokers: [broker!.at], group: 'load', invisible: '10s' });
    const intake = new HeldIntake(rocketmq.address, 'load');
    intake.answer = () => accepted;
    const came = (): Set<string> => new Set(intake.taken.map(({ body }) => textOf(body)));
    try {
      await endpoint.open();
      await endpoint.source.start(intake);
      await isReady(endpoint);
      const total = 2000;
      const sending = Promise.all(
        Array.from({ length: total }, (_, n) => sendUntilTaken(endpoint, n, 'load')),
      );
      await until(() => came().size >= 100, 'some have come', 60_000);
      await broker!.restart('SIGKILL');
      await until(() => came().size >= 400, 'it goes on', 90_000);
      await broker!.restart('SIGTERM');
      await sending;
      await until(() => came().size === total, 'all have come', 120_000);
      assert.ok(intake.taken.length - total <= 512 + 1000, 'duplicates are within the windows');
      await endpoint.source.stop();
    } finally {
      await endpoint.close();
    }
  });

  await it('makes a refused message a dead letter of its group, and sets and filters tags', async () => {
    await broker!.createTopic('tags');
    const { endpoint } = make({ brokers: [broker!.at], group: 'refusing' });
    const intake = new HeldIntake(rocketmq.address, 'tags:EU', 'tags:US');
    intake.answer = ({ address }) => (address === 'tags:US' ? rejected : accepted);
    const dead = make({ brokers: [broker!.at], group: 'mourners' }).endpoint;
    const letters = new HeldIntake(rocketmq.address, '%DLQ%refusing');
    letters.answer = () => accepted;
    try {
      await endpoint.open();
      await endpoint.source.start(intake);
      await isReady(endpoint);
      for (const tag of ['tags:EU', 'tags', 'tags:DE', 'tags:US'])
        await endpoint.sink.send(message('x', tag), tag);
      await until(() => intake.taken.length === 2, 'both have come');
      assert.deepEqual(intake.taken.map((e) => e.address).sort(), ['tags:EU', 'tags:US']);
      await dead.open();
      await dead.source.start(letters);
      await until(() => letters.taken.length === 1, 'the dead letter has come', 60_000);
      assert.equal(textOf(letters.taken[0]!.body), 'tags:US');
      assert.equal(intake.taken.length, 2);
    } finally {
      await endpoint.close();
      await dead.close();
    }
  });

  await it('survives servers that send rubbish, say nothing or hang up', async () => {
    const ways: ((socket: Socket) => unknown)[] = [
      (socket) => socket.write(Buffer.alloc(4096, 0xa5)),
      () => undefined,
      (socket) => socket.destroy(),
    ];
    for (const way of ways) {
      let connections = 0;
      const sockets = new Set<Socket>();
      const server = createServer((socket) => {
        connections++;
        sockets.add(socket.on('error', () => undefined));
        way(socket);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const { endpoint, log } = make({ brokers: [`127.0.0.1:${port}`], connect_timeout: '300ms' });
      await endpoint.open();
      await until(() => endpoint.status().state === 'failing', 'it says so');
      await until(() => connections >= 2, 'it tries again');
      assert.ok(connections < 20, 'it does not spin');
      assert.equal(log.lines.length, 1);
      await endpoint.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

void it(
  'says that credentials are wrong, once and without them, and recovers when they are mended',
  { skip },
  async () => {
    const certificates = await makeCertificates();
    const user = { username: 'admin', password: 'right-secret' };
    const broker = await startRocketMq({ user, tls: certificates });
    const { endpoint, log } = make({
      brokers: [`localhost:${broker.port}`],
      tls: { ca: certificates.ca },
      username: 'junction',
      password: 'new-secret',
    });
    try {
      await broker.createTopic('mended');
      await broker.setUser('junction', 'old-secret');
      await endpoint.open();
      await until(() => endpoint.status().state === 'failing', 'it fails', 60_000);
      assert.match(endpoint.status().reason!, /credentials|authentication|signature/i);
      await broker.setUser('junction', 'new-secret');
      await isReady(endpoint);
      await endpoint.sink.send(message('x'), 'mended');
      assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 1);
      assert.doesNotMatch(JSON.stringify([log.lines, endpoint.status()]), /secret/);
    } finally {
      await endpoint.close();
      await broker.stop();
      await certificates.remove();
    }
  },
);
