import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';
import { accepted } from '../../../src/core/outcome.ts';
import { until } from '../../helpers.ts';
import { closeAll, openListener, type Bench } from './support.ts';

const bytesOf = (...packets: Packet[]): Buffer =>
  Buffer.concat(packets.map((packet) => mqttPacket.generate(packet, { protocolVersion: 4 })));

const connect: IConnectPacket = {
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  keepalive: 0,
  clientId: 'brief',
  will: { topic: 'routed/will', payload: Buffer.from('gone'), qos: 0, retain: false },
};

const publish = (n: number): IPublishPacket => ({
  cmd: 'publish',
  topic: 'routed/a',
  payload: String(n),
  qos: 0,
  dup: false,
  retain: false,
});

/** Settles what the routes have and get, until they have had this many. */
async function settleUntil(bench: Bench, count: number): Promise<void> {
  await until(() => {
    for (const settle of bench.routes.held.splice(0)) settle(accepted);
    return bench.routes.taken.length >= count;
  }, `${count} messages`);
}

const bodies = (bench: Bench): string[] =>
  bench.routes.taken.map(({ body }) => Buffer.from(body ?? []).toString());

describe('the MQTT listener takes what a client sent before it ended', { timeout: 60_000 }, () => {
  afterEach(closeAll);

  it('CONNECT, a message and DISCONNECT at once (MQTT 3.1.1 §3.1.4)', async () => {
    const bench = await openListener();
    const client = await bench.raw();
    client.socket.end(bytesOf(connect, publish(1), { cmd: 'disconnect' }));
    await settleUntil(bench, 1);
    await until(() => client.closed, 'closed');
    assert.equal((await client.next('connack')).returnCode, 0);
    assert.deepEqual(bodies(bench), ['1']); // and no will, because its DISCONNECT was read
  });

  it('more messages than the window, then DISCONNECT', async () => {
    const bench = await openListener();
    const client = await bench.connected(4);
    const numbers = Array.from({ length: 2000 }, (_, i) => i);
    client.socket.end(bytesOf(...numbers.map(publish), { cmd: 'disconnect' }));
    await until(() => bench.routes.taken.length === 512, 'a window of messages');
    await settleUntil(bench, 2000);
    await until(() => client.closed, 'closed');
    assert.deepEqual(bodies(bench), numbers.map(String));
  });

  it('messages whose sender then cuts the connection', async () => {
    const bench = await openListener({ window: 1 });
    const client = await bench.connected(4);
    client.socket.write(bytesOf(publish(1), publish(2), publish(3)));
    await until(() => bench.routes.taken.length === 1, 'the first');
    client.socket.resetAndDestroy();
    await settleUntil(bench, 3);
    assert.deepEqual(bodies(bench), ['1', '2', '3']);
  });

  it('but does not hold an ended connection for ever', async () => {
    const bench = await openListener({ window: 1, connect_timeout: '200ms', max_connections: 1 });
    const client = await bench.connected(4);
    client.socket.end(bytesOf(publish(1), publish(2), { cmd: 'disconnect' }));
    await until(() => client.closed, 'closed');
    assert.match(bench.log.lines.map(({ message }) => message).join(), /could not be taken in time/);
    assert.deepEqual(bodies(bench), ['1']);
  });
});
