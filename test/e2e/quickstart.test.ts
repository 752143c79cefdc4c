import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { until } from '../helpers.ts';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { connectStomp } from '../contract/harness/stomp.ts';
import type { Inbox, Peer, PeerMessage } from '../contract/contract.ts';
import { isPending } from '../helpers.ts';
import { startGateway, type RunningGateway } from './gateway.ts';

const message: PeerMessage = {
  body: Buffer.from([0x7b, 0x00, 0xff, 0x0a, 0x7d]),
  headers: [
    ['line', 'A7'],
    ['werk', 'Köln: 1'],
  ],
  contentType: 'application/x-sensor',
  correlationId: 'c-42',
};

describe('the quickstart', () => {
  let gateway: RunningGateway;
  const peers: Peer[] = [];
  const connect = async (to: 'mqtt' | 'amqp' | 'stomp', version?: number | string): Promise<Peer> => {
    const port = gateway.port(to);
    const peer =
      to === 'mqtt'
        ? await connectMqtt(port, version as 4)
        : to === 'amqp'
          ? await connectAmqp(port)
          : await connectStomp(port, (version as string | undefined) ?? '1.2');
    peers.push(peer);
    return peer;
  };
  const come = async (inbox: Inbox): Promise<PeerMessage> => {
    await until(() => inbox.messages.length > 0, 'the message has come');
    return inbox.messages[0]!;
  };
  const sameAs = (got: PeerMessage, sent: PeerMessage) => {
    const plain = (m: PeerMessage) => ({ ...m, headers: [...(m.headers ?? [])].sort(), replyTo: m.replyTo });
    assert.deepEqual(plain(got), plain(sent));
  };
  before(async () => {
    gateway = await startGateway();
  });
  after(async () => {
    for (const peer of peers) await peer.close();
    assert.equal(await gateway.stop(), 0, 'SIGTERM drains and ends with 0');
  });

  it('says where it listens and which routes are live, and is healthy and ready', async () => {
    for (const line of ['plants/{plant}/telemetry', 'commands.{plant}', '/queue/orders', 'mosquitto_pub'])
      assert.ok(gateway.output().includes(line), line);
    for (const path of ['healthz', 'readyz']) {
      const response = await fetch(`http://127.0.0.1:${gateway.port('admin')}/${path}`);
      assert.equal(response.status, 200, await response.text());
    }
  });

  for (const version of [5, 4, 3])
    it(`carries telemetry from MQTT level ${version} to AMQP and STOMP, acknowledged when both have settled`, async () => {
      const amqp = await (await connect('amqp')).subscribe('telemetry.p1', { hold: true });
      const stomps: Inbox[] = [];
      for (const v of ['1.0', '1.1', '1.2'])
        stomps.push(await (await connect('stomp', v)).subscribe('/topic/telemetry.p1'));
      const device = await connect('mqtt', version);
      const sent = version === 5 ? message : { body: message.body, headers: [] };
      const told = device.publish('plants/p1/telemetry', sent);
      const want = { contentType: undefined, correlationId: undefined, replyTo: undefined, ...sent };
      const got = await come(amqp);
      sameAs(got, want);
      for (const [n, stomp] of stomps.entries()) {
        const one = await come(stomp);
        // STOMP 1.0 cannot write a colon in a value
        if (n === 0) assert.deepEqual(one.body, want.body);
        else sameAs(one, want);
      }
      assert.ok(await isPending(told), 'acknowledged before AMQP had settled');
      amqp.confirm();
      assert.equal(await told, 'accepted');
      for (const peer of peers.splice(0)) await peer.close();
    });

  it('carries commands from AMQP to MQTT 3.1.1 and 5', async () => {
    const five = await (await connect('mqtt', 5)).subscribe('plants/p2/commands');
    const four = await (await connect('mqtt', 4)).subscribe('plants/p2/commands');
    assert.equal(await (await connect('amqp')).publish('commands.p2', message), 'accepted');
    sameAs(await come(five), { replyTo: undefined, ...message });
    assert.deepEqual((await come(four)).body, message.body);
  });

  for (const version of ['1.0', '1.1', '1.2'])
    it(`carries an order from STOMP ${version} to the AMQP queue and to MQTT, receipt after both`, async () => {
      const device = await (await connect('mqtt', 5)).subscribe('orders/new');
      const sent = version === '1.0' ? { ...message, headers: [['line', 'A7']] as const } : message;
      const told = (await connect('stomp', version)).publish('/queue/orders', sent);
      sameAs(await come(device), { replyTo: undefined, ...sent });
      assert.ok(await isPending(told), 'a receipt before anyone took the order from the AMQP queue');
      const queue = await (await connect('amqp')).subscribe('orders');
      assert.equal(await told, 'accepted');
      sameAs(await come(queue), { replyTo: undefined, ...sent });
      for (const peer of peers.splice(0)) await peer.close();
    });

  it('refuses a client that wants to take orders away from the route', async () => {
    const stomp = await connect('stomp');
    await stomp.subscribe('/queue/orders');
    assert.equal(await stomp.publish('/topic/x', message), 'refused');
  });
});
