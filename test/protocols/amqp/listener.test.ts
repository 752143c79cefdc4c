import assert from 'node:assert/strict';
import { connect as connectSocket, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import rhea, { type Delivery } from 'rhea';
import { envelope } from '../../../src/core/envelope.ts';
import type { JunctionError } from '../../../src/core/errors.ts';
import { amqpListenerConfig } from '../../../src/protocols/amqp/config.ts';
import { AmqpListener } from '../../../src/protocols/amqp/listener.ts';
import { keptLog, message, until } from '../../helpers.ts';
import {
  collect,
  connect,
  errorOf,
  happens,
  Held,
  openReceiver,
  openSender,
  Publisher,
  RawPeer,
  startListener,
} from './support.ts';

interface MessageContext {
  message: { delivery_count?: number };
  delivery: Delivery;
}

describe('the AMQP listener', { timeout: 60_000 }, () => {
  it('takes users with their password only, where there are users', async () => {
    const { port, log } = await startListener({ users: { ada: 'secret', bob: 'other' } });
    const connection = await connect(port, { username: 'ada', password: 'secret' });
    assert.equal(connection.is_open(), true);
    for (const login of [
      { username: 'ada', password: 'other' },
      { username: 'eve', password: '' },
      { username: '__proto__', password: 'x' },
      { username: undefined },
    ])
      await assert.rejects(connect(port, login));
    assert.ok(log.lines.every((line) => !JSON.stringify(line).includes('secret')));
    assert.equal(log.lines.length > 0, true);
  });

  it('takes everyone where there are none: with a name, without one, without SASL', async () => {
    const { port } = await startListener();
    await connect(port);
    await connect(port, { username: 'anyone', password: 'x' });
    await connect(port, { username: undefined });
  });

  it('lets one container in at a time where it wants to be the only one', async () => {
    const { port } = await startListener();
    const alone = { container_id: 'jms-1', desired_capabilities: ['sole-connection-for-container'] } as never;
    const first = await connect(port, alone);
    const second = rhea.create_container().connect({
      ...(alone as object),
      host: '127.0.0.1',
      port,
      username: 'guest',
      reconnect: false,
    });
    second.on('connection_error', () => undefined);
    await happens(second, 'connection_close');
    assert.equal(errorOf(second)?.condition, 'amqp:invalid-field');
    first.close();
    await happens(first, 'connection_close');
    await until(async () => {
      try {
        return (await connect(port, alone)).is_open();
      } catch {
        return false;
      }
    });
  });

  it('refuses connections above their number, and takes one again when another has gone', async () => {
    const { port, log } = await startListener({ max_connections: 1 });
    const first = await connect(port);
    await assert.rejects(connect(port));
    assert.equal(log.lines.length, 1);
    first.close();
    await until(async () => {
      try {
        return (await connect(port)).is_open();
      } catch {
        return false;
      }
    });
  });

  it('closes a connection that says nothing, and one that never opens', async () => {
    const { port } = await startListener({ connect_timeout: '100ms' });
    const [silent, slow] = [await RawPeer.connect(port), await RawPeer.connect(port)];
    slow.write('414d515000010000');
    await until(() => silent.closed && slow.closed);
  });

  it('closes a peer that goes silent, after its idle time-out, and keeps one that sends heartbeats', async () => {
    const { port } = await startListener({ idle_timeout: '1s' });
    const alive = await connect(port);
    const frozen = await connect(port);
    const socket = (frozen as unknown as { socket: Socket }).socket;
    // A peer that hangs: it neither reads nor writes any more.
    socket.write = () => true;
    frozen.on('connection_error', () => undefined);
    await happens(frozen, 'connection_close');
    assert.match(errorOf(frozen)!.description, /idle/);
    assert.equal(alive.is_open(), true);
  });

  for (const [setting, values] of [
    ['idle_timeout', ['0.5ms', '999ms', '50d', '100d']],
    ['max_frame', ['511B', '8GiB']],
  ] as const)
    it(`refuses a value of ${setting} that AMQP cannot hold, and names the range`, () => {
      for (const value of values) {
        const { error } = amqpListenerConfig.safeParse({ listen: ':0', [setting]: value });
        const range = setting === 'max_frame' ? /from 512B .* to 1GiB/ : /from 1s to 49d/;
        assert.match(error?.issues[0]?.message ?? 'accepted', range, value);
      }
    });

  for (const over of [
    { idle_timeout: '0s' },
    { idle_timeout: '1s' },
    { idle_timeout: '4.1m' },
    { idle_timeout: '49d' },
    { max_frame: '512B' },
    { max_frame: '1GiB' },
  ])
    it(`takes connections with ${JSON.stringify(over)}`, async () => {
      const { port } = await startListener(over);
      assert.equal((await connect(port)).is_open(), true);
    });

  it('survives a connection that cannot be set up: closes it and says why', async () => {
    const log = keptLog();
    const config = { ...amqpListenerConfig.parse({ listen: '127.0.0.1:0' }), idle_timeout: 0.5 };
    const listener = new AmqpListener(config, { name: 'amqp-test', log });
    await listener.open();
    after(() => listener.close());
    const peer = await RawPeer.connect(Number(listener.status().at.split(':').at(-1)));
    await until(() => peer.closed);
    assert.match(JSON.stringify(log.lines), /could not be taken: idleTimeout/);
    assert.equal(listener.status().state, 'ready');
  });

  it('closes with a reason when the gateway stops, ends every socket, and may be closed twice', async () => {
    const { port, listener, intake } = await startListener();
    const held = new Held();
    intake.read.add('orders');
    intake.answer = held.answer;
    const connection = await connect(port);
    connection.on('connection_error', () => undefined);
    void new Publisher(await openSender(connection, 'orders')).send('x');
    const raw = await RawPeer.connect(port);
    const closed = happens(connection, 'connection_close');
    await Promise.all([listener.close(), listener.close()]);
    await closed;
    assert.equal(errorOf(connection)?.condition, 'amqp:connection:forced');
    await until(() => raw.closed);
    assert.equal(listener.status().state, 'closed');
    const refused = connectSocket(port, '127.0.0.1');
    await new Promise((resolve) => refused.once('error', resolve));
  });

  it('gives a peer that lost its connection what it had not settled, when it comes back', async () => {
    const { port, listener } = await startListener();
    const connection = await connect(port, { reconnect: true, initial_reconnect_delay: 5 });
    const receiver = await openReceiver(connection, { source: 'orders', autoaccept: false });
    const counts: number[] = [];
    receiver.on('message', ({ message: { delivery_count }, delivery }: MessageContext) => {
      counts.push(delivery_count ?? 0);
      if (counts.length > 1) delivery.accept();
    });
    const sent = listener.sink.send(message('a'), 'orders');
    await until(() => counts.length === 1);
    (connection as unknown as { socket: Socket }).socket.destroy(new Error('the cable was cut'));
    await sent;
    assert.deepEqual(counts, [0, 1]);
    connection.close();
  });

  it('tells where it listens, and why it cannot', async () => {
    const { port, listener } = await startListener();
    assert.deepEqual(listener.status(), { state: 'ready', at: `127.0.0.1:${port}` });
    await assert.rejects(
      startListener({ listen: `127.0.0.1:${port}` }),
      (error: JunctionError) => error.code === 'unavailable' && error.message.includes(String(port)),
    );
  });

  it('says, once, that of repeated headers it sends the first', async () => {
    const { port, listener, log } = await startListener();
    const texts = collect(await openReceiver(await connect(port), 'orders'));
    const headers = [
      ['n', '1'],
      ['n', '2'],
    ] as const;
    for (let i = 0; i < 3; i++)
      await listener.sink.send(envelope({ address: 'a', body: Buffer.from('x'), headers }), 'orders');
    assert.equal(texts.length, 3);
    assert.equal(log.lines.filter((line) => /only the first/.test(line.message)).length, 1);
  });

  it('keeps clients apart where `local` is off', async () => {
    const { port, listener } = await startListener({ local: false, topics: ['events'], unrouted: 'reject' });
    const connection = await connect(port);
    const texts = collect(await openReceiver(connection, 'events'));
    const publisher = new Publisher(await openSender(connection, 'events'));
    assert.equal((await publisher.send('from a client')).condition, 'amqp:not-found');
    await listener.sink.send(message('a', 'from a route'), 'events');
    assert.deepEqual(texts, ['from a route']);
  });

  it('refuses to send to a temporary address that is gone, and what AMQP cannot hold', async () => {
    const { port, listener } = await startListener();
    await assert.rejects(
      listener.sink.send(message('a'), 'temp.00000000-0000-4000-8000-000000000000'),
      (error: JunctionError) => error.code === 'no-route' && !error.retryable,
    );
    collect(await openReceiver(await connect(port), 'orders'));
    const wrong = envelope({ address: 'a', body: Buffer.of(0xff), bodyType: 'string' });
    await assert.rejects(
      listener.sink.send(wrong, 'orders'),
      (error: JunctionError) => error.code === 'invalid-message',
    );
    await listener.sink.send(message('a', 'fine'), 'orders');
  });
});

describe('bad input', { timeout: 60_000 }, () => {
  const header = '414d515000010000';
  const open = '0000001502000000005310c00802a10378797aa10161';
  const bad: Record<string, string> = {
    'another protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n').toString('hex'),
    'a frame below 8 bytes': header + '0000000402000000',
    'a frame above the limit': header + 'ffffffff02000000',
    'a count of 4,000,000,000 nulls':
      header + '0000002002000000005310f0000000100000ee6b280040'.padEnd(64 + 0, '0'),
    'deeply nested lists': header + '000000f002000000005310' + 'c0e001'.repeat(80).slice(0, 458),
    'a count bomb inside SASL': '414d515003010000' + '0000001b02010000005341f00000000bee6b280040404040404040',
    'begin before open': header + '0000000e02000000005311c0010000',
    'a list that is longer than its frame': header + '0000000f02000000005310c0ff01a1',
    'a transfer without session': header + open.replace(/^.{8}/, '00000016') + '0000000d02000000005314c00100',
  };
  for (const [name, hex] of Object.entries(bad))
    it(`closes its own connection only: ${name}`, async () => {
      const { port, intake, log } = await startListener();
      intake.read.add('orders');
      const publisher = new Publisher(await openSender(await connect(port), 'orders'));
      const peer = await RawPeer.connect(port);
      const since = Date.now();
      peer.write(hex);
      await until(() => peer.closed, 'the connection to be closed', 3000);
      assert.ok(Date.now() - since < 2000);
      assert.equal((await publisher.send('x')).state, 'accepted');
      assert.ok(log.lines.length <= 1, JSON.stringify(log.lines));
    });
});
