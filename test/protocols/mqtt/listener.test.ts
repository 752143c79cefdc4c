import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { accepted } from '../../../src/core/outcome.ts';
import { until } from '../../helpers.ts';
import { clientOptions, closeAll, connectClient, inbox, openListener, type Version } from './support.ts';

const persistent = (version: Version, clientId: string) => ({
  clientId,
  clean: false,
  ...(version === 5 ? { properties: { sessionExpiryInterval: 1000 } } : {}),
});

describe('clients of the MQTT listener', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  for (const version of [3, 4, 5] as const)
    describe(`of level ${version}`, () => {
      it('reach each other with every QoS, the lower of publisher and subscriber', async () => {
        const bench = await openListener();
        const sender = await bench.client(version);
        for (const granted of [0, 1, 2] as const) {
          const subscriber = await bench.client(version);
          const got = inbox(subscriber);
          await subscriber.subscribeAsync({ [`q/${granted}/+`]: { qos: granted } });
          for (const qos of [0, 1, 2] as const)
            await sender.publishAsync(`q/${granted}/${qos}`, `m${qos}`, { qos });
          await until(() => got.length === 3);
          assert.deepEqual(
            got.map((m) => [m.topic, m.body, m.packet.qos]).sort(),
            ([0, 1, 2] as const).map((qos) => [`q/${granted}/${qos}`, `m${qos}`, Math.min(qos, granted)]),
          );
        }
      });

      it('match wildcards, and get one copy where several of their filters match', async () => {
        const bench = await openListener();
        const subscriber = await bench.client(version);
        const got = inbox(subscriber);
        await subscriber.subscribeAsync({
          'a/+/c': { qos: 1 },
          'a/#': { qos: 0 },
          '+/x': { qos: 1 },
          '#': { qos: 0 },
        });
        const sender = await bench.client(version);
        for (const topic of ['a', 'a/b/c', 'b/x', '$dollar/x', 'last'])
          await sender.publishAsync(topic, topic, { qos: 1 });
        await until(() => got.some((m) => m.topic === 'last'));
        assert.deepEqual(got.map((m) => m.topic).sort(), ['a', 'a/b/c', 'b/x', 'last']);
        await subscriber.unsubscribeAsync(['#', 'a/#']);
        await sender.publishAsync('a', 'again', { qos: 1 });
        await sender.publishAsync('a/b/c', 'again', { qos: 1 });
        await until(() => got.length === 5);
        assert.equal(got[4]!.topic, 'a/b/c');
      });

      it('get retained messages when they subscribe, until those are cleared', async () => {
        const bench = await openListener();
        const sender = await bench.client(version);
        await sender.publishAsync('r/1', 'old', { qos: 1, retain: true });
        await sender.publishAsync('r/1', 'kept', { qos: 1, retain: true });
        await sender.publishAsync('r/2', 'gone', { qos: 1, retain: true });
        await sender.publishAsync('r/2', '', { qos: 1, retain: true });
        const late = await bench.client(version);
        const got = inbox(late);
        await late.subscribeAsync('r/+', { qos: 1 });
        await sender.publishAsync('r/3', 'live', { qos: 1, retain: true });
        await until(() => got.length === 2);
        assert.deepEqual(
          got.map((m) => [m.topic, m.body, m.packet.retain]),
          [
            ['r/1', 'kept', true],
            ['r/3', 'live', false],
          ],
        );
      });

      it('leave a will where they do not say goodbye, which the routes get too', async () => {
        const bench = await openListener();
        const watcher = await bench.client(version);
        const got = inbox(watcher);
        await watcher.subscribeAsync('#');
        const will = (word: string) => ({
          will: { topic: `routed/${word}`, payload: Buffer.from(word), qos: 1 as const, retain: false },
        });
        const polite = await bench.client(version, will('polite'));
        await polite.endAsync();
        const lost = await bench.client(version, will('lost'));
        lost.stream.destroy();
        await until(() => got.length === 1 && bench.routes.taken.length === 1);
        assert.equal(got[0]!.body, 'lost');
        assert.equal(bench.routes.taken[0]!.address, 'routed/lost');
      });

      it('find what came while they were away', async () => {
        const bench = await openListener();
        const first = await bench.client(version, persistent(version, 'away'));
        await first.subscribeAsync({ 'o/#': { qos: 1 }, z: { qos: 0 } });
        await first.endAsync();
        const sender = await bench.client(version);
        for (let i = 0; i < 5; i++)
          await sender.publishAsync(`o/${i}`, `m${i}`, { qos: i % 2 === 0 ? 1 : 2 });
        await sender.publishAsync('o/x', 'QoS 0 does not wait', { qos: 0 });
        const again = await bench.client(version, persistent(version, 'away'));
        await until(() => inbox(again).length === 5);
        assert.deepEqual(
          inbox(again).map((m) => m.body),
          ['m0', 'm1', 'm2', 'm3', 'm4'],
        );
        await sender.publishAsync('o/live', 'live', { qos: 1 });
        await until(() => inbox(again).length === 6);
      });

      it('are sent what a route sends, once and with confirmation', async () => {
        const bench = await openListener();
        const subscriber = await bench.client(version);
        await subscriber.subscribeAsync('from/#', { qos: 1 });
        await bench.endpoint.sink.send(
          envelope({ address: 'elsewhere', body: Buffer.from('hello') }),
          'from/route',
        );
        assert.equal(inbox(subscriber)[0]!.body, 'hello');
        assert.equal(inbox(subscriber)[0]!.packet.qos, 1);
        // a chain: a route that reads where another one writes
        const sent = bench.endpoint.sink.send(
          envelope({ address: 'x', body: Buffer.from('on') }),
          'routed/next',
        );
        await until(() => bench.routes.taken.length === 1);
        assert.equal(bench.routes.taken[0]!.address, 'routed/next');
        bench.routes.held[0]!(accepted);
        await sent;
      });

      it('are replaced by a newer connection of the same id', async () => {
        const bench = await openListener();
        const old = await bench.client(version, persistent(version, 'same'));
        await old.subscribeAsync('t', { qos: 1 });
        let ended = false;
        old.on('close', () => (ended = true));
        const now = await bench.client(version, persistent(version, 'same'));
        await until(() => ended);
        const sender = await bench.client(version);
        await sender.publishAsync('t', 'm', { qos: 1 });
        await until(() => inbox(now).length === 1);
        assert.equal(inbox(old).length, 0);
      });
    });

  it('of MQTT 5 keep their properties, user properties in order', async () => {
    const bench = await openListener();
    const subscriber = await bench.client(5);
    await subscriber.subscribeAsync('p', { qos: 1, properties: { subscriptionIdentifier: 7 } });
    const sender = await bench.client(5);
    const properties = {
      userProperties: { b: ['2', '1'], a: 'x', __proto__x: 'y' },
      contentType: 'text/plain',
      responseTopic: 'answers/1',
      correlationData: Buffer.from([0, 255]),
      payloadFormatIndicator: true,
      messageExpiryInterval: 100,
    };
    await sender.publishAsync('p', 'm', { qos: 1, properties });
    await until(() => inbox(subscriber).length === 1);
    const got = { ...inbox(subscriber)[0]!.packet.properties };
    assert.deepEqual({ ...got.userProperties }, properties.userProperties);
    assert.deepEqual(Object.keys(got.userProperties!), ['b', 'a', '__proto__x']);
    assert.deepEqual(
      { ...got, userProperties: 0 },
      { ...properties, subscriptionIdentifier: 7, userProperties: 0 },
    );
    await sender.publishAsync('routed/p', 'm', { qos: 0, properties });
    await until(() => bench.routes.taken.length === 1);
    const envelope = bench.routes.taken[0]!;
    assert.deepEqual(envelope.headers, [
      ['b', '2'],
      ['b', '1'],
      ['a', 'x'],
      ['__proto__x', 'y'],
    ]);
    assert.equal(envelope.durable, false);
    assert.equal(envelope.replyTo, 'answers/1');
  });

  it('of MQTT 5 may use topic aliases, and are sent them where they allow it', async () => {
    const bench = await openListener();
    const subscriber = await bench.client(5, { properties: { topicAliasMaximum: 3 } });
    await subscriber.subscribeAsync('al/#', { qos: 0 });
    const sender = await bench.client(5, { autoAssignTopicAlias: true });
    for (let i = 0; i < 20; i++) await sender.publishAsync(`al/${i % 5}`, `m${i}`, { qos: 1 });
    await until(() => inbox(subscriber).length === 20);
    assert.deepEqual(
      inbox(subscriber).map((m) => `${m.topic} ${m.body}`),
      Array.from({ length: 20 }, (_, i) => `al/${i % 5} m${i}`),
    );
    assert.equal(inbox(subscriber)[5]!.packet.properties?.topicAlias, 1);
  });

  it('of MQTT 5 are not sent more than their Receive Maximum, nor packets that are too large', async () => {
    const bench = await openListener({ grace: '50ms' });
    const subscriber = await bench.connected(5, {
      properties: { receiveMaximum: 2, maximumPacketSize: 100 },
    });
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'm', qos: 1 }] });
    await subscriber.next('suback');
    const sender = await bench.client(5);
    for (const body of ['1', 'x'.repeat(200), '2', '3']) await sender.publishAsync('m', body, { qos: 1 });
    const first = await subscriber.next('publish');
    assert.equal(String((await subscriber.next('publish')).payload), '2');
    await subscriber.ping();
    await subscriber.next('pingresp');
    subscriber.send({ cmd: 'puback', messageId: first.messageId! });
    assert.equal(String((await subscriber.next('publish')).payload), '3');
  });

  it('come over WebSocket as well, each version', async () => {
    const bench = await openListener({ websocket: { listen: '127.0.0.1:0', path: '/mqtt' } });
    const url = /ws:\/\/\S+/.exec(bench.endpoint.status().at)![0];
    const tcp = await bench.client(4);
    await tcp.subscribeAsync('w/#', { qos: 2 });
    for (const version of [3, 4, 5] as const) {
      const client = await connectClient(url, clientOptions(version));
      await client.publishAsync(`w/${version}`, Buffer.alloc(300_000, version), { qos: 2 });
      await client.endAsync();
    }
    await until(() => inbox(tcp).length === 3);
    assert.deepEqual(
      inbox(tcp).map((m) => [m.topic, m.body.length]),
      [3, 4, 5].map((version) => [`w/${version}`, 300_000]),
    );
  });

  it('do not reach each other where the listener is not local, nor on private topics', async () => {
    for (const settings of [{ local: false }, { private: ['secret/#'] }]) {
      const bench = await openListener(settings);
      const subscriber = await bench.client(4);
      await subscriber.subscribeAsync('#', { qos: 1 });
      const sender = await bench.client(4);
      await sender.publishAsync('secret/a', 'hidden', { qos: 1, retain: true });
      await bench.endpoint.sink.send(envelope({ address: 'x', body: Buffer.from('shown') }), 'open');
      await until(() => inbox(subscriber).length === 1);
      assert.equal(inbox(subscriber)[0]!.body, 'shown');
      if (settings.private) {
        const refused = await bench.connected(4);
        refused.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'secret/a', qos: 1 }] });
        assert.deepEqual((await refused.next('suback')).granted, [128]);
      }
    }
  });
});
