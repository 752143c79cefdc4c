import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { JunctionError } from '../../../src/core/errors.ts';
import { accepted, type Outcome } from '../../../src/core/outcome.ts';
import { until } from '../../helpers.ts';
import { closeAll, openListener } from './support.ts';

const rejected: Outcome = { state: 'rejected', error: new JunctionError('refused', 'the target says no') };
const released: Outcome = { state: 'released', error: new JunctionError('busy', 'not now') };

describe('the MQTT listener settles', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  it('acknowledges after the routes have the message, in order of arrival [MQTT-4.6.0-2]', async () => {
    for (const version of [3, 4, 5] as const) {
      const bench = await openListener();
      const client = await bench.connected(version);
      client.publish('routed/a', 'one', 1, 1);
      client.publish('routed/a', 'two', 2, 2);
      client.publish('routed/a', 'three', 1, 3);
      await until(() => bench.routes.taken.length === 3);
      bench.routes.held[2]!(accepted);
      bench.routes.held[1]!(accepted);
      await client.ping();
      await client.next('pingresp'); // nothing was acknowledged before
      bench.routes.held[0]!(accepted);
      assert.equal((await client.next('puback')).messageId, 1);
      assert.equal((await client.next('pubrec')).messageId, 2);
      assert.equal((await client.next('puback')).messageId, 3);
      client.send({ cmd: 'pubrel', messageId: 2 });
      assert.equal((await client.next('pubcomp')).messageId, 2);
    }
  });

  it('tells an MQTT 5 client why a message was refused, and goes on', async () => {
    const bench = await openListener();
    const client = await bench.connected(5);
    client.publish('routed/a', 'one', 1, 1);
    client.publish('routed/a', 'two', 2, 2);
    client.publish('routed/a', 'three', 1, 3);
    await until(() => bench.routes.taken.length === 3);
    bench.routes.held[0]!(rejected);
    bench.routes.held[1]!(released);
    bench.routes.held[2]!(accepted);
    const first = await client.next('puback');
    assert.equal(first.reasonCode, 0x83);
    assert.equal(first.properties?.reasonString, 'the target says no');
    assert.equal((await client.next('pubrec')).reasonCode, 0x97);
    assert.ok(((await client.next('puback')).reasonCode ?? 0) < 0x80);
    // the refused identifier is free again: the message is delivered when it is sent anew
    client.publish('routed/a', 'two', 2, 2);
    await until(() => bench.routes.taken.length === 4);
  });

  it('sends no reason string to a client that wants none [MQTT-3.1.2-29]', async () => {
    const bench = await openListener();
    const client = await bench.connected(5, { properties: { requestProblemInformation: false } });
    client.publish('routed/a', 'one', 1, 1);
    await until(() => bench.routes.taken.length === 1);
    bench.routes.held[0]!(rejected);
    const ack = await client.next('puback');
    assert.equal(ack.reasonCode, 0x83);
    assert.equal(ack.properties, undefined);
  });

  it('closes the connection of an MQTT 3 client whose message was refused, acknowledging only what came before', async () => {
    for (const version of [3, 4] as const) {
      const bench = await openListener();
      const client = await bench.connected(version);
      for (const id of [1, 2, 3]) client.publish('routed/a', `m${id}`, 1, id);
      await until(() => bench.routes.taken.length === 3);
      bench.routes.held[2]!(accepted);
      bench.routes.held[1]!(released);
      bench.routes.held[0]!(accepted);
      await until(() => client.closed);
      assert.equal((await client.next('puback')).messageId, 1);
      assert.equal(client.unread, 0);
    }
  });

  it('refuses what nobody takes where it is told to, and else says that nobody did', async () => {
    for (const [unrouted, reason] of [
      ['reject', 0x90],
      ['accept', 0x10],
    ] as const) {
      const bench = await openListener({ unrouted });
      const client = await bench.connected(5);
      client.publish('nowhere', 'x', 1, 1);
      assert.equal((await client.next('puback')).reasonCode, reason);
    }
  });

  it('reads no more from an MQTT 3 client that has a window of unsettled messages, QoS 0 included', async () => {
    const bench = await openListener({ window: 3 });
    const client = await bench.connected(4);
    for (let id = 1; id <= 6; id++) client.publish('routed/a', `m${id}`, id % 2 === 0 ? 0 : 1, id);
    await until(() => bench.routes.taken.length === 3);
    const other = await bench.connected(4);
    await other.ping();
    assert.equal(bench.routes.taken.length, 3);
    bench.routes.held[0]!(accepted);
    await until(() => bench.routes.taken.length === 4);
    for (const settle of bench.routes.held) settle(accepted);
    await until(() => bench.routes.taken.length === 6);
  });

  it('holds an MQTT 5 client to the Receive Maximum it was told [MQTT-3.3.4-9]', async () => {
    const bench = await openListener({ window: 2 });
    const client = await bench.connected(5);
    assert.equal(
      (client.packets[0] as { properties?: { receiveMaximum?: number } }).properties?.receiveMaximum,
      2,
    );
    // what waits for our PUBACK is merely not read, because widespread clients send it all the same
    for (const id of [1, 2, 3]) client.publish('routed/a', `m${id}`, 1, id);
    await until(() => bench.routes.taken.length === 2);
    for (let i = 0; i < 3; i++) {
      await until(() => bench.routes.held.length > i);
      bench.routes.held[i]!(accepted);
      await client.next('puback');
    }
    // what waits for the client's PUBREL is its own doing
    for (const id of [1, 2, 3]) client.publish('elsewhere', `m${id}`, 2, id);
    await client.next('pubrec');
    await client.next('pubrec');
    assert.equal((await client.next('disconnect')).reasonCode, 0x93);
  });

  it('delivers a QoS 2 message once, however often it is sent, also over a reconnect', async () => {
    for (const version of [4, 5] as const) {
      const bench = await openListener();
      const persistent = {
        clientId: 'twice',
        clean: false,
        ...(version === 5 ? { properties: { sessionExpiryInterval: 100 } } : {}),
      };
      const client = await bench.connected(version, persistent);
      client.publish('routed/a', 'm', 2, 7);
      await until(() => bench.routes.taken.length === 1);
      client.close();
      const again = await bench.connected(version, persistent);
      assert.equal((again.packets[0] as { sessionPresent?: boolean }).sessionPresent, true);
      again.publish('routed/a', 'm', 2, 7, true); // still undecided
      await again.ping();
      await again.next('pingresp');
      bench.routes.held[0]!(accepted);
      assert.equal((await again.next('pubrec')).messageId, 7);
      again.close();
      const third = await bench.connected(version, persistent);
      third.publish('routed/a', 'm', 2, 7, true); // decided
      await third.next('pubrec');
      third.send({ cmd: 'pubrel', messageId: 7 }, { cmd: 'pubrel', messageId: 7 });
      assert.ok(((await third.next('pubcomp')).reasonCode ?? 0) === 0);
      const unknown = await third.next('pubcomp');
      if (version === 5) assert.equal(unknown.reasonCode, 0x92);
      assert.equal(bench.routes.taken.length, 1);
      third.publish('routed/a', 'next', 2, 7);
      await until(() => bench.routes.taken.length === 2);
    }
  });

  it("follows its subscribers' acknowledgements, and does not wait twice for one that is silent", async () => {
    const bench = await openListener({ grace: '300ms' });
    const [good, silent, sender] = [
      await bench.connected(5),
      await bench.connected(4),
      await bench.connected(5),
    ];
    for (const subscriber of [good, silent]) {
      subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'l/#', qos: 1 }] });
      await subscriber.next('suback');
    }
    sender.publish('l/1', 'm', 1, 1);
    const got = await good.next('publish');
    await silent.next('publish');
    await sender.ping();
    await sender.next('pingresp');
    good.send({ cmd: 'puback', messageId: got.messageId! });
    assert.equal((await sender.next('puback')).messageId, 1); // after the grace
    assert.equal(bench.log.lines.filter((l) => l.message.includes('does not acknowledge')).length, 1);
    sender.publish('l/2', 'm', 1, 2);
    good.send({ cmd: 'puback', messageId: (await good.next('publish')).messageId! });
    assert.equal((await sender.next('puback')).messageId, 2);
    // a subscriber's refusal counts where no other took the message
    silent.close();
    await sender.ping();
    await sender.next('pingresp');
    sender.publish('l/3', 'm', 1, 3);
    good.send({ cmd: 'puback', messageId: (await good.next('publish')).messageId!, reasonCode: 0x83 });
    assert.equal((await sender.next('puback')).reasonCode, 0x83);
  });

  it('stop takes no more messages and resolves when all is settled', async () => {
    const bench = await openListener();
    const client = await bench.connected(4);
    client.publish('routed/a', 'one', 1, 1);
    await until(() => bench.routes.taken.length === 1);
    let stopped = false;
    const stop = bench.endpoint.source.stop().then(() => (stopped = true));
    client.publish('routed/a', 'two', 1, 2);
    await client.ping();
    await client.next('pingresp');
    assert.equal(stopped, false);
    bench.routes.held[0]!(accepted);
    await stop;
    assert.equal((await client.next('puback')).messageId, 1);
    await client.ping();
    assert.equal(bench.routes.taken.length, 1);
    assert.equal(client.packets.filter((p) => p.cmd === 'puback').length, 1);
  });
});
