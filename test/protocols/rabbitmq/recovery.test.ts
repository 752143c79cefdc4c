import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { JunctionError } from '../../../src/core/errors.ts';
import type { RabbitClient } from '../../../src/protocols/rabbitmq/client.ts';
import { freePort, startRabbitMq, unavailable, type Broker } from '../../brokers/index.ts';
import { keptLog, message, textOf, until } from '../../helpers.ts';
import { intakeOf, makeClient, ready, withAmqplib } from './support.ts';

const skip = await unavailable('rabbitmq');
const open: RabbitClient[] = [];
const client = async (settings: object, log = keptLog()): Promise<RabbitClient> => {
  const made = makeClient(settings, log);
  open.push(made);
  await made.open();
  return made;
};
afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

describe('the RabbitMQ client when its broker goes and comes back', { skip, timeout: 240_000 }, () => {
  const total = 3000;
  const inFlight = 200;
  let broker: Broker;
  before(async () => void (broker = await startRabbitMq({ plugins: [] })));
  after(async () => void (await broker?.stop()));

  for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
    it(`loses nothing acknowledged, sending and reading, over ${signal}`, async () => {
      const queue = `load-${signal}`;
      const it = await client({
        url: `amqp://${broker.at}`,
        in_flight: inFlight,
        window: inFlight,
        timeout: '60s',
        declare: { queues: [{ name: queue, type: 'classic' }] },
      });
      const intake = intakeOf([queue]);
      await it.source.start(intake);
      await ready(it);
      let confirmed = 0;
      const send = async (n: number): Promise<void> => {
        await it.sink.send(message('x', n), queue);
        confirmed++;
      };
      const sends: Promise<void>[] = [];
      for (let n = 0; n < total / 2; n++) sends.push(send(n));
      await until(() => confirmed > 100, 'it is under load');
      await broker.kill(signal);
      await until(() => it.status().state === 'failing', 'it notices');
      for (let n = total / 2; n < total; n++) sends.push(send(n));
      await broker.start();
      await Promise.all(sends);
      const seen = () => new Set(intake.taken.map(({ body }) => textOf(body)));
      await until(() => seen().size === total, 'all have come', 60_000);
      // what was under way to the broker, and what was unsettled from it
      assert.ok(intake.taken.length - total <= 2 * inFlight, `${intake.taken.length - total} came twice`);
      await ready(it);
    });
  }

  it('is in one clear state with wrong credentials, and recovers when they are mended', async () => {
    const log = keptLog();
    const it = await client({ url: `amqp://${broker.at}`, username: 'late', password: 'hunter2' }, log);
    await it.source.start(intakeOf(['load-SIGTERM']));
    await until(() => it.status().state === 'failing', 'it fails');
    assert.match(it.status().reason!, /ACCESS_REFUSED/);
    // The broker learns of the user by its definitions.
    const path = join(broker.folder, 'definitions.json');
    const definitions = JSON.parse(await readFile(path, 'utf8')) as {
      users: { name: string; password: string; tags: string }[];
      permissions: { user: string }[];
    };
    definitions.users.push({ name: 'late', password: 'hunter2', tags: '' });
    definitions.permissions.push({ ...definitions.permissions[0]!, user: 'late' });
    await writeFile(path, JSON.stringify(definitions));
    await broker.restart();
    await ready(it);
    const warnings = log.lines.filter(({ level }) => level === 'warn');
    assert.equal(warnings.length, 2, 'one for each of its two connections');
    assert.doesNotMatch(JSON.stringify([log.lines, it.status()]), /hunter2/);
  });

  it('says that a virtual host is missing', async () => {
    const it = await client({ url: `amqp://${broker.at}/no%2Fsuch` });
    await until(() => it.status().state === 'failing', 'it fails');
    assert.match(it.status().reason!, /vhost no\/such not found/);
  });

  it('says what it may not do, and goes on', async () => {
    const path = join(broker.folder, 'definitions.json');
    const definitions = JSON.parse(await readFile(path, 'utf8')) as {
      users: object[];
      permissions: object[];
      topic_permissions?: object[];
    };
    definitions.users.push({ name: 'reader', password: 'reader', tags: '' });
    definitions.permissions.push({
      user: 'reader',
      vhost: '/',
      configure: '',
      write: '^amq.topic$',
      read: '',
    });
    definitions.topic_permissions = [
      { user: 'reader', vhost: '/', exchange: 'amq.topic', write: '^k', read: '' },
    ];
    await writeFile(path, JSON.stringify(definitions));
    await broker.restart();
    const it = await client({ url: `amqp://${broker.at}`, username: 'reader', password: 'reader' });
    await it.source.start(intakeOf(['load-SIGTERM']));
    await until(() => it.status().state === 'failing', 'it may not read');
    assert.match(it.status().reason!, /queue "load-SIGTERM" cannot be read: ACCESS_REFUSED/);
    const refused = (code: string) => (error: unknown) =>
      error instanceof JunctionError && error.code === code;
    await assert.rejects(it.sink.send(message('x'), 'load-SIGTERM'), refused('not-authorized'));
    await assert.rejects(it.sink.send(message('x'), '/exchanges/amq.topic/k'), refused('no-route'));
    // One message that closes the channel among many to the same exchange is found by halves.
    const queue = 'load-SIGKILL';
    await withAmqplib(broker.at, async (peer) => {
      const channel = await peer.createChannel();
      await channel.purgeQueue(queue);
      await channel.bindQueue(queue, 'amq.topic', 'k.#');
    });
    const count = 400;
    const send = (n: number) => it.sink.send(message('x', n), '/exchanges/amq.topic/k.a');
    const sends = Array.from({ length: count }, (_, n) => send(n));
    const forbidden = it.sink.send(message('x'), '/exchanges/amq.topic/other');
    for (let n = count; n < 2 * count; n++) sends.push(send(n));
    await assert.rejects(forbidden, refused('not-authorized'));
    await Promise.all(sends);
    const reading = await client({ url: `amqp://${broker.at}` });
    const intake = intakeOf([queue]);
    await reading.source.start(intake);
    const seen = () => [...new Set(intake.taken.map(({ body }) => Number(textOf(body))))];
    await until(() => seen().length === 2 * count, 'all have come');
    assert.deepEqual(
      seen(),
      Array.from({ length: 2 * count }, (_, n) => n),
    );
    const twice = intake.taken.length - 2 * count;
    assert.ok(twice <= 2 * 2 * count, `${twice} came again`);
  });
});

