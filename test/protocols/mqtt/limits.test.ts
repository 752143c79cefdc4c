import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { envelope } from '../../../src/core/envelope.ts';
import { until } from '../../helpers.ts';
import { closeAll, openListener, type Bench, type Raw } from './support.ts';

async function subscribe(client: Raw, topic: string, qos: 0 | 1 | 2): Promise<void> {
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic, qos }] });
  await client.next('suback');
}

/** A session with one subscription and no connection. */
async function away(bench: Bench, clientId: string, topic: string): Promise<void> {
  const client = await bench.connected(4, { clientId, clean: false });
  await subscribe(client, topic, 1);
  client.send({ cmd: 'disconnect' });
  await until(() => client.closed, 'away');
}

describe('a limit of the MQTT listener', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  it('is told to the publisher, where the backlog of the only subscriber is full', async () => {
    const bench = await openListener({ backlog: 2 });
    await away(bench, 'sleeper', 't');
    const sender = await bench.connected(5);
    for (const [id, reason] of [
      [1, 0],
      [2, 0],
      [3, 0x97],
    ] as const) {
      sender.publish('t', `m${id}`, 1, id);
      assert.equal((await sender.next('puback')).reasonCode ?? 0, reason);
    }
    sender.publish('t', 'm4', 2, 4);
    assert.equal((await sender.next('pubrec')).reasonCode, 0x97);
    const sending = bench.endpoint.sink.send(envelope({ address: 't', body: Buffer.from('m5') }), 't');
    await assert.rejects(sending, { code: 'busy' });
    const old = await bench.connected(4);
    old.publish('t', 'm6', 1, 1);
    await until(() => old.closed, 'closed without an acknowledgement');
    assert.equal(old.unread, 0);
    // what was acknowledged is there, and the rest is taken once there is room
    const sleeper = await bench.connected(4, { clientId: 'sleeper', clean: false });
    for (const body of ['m1', 'm2']) {
      const got = await sleeper.next('publish');
      assert.equal(got.payload.toString(), body);
      sleeper.send({ cmd: 'puback', messageId: got.messageId! });
    }
    await sleeper.ping();
    await sleeper.next('pingresp');
    sender.publish('t', 'm3', 1, 3);
    sleeper.send({ cmd: 'puback', messageId: (await sleeper.next('publish')).messageId! });
    assert.equal((await sender.next('puback')).reasonCode ?? 0, 0);
  });

  it('is not, where another subscriber took the message', async () => {
    const bench = await openListener({ backlog: 1 });
    await away(bench, 'full', 't');
    const sender = await bench.connected(5);
    sender.publish('t', 'm1', 1, 1);
    assert.equal((await sender.next('puback')).reasonCode ?? 0, 0);
    await away(bench, 'empty', 't');
    sender.publish('t', 'm2', 1, 2);
    assert.equal((await sender.next('puback')).reasonCode ?? 0, 0);
    sender.publish('t', 'm3', 1, 3);
    assert.equal((await sender.next('puback')).reasonCode, 0x97);
  });

  it('is told to the publisher, where the only subscriber takes no packet as large [MQTT-3.1.2-24]', async () => {
    const bench = await openListener();
    const small = await bench.connected(5, { properties: { maximumPacketSize: 100 } });
    await subscribe(small, 't', 1);
    const sender = await bench.connected(5);
    sender.publish('t', 'x'.repeat(200), 1, 1);
    const refused = await sender.next('puback');
    assert.equal(refused.reasonCode, 0x83);
    assert.match(refused.properties?.reasonString ?? '', /100 bytes at most/);
    // it is no refusal where another took it, and none of what fits
    const large = await bench.connected(5);
    await subscribe(large, 't', 1);
    sender.publish('t', 'x'.repeat(200), 1, 2);
    large.send({ cmd: 'puback', messageId: (await large.next('publish')).messageId! });
    assert.equal((await sender.next('puback')).reasonCode ?? 0, 0);
    await small.ping();
    await small.next('pingresp');
    assert.equal(small.unread, 0);
  });

  it('is not told to a publisher of QoS 0, or where the grant is QoS 0', async () => {
    const bench = await openListener({ backlog: 1 });
    await away(bench, 'sleeper', 't');
    const old = await bench.connected(4);
    for (let n = 0; n < 3; n++) old.publish('t', `m${n}`, 0);
    await old.ping();
    const small = await bench.connected(5, { properties: { maximumPacketSize: 100 } });
    await subscribe(small, 'u', 0);
    const sender = await bench.connected(5);
    sender.publish('u', 'x'.repeat(200), 1, 1);
    assert.equal((await sender.next('puback')).reasonCode ?? 0, 0);
  });
});
