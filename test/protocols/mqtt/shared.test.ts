import assert from 'node:assert/strict';
import { execFile, spawn, spawnSync } from 'node:child_process';
import { afterEach, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { until } from '../../helpers.ts';
import { closeAll, inbox, openListener, type Bench, type Raw } from './support.ts';

const numbers = Array.from({ length: 100 }, (_, n) => String(n));
const noMosquitto = spawnSync('mosquitto_sub', ['--help']).error
  ? 'mosquitto-clients is not installed'
  : false;

/** A raw client that has subscribed and acknowledges nothing by itself. */
async function member(bench: Bench, qos: 0 | 1 | 2, over: object = {}): Promise<Raw> {
  const client = await bench.connected(5, over);
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$share/g/t', qos }] });
  assert.deepEqual((await client.next('suback')).granted, [qos]);
  return client;
}

const lasting = (clientId: string) => ({
  clientId,
  clean: false,
  properties: { sessionExpiryInterval: 100 },
});

describe('a shared subscription', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  for (const version of [3, 4, 5] as const)
    it(`gives each message to one of its members, level ${version}`, async () => {
      const bench = await openListener();
      const [a, b, other, plain] = await Promise.all([1, 2, 3, 4].map(() => bench.client(version)));
      await a!.subscribeAsync('$share/g/t/+', { qos: 1 });
      await b!.subscribeAsync('$share/g/t/+', { qos: 2 });
      await other!.subscribeAsync('$share/other/t/#', { qos: 0 });
      await plain!.subscribeAsync('t/1', { qos: 1 });
      const publisher = await bench.client(version);
      for (const [n, body] of numbers.entries())
        await publisher.publishAsync('t/1', body, { qos: (n % 3) as 0 | 1 | 2 });
      const both = (): string[] => [...inbox(a!), ...inbox(b!)].map((m) => m.body);
      await until(() => both().length >= 100 && inbox(other!).length >= 100 && inbox(plain!).length >= 100);
      assert.deepEqual(both().sort(), [...numbers].sort());
      assert.equal(inbox(a!).length, 50);
      assert.equal(inbox(other!).length, 100);
      await a!.unsubscribeAsync('$share/g/t/+');
      await publisher.publishAsync('t/1', 'last', { qos: 1 });
      await until(() => inbox(b!).length === 51);
      assert.equal(inbox(a!).length, 50);
    });

  it('is announced, and has its rules: no retained messages, no no-local, a name, what is private', async () => {
    const bench = await openListener({ private: ['secret/#'] });
    const client = await bench.raw();
    client.version = 5;
    client.send({ cmd: 'connect', protocolVersion: 5, clientId: 'c', clean: true, keepalive: 0 });
    const connack = await client.next('connack');
    assert.equal(connack.properties?.sharedSubscriptionAvailable, true);
    client.send({
      cmd: 'publish',
      topic: 't',
      payload: 'old',
      qos: 1,
      messageId: 9,
      retain: true,
      dup: false,
    });
    await client.next('puback');
    client.send({
      cmd: 'subscribe',
      messageId: 1,
      subscriptions: [
        { topic: '$share/g/t', qos: 1 },
        { topic: '$share/g/secret/a', qos: 1 },
      ],
    });
    assert.deepEqual((await client.next('suback')).granted, [1, 0x87]);
    client.send({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['$share/g/u', '$share/g/t'] });
    assert.deepEqual((await client.next('unsuback')).granted, [0x11, 0]);
    client.send({
      cmd: 'subscribe',
      messageId: 3,
      subscriptions: [{ topic: '$share/g/t', qos: 1, nl: true }],
    });
    assert.equal((await client.next('disconnect')).reasonCode, 0x82); // [MQTT-3.8.3-4]
    for (const filter of ['$share/g', '$share//t', '$share/a+/t', '$share/g/']) {
      const wrong = await bench.connected(5);
      wrong.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 1 }] });
      assert.equal((await wrong.next('disconnect')).reasonCode, 0x81, filter); // [MQTT-4.8.2-1], [MQTT-4.8.2-2]
    }
  });

  it('gives what a client has not acknowledged when its session ends to another, in order', async () => {
    const bench = await openListener();
    const leaving = await member(bench, 1);
    const publisher = await bench.connected(5);
    for (const n of [1, 2, 3]) publisher.publish('t', String(n), 1, n);
    for (const n of [1, 2, 3]) assert.equal(String((await leaving.next('publish')).payload), String(n));
    leaving.send({ cmd: 'puback', messageId: 1 });
    await publisher.next('puback');
    const heir = await member(bench, 1);
    leaving.close();
    for (const n of [2, 3]) {
      const got = await heir.next('publish');
      assert.equal(String(got.payload), String(n));
      await publisher.ping();
      heir.send({ cmd: 'puback', messageId: got.messageId! });
    }
    const left = publisher.packets.filter((p) => p.cmd === 'puback').length;
    assert.ok(left <= 3);
    await until(() => publisher.packets.filter((p) => p.cmd === 'puback').length === 3);
  });

  it('passes over a client that is away, but keeps a QoS 2 message it was sent for it', async () => {
    const bench = await openListener();
    const away = await member(bench, 2, lasting('away'));
    const publisher = await bench.connected(5);
    publisher.publish('t', 'once', 2, 1);
    publisher.publish('t', 'again', 1, 2);
    await away.next('publish');
    await away.next('publish');
    const heir = await member(bench, 2);
    away.close();
    assert.equal(String((await heir.next('publish')).payload), 'again');
    publisher.publish('t', 'new', 1, 3);
    assert.equal(String((await heir.next('publish')).payload), 'new');
    await heir.ping();
    const back = await bench.connected(5, lasting('away'));
    const kept = await back.next('publish');
    assert.equal(String(kept.payload), 'once'); // [MQTT-4.8.2-4]
    assert.equal(kept.dup, true);
    assert.equal(heir.packets.filter((p) => p.cmd === 'publish').length, 2);
  });

  it('keeps messages while all members are away; their publishers do not wait', async () => {
    const bench = await openListener({ backlog: 2 });
    (await member(bench, 1, lasting('only'))).close();
    const publisher = await bench.connected(5);
    await until(() => bench.endpoint.status().state === 'ready');
    publisher.publish('t', '1', 1, 1);
    assert.equal((await publisher.next('puback')).reasonCode ?? 0, 0);
    publisher.publish('t', '2', 1, 2);
    assert.equal((await publisher.next('puback')).reasonCode ?? 0, 0);
    publisher.publish('t', '3', 1, 3);
    assert.ok((await publisher.next('puback')).reasonCode! >= 0x80); // more than the backlog
    const back = await bench.connected(5, lasting('only'));
    for (const n of ['1', '2']) {
      const got = await back.next('publish');
      assert.equal(String(got.payload), n);
      back.send({ cmd: 'puback', messageId: got.messageId! });
    }
  });

  it('holds its publisher back while no member has room, and gives to whoever has room first', async () => {
    const bench = await openListener({ grace: '60s' });
    const narrow = { properties: { receiveMaximum: 1 } };
    const [a, b] = [await member(bench, 1, narrow), await member(bench, 1, narrow)];
    const publisher = await bench.connected(5);
    for (const n of [1, 2, 3, 4]) publisher.publish('t', String(n), 1, n);
    const [first] = [await a.next('publish'), await b.next('publish')];
    await publisher.ping();
    assert.equal(publisher.packets.filter((p) => p.cmd === 'puback').length, 0);
    a.send({ cmd: 'puback', messageId: first.messageId! });
    const third = await a.next('publish');
    assert.equal(String(third.payload), '3');
    a.send({ cmd: 'puback', messageId: third.messageId! });
    assert.equal(String((await a.next('publish')).payload), '4');
    await b.ping();
    assert.equal(b.packets.filter((p) => p.cmd === 'publish').length, 1);
  });

  it('delays its publishers by one grace, once, while no member has room', async () => {
    const bench = await openListener({ grace: '50ms' });
    const narrow = { properties: { receiveMaximum: 1 } };
    await member(bench, 1, narrow);
    const publisher = await bench.connected(5);
    for (const n of [1, 2, 3]) publisher.publish('t', String(n), 1, n);
    for (let n = 1; n <= 3; n++) assert.equal((await publisher.next('puback')).messageId, n);
    assert.ok(bench.log.lines.some(({ message }) => message.includes('shared subscription')));
  });

  it('mosquitto_sub', { skip: noMosquitto }, async () => {
    const bench = await openListener();
    const common = ['-h', '127.0.0.1', '-p', String(bench.port), '-V', 'mqttv5', '-q', '1'];
    const outs = ['', ''];
    const subs = outs.map((_, i) => {
      const sub = spawn('stdbuf', ['-oL', 'mosquitto_sub', ...common, '-t', '$share/g/t', '-C', '10', '-d']);
      sub.stdout.on('data', (data: Buffer) => (outs[i] += data.toString()));
      return new Promise((resolve) => sub.on('exit', resolve));
    });
    await until(() => outs.every((out) => out.includes('SUBACK')));
    for (let n = 0; n < 20; n++)
      await promisify(execFile)('mosquitto_pub', [...common, '-t', 't', '-m', `body ${n}`]);
    assert.deepEqual(await Promise.all(subs), [0, 0]);
    const bodies = outs.flatMap((out) => out.split('\n').filter((line) => line.startsWith('body')));
    assert.deepEqual(bodies.sort(), Array.from({ length: 20 }, (_, n) => `body ${n}`).sort());
  });
});