describe('the RabbitMQ client at a broker that blocks', { skip, timeout: 120_000 }, () => {
  let broker: Broker;
  before(async () => {
    broker = await startRabbitMq({ plugins: [], config: ['vm_memory_high_watermark.absolute = 1MB'] });
  });
  after(async () => void (await broker?.stop()));

  it('holds what is to be sent, says why, and sends it later', async () => {
    const queues = [{ name: 'alarm', type: 'classic' }];
    const it = await client({ url: `amqp://${broker.at}`, timeout: '60s', declare: { queues } });
    const sent = it.sink.send(message('x', 'waits'), 'alarm');
    await until(() => it.status().reason?.includes('takes no messages for now') === true, 'it says so');
    assert.match(it.status().reason!, /low on memory/);
    const path = join(broker.folder, 'rabbitmq.conf');
    await writeFile(
      path,
      (await readFile(path, 'utf8')).replace('watermark.absolute = 1MB', 'watermark.absolute = 8GB'),
    );
    await broker.restart('SIGKILL');
    await sent;
    await ready(it);
    await withAmqplib(broker.at, async (peer) => {
      const got = await (await peer.createChannel()).get('alarm', { noAck: true });
      assert.equal(got && String(got.content), 'waits');
    });
  });
});

describe('the RabbitMQ client at what is no RabbitMQ', { timeout: 60_000 }, () => {
  const answers: Record<string, (socket: Socket) => void> = {
    'closes at once': (socket) => socket.destroy(),
    'says nothing': () => undefined,
    'sends garbage': (socket) => socket.write(Buffer.alloc(5000, 0x7f)),
    'speaks HTTP': (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
    'wants another version': (socket) => socket.write('AMQP\x00\x01\x00\x00'),
    'announces a frame without end': (socket) => socket.write(Buffer.from([1, 0, 0, 0xff, 0xff, 0xff, 0xff])),
    'cuts a method short': (socket) =>
      socket.write(Buffer.from([1, 0, 0, 0, 0, 0, 5, 0, 10, 0, 10, 0, 0xce])),
    'sends content on no channel': (socket) => socket.write(Buffer.from([3, 0, 9, 0, 0, 0, 1, 0, 0xce])),
    'never stops': (socket) => {
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 8)));
      };
      socket.on('drain', more);
      more();
    },
  };
  for (const [what, answer] of Object.entries(answers))
    it(`fails in words and tries again, where it ${what}`, async () => {
      let connections = 0;
      const server = createServer((socket) => {
        connections++;
        socket.on('error', () => undefined);
        socket.resume();
        answer(socket);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const it = await client({ url: `amqp://127.0.0.1:${port}`, connect_timeout: '300ms', timeout: '1s' });
      await until(() => connections >= 3, 'it tries again');
      assert.equal(it.status().state, 'failing');
      await assert.rejects(
        it.sink.send(message('x'), 'q'),
        (error: unknown) => (error as JunctionError).retryable,
      );
      await it.close();
      await new Promise((resolve) => server.close(resolve)); // resolves only when no connection is left
    });

  it('closes where nobody is there', async () => {
    const it = await client({ url: `amqp://127.0.0.1:${await freePort()}` });
    await until(() => it.status().state === 'failing', 'nobody is there');
    await it.close();
    assert.equal(it.status().state, 'closed');
  });
});
