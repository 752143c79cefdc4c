import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { until } from '../../helpers.ts';
import { heldBuffers } from '../../memory.ts';
import { closeAll, openListener, packet, str, type Bench, type Raw } from './support.ts';

const connect = (flags: number, ...rest: Buffer[]): Buffer =>
  packet(0x10, str('MQTT'), [4, flags, 0, 0], str('h'), ...rest);
const connect5 = (flags: number, properties: number[], ...rest: Buffer[]): Buffer =>
  packet(0x10, str('MQTT'), [5, flags, 0, 0, properties.length, ...properties], str('h'), ...rest);

/** Sent as the first bytes of a connection. */
const first: Record<string, Buffer> = {
  'a CONNECT that declares 256 MB': Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4]),
  'a length of five bytes': Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x7f]),
  'a packet before CONNECT': Buffer.from([0xc0, 0]),
  'bytes of another protocol': Buffer.from('GET / HTTP/1.1\r\n\r\n'),
  'a will to a wildcard': connect(0x06, str('a/#'), str('x')),
  'a will with QoS 3': connect(0x1e, str('a'), str('x')),
  'a will to a topic that is not UTF-8': connect(0x06, str(Buffer.from([0xc3, 0x28])), str('x')),
  'a will deeper than 100 levels': connect(0x06, str('a/'.repeat(100)), str('x')),
  'a repeated property of CONNECT': connect5(0x02, [0x21, 0, 1, 0x21, 0, 1]),
};

/** Sent by a connected client. */
const later: Record<string, { version: 4 | 5; bytes: Buffer }> = {
  'a PUBLISH with a wildcard': { version: 5, bytes: packet(0x30, str('a/+'), [0], Buffer.from('x')) },
  'a PUBLISH with QoS 3': { version: 5, bytes: packet(0x36, str('a'), [0, 1, 0]) },
  'a topic that is not UTF-8': { version: 4, bytes: packet(0x30, str(Buffer.from([0xff, 0xfe]))) },
  'a topic with a surrogate': { version: 5, bytes: packet(0x30, str(Buffer.from([0xed, 0xa0, 0x80])), [0]) },
  'a topic with NUL': { version: 4, bytes: packet(0x30, str('a\u0000b')) },
  'a topic with a line feed': { version: 4, bytes: packet(0x30, str('a\nb')) },
  'a topic of more than 100 levels': { version: 5, bytes: packet(0x30, str('a/'.repeat(100)), [0]) },
  'a filter of more than 100 levels': { version: 4, bytes: packet(0x82, [0, 1], str('a/'.repeat(100)), [0]) },
  'a repeated content type': { version: 5, bytes: packet(0x30, str('a'), [8, 3, 0, 1, 0x61, 3, 0, 1, 0x61]) },
  'an unknown topic alias': { version: 5, bytes: packet(0x30, str(''), [3, 0x23, 0, 1]) },
  'too many filters': {
    version: 5,
    bytes: packet(
      0x82,
      [0, 1, 0],
      ...Array.from({ length: 1001 }, (_, i) => Buffer.concat([str(`f${i}`), Buffer.from([0])])),
    ),
  },
  'a second CONNECT': { version: 4, bytes: connect(0x02) },
  'a packet over the limit': { version: 5, bytes: Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f]) },
  'a packet that only servers send': { version: 5, bytes: Buffer.from([0x20, 2, 0, 0]) },
};

async function survives(bench: Bench, other: Raw): Promise<void> {
  await other.ping();
  const fresh = await bench.connected(4);
  await fresh.ping();
}

