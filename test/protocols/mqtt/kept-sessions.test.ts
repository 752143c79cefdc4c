import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { message, until } from '../../helpers.ts';
import {
  bodyOf,
  endAll,
  lasting,
  numbered,
  openKept,
  publishAll,
  reconnect,
  subscribe,
  takeUntil,
} from './kept.ts';

const versions = [4, 5] as const;

describe('an MQTT session on the disk', { timeout: 120_000 }, () => {
  afterEach(endAll);

  it('is there after the gateway was killed, with what came while its client was away', async () => {
    for (const version of versions) {
      const first = await openKept();
      const [client, wasPresent] = await reconnect(first.bench, version, 'js');
      assert.equal(wasPresent, false);
      await subscribe(client, 'a/#', 2);
      client.close();
      await until(() => first.names.values.length === 1);
      await publishAll(first.bench, 'a/1', numbered(1, 200));
      await publishAll(first.bench, 'a/2', ['last'], 2);
      const second = await first.afterKill();
      const [again, present] = await reconnect(second.bench, version, 'js');
      assert.equal(present, true);
      assert.deepEqual(await takeUntil(again, 'last'), [...numbered(1, 200), 'last']);
      await until(() => second.names.queues.get('session:js') === 0, 'the disk is empty');
      // and it still has its subscription
      await publishAll(second.bench, 'a/3', ['new']);
      await until(() => again.packets.some((p) => p.cmd === 'publish' && bodyOf(p) === 'new'));
    }
  });

  it('keeps all options of its subscriptions, and those that were taken back are gone', async () => {
    const first = await openKept();
    const [client] = await reconnect(first.bench, 5, 'js');
    await subscribe(client, 'a/#', 1, { nl: true, rap: true }, { subscriptionIdentifier: 77 });
    await subscribe(client, 'b', 1);
    await subscribe(client, 'c', 0);
    client.send({ cmd: 'unsubscribe', messageId: 3, unsubscriptions: ['b'] });
    await client.next('unsuback');
    const second = await first.afterKill();
    const [again] = await reconnect(second.bench, 5, 'js');
    again.publish('a/own', 'own', 1, 1);
    assert.equal((await again.next('puback')).reasonCode, 0x10);
    const publisher = await second.bench.client(5);
    for (const topic of ['b', 'c', 'a/1'])
      await publisher.publishAsync(topic, topic, { qos: 1, retain: true }).catch(() => undefined);
    const c = await again.next('publish');
    assert.deepEqual([bodyOf(c), c.qos, c.retain], ['c', 0, false]);
    const a = await again.next('publish');
    assert.deepEqual([bodyOf(a), a.qos, a.retain], ['a/1', 1, true]);
    assert.equal(a.properties?.subscriptionIdentifier, 77);
  });

  it('keeps every property of a message, and what is left of its expiry', async () => {
    const first = await openKept();
    const [client] = await reconnect(first.bench, 5, 'js');
    await subscribe(client, 'a', 1);
    client.close();
    await until(() => first.names.values.length === 1);
    const publisher = await first.bench.client(5);
    const properties = {
      payloadFormatIndicator: true,
      messageExpiryInterval: 1000,
      contentType: 'text/plain',
      responseTopic: 'r',
      correlationData: Buffer.from([0, 1, 255]),
      userProperties: { 'message-id': 'x', 'junction-hops': '3', k: ['v', 'w'] },
    };
    await publisher.publishAsync('a', 'body', { qos: 1, properties });
    await publisher.publishAsync('a', '', { qos: 1 });
    await publisher.publishAsync('a', 'late', { qos: 1, properties: { messageExpiryInterval: 1 } });
    const expired = Date.now() + 1000;
    const second = await first.afterKill();
    await until(() => Date.now() > expired, 'the last one has expired');
    const [again] = await reconnect(second.bench, 5, 'js');
    const got = await again.next('publish');
    const left = got.properties!.messageExpiryInterval!;
    assert.ok(left > 900 && left <= 1000, String(left));
    const sent = { ...properties, messageExpiryInterval: left };
    assert.deepEqual(JSON.parse(JSON.stringify(got.properties)), JSON.parse(JSON.stringify(sent)));
    assert.equal(bodyOf(await again.next('publish')), '');
    await publishAll(second.bench, 'a', ['end']);
    assert.equal(bodyOf(await again.next('publish')), 'end');
  });

  it('gets what a slow client has not acknowledged, before its publisher is accepted, in order', async () => {
    for (const version of versions) {
      const first = await openKept({ grace: '50ms' });
      const [client] = await reconnect(first.bench, version, 'slow');
      await subscribe(client, 'a', 1);
      await publishAll(first.bench, 'a', numbered(1, 30)); // it acknowledges nothing
      const second = await first.afterKill();
      const [again, present] = await reconnect(second.bench, version, 'slow');
      assert.equal(present, true);
      assert.deepEqual(await takeUntil(again, '30'), numbered(1, 30));
      // meanwhile, in the first one's life, the client comes round
      assert.deepEqual(await takeUntil(client, '30'), numbered(1, 30));
      await until(() => first.names.queues.get('session:slow') === 0, 'the disk is empty');
    }
  });

  it('gets what was under way when the connection goes; its publisher waits no longer', async () => {
    const first = await openKept({ grace: '10m' });
    const [client] = await reconnect(first.bench, 4, 'gone');
    await subscribe(client, 'a', 1);
    const publisher = await first.bench.client(4);
    let accepted = false;
    const sent = publisher.publishAsync('a', 'one', { qos: 1 }).then(() => (accepted = true));
    await client.next('publish');
    assert.equal(first.names.queues.get('session:gone') ?? 0, 0); // the fast path leaves the disk alone
    assert.equal(accepted, false);
    client.close();
    await sent;
    const second = await first.afterKill();
    const [again] = await reconnect(second.bench, 4, 'gone');
    const got = await again.next('publish');
    assert.deepEqual([bodyOf(got), got.dup], ['one', true]);
  });

  it("has a client's own messages before they are acknowledged", async () => {
    for (const version of versions) {
      const first = await openKept({ grace: '10m' });
      const [client] = await reconnect(first.bench, version, 'own');
      await subscribe(client, 'a', 1);
      client.publish('a', 'mine', 1, 5);
      await until(() => client.packets.some(({ cmd }) => cmd === 'puback'));
      const second = await first.afterKill();
      const [again] = await reconnect(second.bench, version, 'own');
      assert.deepEqual(await takeUntil(again, 'mine'), ['mine']);
    }
  });

  it('keeps order when it goes and comes and its messages are on the disk and in memory', async () => {
    let kept = await openKept({ grace: '20ms', window: 5 });
    let [client] = await reconnect(kept.bench, 5, 'js');
    await subscribe(client, 'a', 2);
    const seen: string[] = [];
    for (let round = 0; round < 6; round++) {
      await publishAll(kept.bench, 'a', numbered(round * 40 + 1, round * 40 + 40));
      if (round % 2 === 0) seen.push(...(await takeUntil(client, String(round * 40 + 7))));
      client.close();
      if (round % 3 === 2) kept = await kept.restart();
      [client] = await reconnect(kept.bench, 5, 'js');
    }
    seen.push(...(await takeUntil(client, '240')));
    const firsts = [...new Set(seen)];
    assert.deepEqual(firsts, numbered(1, 240));
  });

  it('ends with a clean start, with its expiry and with a DISCONNECT that says so, and leaves nothing', async () => {
    const kept = await openKept();
    const away = async (clientId: string, seconds: number): Promise<void> => {
      const client = await kept.bench.connected(5, lasting(5, clientId, seconds));
      await subscribe(client, 't', 1);
      client.close();
    };
    await away('cleaned', 1000);
    await away('expires', 1);
    await publishAll(kept.bench, 't', ['one']);
    await until(() => kept.names.values.length === 1, 'one has expired');
    assert.deepEqual(kept.names.values, ['session:cleaned']);
    await kept.bench.connected(5, { clean: true, clientId: 'cleaned' });
    await until(() => kept.names.values.length === 0);
    const client = await kept.bench.connected(5, lasting(5, 'leaves'));
    await subscribe(client, 't', 1);
    assert.deepEqual(kept.names.values, ['session:leaves']);
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 0 } });
    await until(() => kept.names.values.length === 0);
    const again = await kept.restart();
    assert.deepEqual([again.names.values, again.names.queues.size], [[], 0]);
  });

  it('expires after a restart too, by the time that the listener runs', async () => {
    const first = await openKept();
    const client = await first.bench.connected(5, lasting(5, 'short', 2));
    await subscribe(client, 't', 1);
    client.send({ cmd: 'disconnect', reasonCode: 0, properties: { sessionExpiryInterval: 1 } });
    await until(() => client.closed);
    const second = await first.restart();
    assert.deepEqual(second.names.values, ['session:short']);
    await until(() => second.names.values.length === 0, 'it expires');
    const [, present] = await reconnect(second.bench, 5, 'short');
    assert.equal(present, false);
  });

  it('refuses for the time being what goes over the bound of the disk, and nothing that is accepted is lost', async () => {
    const kept = await openKept({ max_stored: '20KiB' });
    const [client] = await reconnect(kept.bench, 5, 'js');
    await subscribe(client, 'a', 1);
    client.close();
    await until(() => kept.names.values.length === 1);
    const publisher = await kept.bench.client(5);
    const taken: string[] = [];
    let refused = 0;
    for (const n of numbered(1, 60)) {
      const sent = await publisher
        .publishAsync('a', n.padEnd(1000), { qos: 1 })
        .then(() => taken.push(n))
        .catch((error: Error & { code?: number }) => {
          refused++;
          assert.equal(error.code, 0x97);
        });
      assert.ok(sent === undefined || sent > 0);
    }
    assert.ok(refused > 30 && taken.length > 5, `${refused} refused, ${taken.length} taken`);
    const second = await kept.afterKill();
    const [again] = await reconnect(second.bench, 5, 'js');
    assert.deepEqual(
      await takeUntil(again, taken.at(-1)!.padEnd(1000)),
      taken.map((n) => n.padEnd(1000)),
    );
    await until(() => second.names.queues.get('session:js') === 0);
    await until(() => publishAll(second.bench, 'a', ['room']).then(() => true));
  });

  it('has what routes send, before they are told', async () => {
    const first = await openKept();
    const [client] = await reconnect(first.bench, 5, 'js');
    await subscribe(client, 'a', 1);
    client.close();
    await until(() => first.names.values.length === 1);
    await first.bench.endpoint.sink.send(message('a', 'routed', { durable: true }), 'a');
    const second = await first.afterKill();
    const [again] = await reconnect(second.bench, 5, 'js');
    assert.deepEqual(await takeUntil(again, 'routed'), ['routed']);
  });

  it('promises nothing once the store takes no more', async () => {
    const kept = await openKept();
    const [away] = await reconnect(kept.bench, 5, 'away');
    await subscribe(away, 'a', 1);
    away.close();
    await until(() => kept.names.queues.has('session:away'));
    const [client] = await reconnect(kept.bench, 5, 'here');
    const publisher = await kept.bench.connected(5);
    await kept.store.close();
    publisher.publish('a', 'lost?', 1, 1);
    assert.ok((await publisher.next('puback')).reasonCode! >= 0x80);
    client.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'b', qos: 1 }] });
    assert.deepEqual([...(await client.next('suback')).granted], [0x80]);
    const [late] = await reconnect(kept.bench, 5, 'late'); // its CONNACK comes first, and then it is told
    await until(() => late.closed);
    // who has no such session is served as ever
    await subscribe(publisher, 'c', 1);
    publisher.publish('c', 'fine', 1, 2);
    assert.equal(bodyOf(await publisher.next('publish')), 'fine');
  });
});