describe('the MQTT listener survives', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  for (const [name, bytes] of Object.entries(first))
    it(name, async () => {
      const bench = await openListener();
      const other = await bench.connected(4);
      const client = await bench.raw();
      client.socket.write(bytes);
      await until(() => client.closed, 'closed', 1500);
      assert.equal(bench.log.lines.length, 1, 'one log line');
      await survives(bench, other);
    });

  for (const [name, { version, bytes }] of Object.entries(later))
    it(name, async () => {
      const bench = await openListener();
      const other = await bench.connected(4);
      const client = await bench.connected(version);
      client.socket.write(bytes);
      await until(() => client.closed, 'closed', 1500);
      if (version === 5) assert.ok((await client.next('disconnect')).reasonCode! >= 0x80);
      assert.equal(client.unread, 0);
      assert.equal(bench.log.lines.length, 1, 'one log line');
      assert.equal(bench.routes.taken.length, 0);
      await survives(bench, other);
    });

  it('client ids and topics named like what every object has', async () => {
    const bench = await openListener();
    for (const name of ['__proto__', 'constructor', 'hasOwnProperty']) {
      for (let i = 0; i < 2; i++) {
        const client = await bench.connected(4, { clientId: name });
        client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: name, qos: 1 }] });
        await client.next('suback');
        client.publish(name, 'x', 0);
        await client.next('publish');
        client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: [name] });
        await client.next('unsuback');
      }
    }
    const several = await bench.connected(4);
    several.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: 'constructor', qos: 0 },
        { topic: 'toString', qos: 0 },
      ],
    });
    await several.next('suback');
    const inOne = await bench.connected(4);
    inOne.socket.write(packet(0x82, [0, 1], str('__proto__'), [0], str('a'), [0]));
    assert.deepEqual((await inOne.next('suback')).granted, [0, 0]);
    inOne.publish('__proto__', 'x', 0);
    await inOne.next('publish');
    await survives(bench, several);
  });

  it('a message that comes byte by byte', async () => {
    const bench = await openListener();
    const client = await bench.connected(4);
    client.socket.setNoDelay(true);
    const payload = 'dribble'.repeat(20);
    for (const byte of packet(0x32, str('routed/slow'), [0, 9], Buffer.from(payload))) {
      client.socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => bench.routes.taken.length === 1);
    assert.equal(Buffer.from(bench.routes.taken[0]!.body!).toString(), payload);
  });

  it('a client that says nothing', async () => {
    const bench = await openListener({ connect_timeout: '100ms' });
    const silent = await bench.raw();
    const half = await bench.raw();
    half.socket.write(Buffer.from([0x10, 20, 0, 4]));
    await until(() => silent.closed && half.closed);
  });

  it('a client that is silent for longer than its keep-alive', async () => {
    const bench = await openListener();
    const client = await bench.connected(5, { keepalive: 1 });
    assert.equal((await client.next('disconnect')).reasonCode, 0x8d);
    await until(() => client.closed);
  });

  it('one connection too many', async () => {
    const bench = await openListener({ max_connections: 1 });
    const client = await bench.connected(4);
    const second = await bench.raw();
    await until(() => second.closed);
    await client.ping();
  });

  it('subscribers that stop reading, without delay to others', async () => {
    const bench = await openListener({ max_outbound: '1MiB', grace: '10s' });
    const stalled = await bench.connected(4);
    const good = await bench.connected(4);
    const sender = await bench.connected(4);
    for (const subscriber of [stalled, good]) {
      subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'flood', qos: 0 }] });
      await subscriber.next('suback');
    }
    stalled.socket.pause();
    const payload = Buffer.alloc(256 * 1024);
    const before = heldBuffers();
    // far more than the stalled one's socket and bound take together
    for (let id = 1; id <= 100; id++) {
      sender.publish('flood', payload, 1, id);
      assert.equal((await sender.next('puback')).messageId, id);
      await good.next('publish');
      good.forget();
    }
    // 25 MiB came for the stalled one: no more than its bound of them is kept for it, and a little on the way; buffers
    // of sockets go by finalizers, some time after the collection
    await until(() => heldBuffers() - before < 6 * 1024 * 1024, 'what it was sent is let go');
  });
});
