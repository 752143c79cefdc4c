import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import { describe, it } from 'node:test';
import mqtt, { type MqttClient } from 'mqtt';
import { AdminServer } from '../../src/admin/server.ts';
import { envelope, type EnvelopeInit } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Sink, Traits } from '../../src/core/protocol.ts';
import { countingSink } from '../../src/gateway/counting-sink.ts';
import { LossCounts } from '../../src/gateway/loss-counts.ts';
import { kafkaTraits } from '../../src/protocols/kafka/client.ts';
import { mqtt3Traits, mqttTraits } from '../../src/protocols/mqtt/traits.ts';
import { rabbitTraits } from '../../src/protocols/rabbitmq/traits.ts';
import { until } from '../until.ts';
import { reloadable } from './support.ts';

const takesAll: Sink = { send: () => Promise.resolve() };

async function counted(traits: Traits, ...messages: Partial<EnvelopeInit>[]): Promise<object> {
  const counts = new LossCounts();
  const sink = countingSink(takesAll, traits, counts.counterOf('there'));
  for (const each of messages)
    await sink.send(envelope({ address: 'a', body: new Uint8Array(1), ...each }), 'b');
  return Object.fromEntries(counts.all.get('there') ?? []);
}

describe('what messages lose at a target', () => {
  it('is counted by field, once a message', async () => {
    const got = await counted(
      mqtt3Traits,
      {
        headers: [
          ['a', 'b'],
          ['c', 'd'],
        ],
        key: 'k',
        hops: 1,
      },
      { headers: [['a', 'b']], body: null, bodyType: 'string', priority: 0, contentType: '' },
      { hops: 3 },
    );
    assert.deepEqual(got, { headers: 2, key: 1, body_type: 1, priority: 1, content_type: 1, null_body: 1 });
  });

  it('is counted of repeats, flags and times too late or too early', async () => {
    const many = Array.from({ length: 20 }, (_, n) => [`h${n}`, 'x'] as const);
    const now = Date.now();
    const got = await counted(
      rabbitTraits,
      {
        headers: [
          ['a', 'b'],
          ['b', 'c'],
        ],
        expiresAt: now + 60_000,
        timestamp: now,
      },
      {
        headers: [
          ['a', 'b'],
          ['b', 'c'],
          ['a', 'd'],
        ],
      },
      { headers: many },
      { headers: [...many, ['h7', 'y']] },
      { retain: true, deliveryCount: 2, expiresAt: now + 5_000_000_000, timestamp: -1 },
    );
    assert.deepEqual(got, { repeated_headers: 2, retain: 1, delivery_count: 1, ttl: 1, timestamp: 1 });
    assert.deepEqual(await counted(kafkaTraits, { durable: false }, {}), { durable: 1 });
  });

  it('is not counted of a message that was not taken', async () => {
    const counts = new LossCounts();
    const refuses: Sink = { send: () => Promise.reject(new JunctionError('busy', 'not now')) };
    const sink = countingSink(refuses, mqtt3Traits, counts.counterOf('there'));
    await assert.rejects(sink.send(envelope({ address: 'a', body: null }), 'b'), { code: 'busy' });
    assert.equal(counts.all.size, 0);
  });

  it('costs nothing where nothing can be lost', () => {
    const traits: Traits = { ...mqttTraits, loses: [], narrows: {} };
    assert.equal(countingSink(takesAll, traits, new LossCounts().counterOf('there')), takesAll);
  });

  it('stands at /losses, also after the endpoint was replaced', async (t) => {
    const configuration = (max: string): string => `endpoints:
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  stomp: { type: stomp, listen: "127.0.0.1:0", max_message: ${max} }
routes: [routes.yaml]
`;
    const routes = `routes:
  - { name: a, from: { endpoint: mqtt, address: in }, to: [{ endpoint: stomp, address: /topic/out }] }
`;
    const running = await reloadable(t, configuration('1MiB'), { 'routes.yaml': routes });
    const { gateway } = running;
    const admin = new AdminServer(gateway);
    const at = await admin.open({ host: '127.0.0.1', port: 0 });
    t.after(() => admin.close());
    const losses = async (): Promise<unknown> => (await fetch(`http://127.0.0.1:${at}/losses`)).json();
    const client = await mqtt.connectAsync({
      host: '127.0.0.1',
      port: running.port('mqtt'),
      protocolVersion: 5,
    });
    t.after(() => client.endAsync());
    const send = (userProperties: Record<string, string | string[]>) =>
      client.publishAsync('in', 'x', { qos: 1, properties: { userProperties } });
    await send({ a: 'b', c: 'd' });
    assert.deepEqual(await losses(), { endpoints: {} });
    await send({ a: ['b', 'c'] });
    assert.deepEqual(await losses(), { endpoints: { stomp: { repeated_headers: 1 } } });
    await running.reload(configuration('2MiB'));
    await send({ a: ['b', 'c'] });
    assert.deepEqual(await losses(), { endpoints: { stomp: { repeated_headers: 2 } } });
  });

  it('is counted of clients of MQTT 3, who get no properties, by what each message has', async (t) => {
    const routes = `routes:
  - { name: a, from: { endpoint: stomp, address: /queue/in }, to: [{ endpoint: mqtt, address: routed }] }
`;
    const running = await reloadable(
      t,
      `endpoints:
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  stomp: { type: stomp, listen: "127.0.0.1:0" }
routes: [routes.yaml]
`,
      { 'routes.yaml': routes },
    );
    const losses = () => Object.fromEntries(running.gateway.losses.get('mqtt') ?? []);
    const connect = async (protocolVersion: 4 | 5): Promise<{ client: MqttClient; got: string[] }> => {
      const client = await mqtt.connectAsync({
        host: '127.0.0.1',
        port: running.port('mqtt'),
        protocolVersion,
      });
      t.after(() => client.endAsync());
      const got: string[] = [];
      client.on('message', (_, payload) => got.push(payload.toString()));
      return { client, got };
    };
    const modern = await connect(5);
    const old = [await connect(4), await connect(4)];
    await modern.client.subscribeAsync(['only/modern', 'local', 'routed'], { qos: 1 });
    for (const { client } of old) await client.subscribeAsync(['local', 'routed'], { qos: 1 });
    const all = [modern, ...old];
    const arrived = (...want: string[]) =>
      until(() => all.every(({ got }) => want.every((one) => got.includes(one))));
    const rich = {
      userProperties: { a: ['b', 'c'], 'message-id': '7', priority: '3' },
      contentType: 'a/b',
      responseTopic: 'x',
      correlationData: Buffer.from('1'),
      messageExpiryInterval: 60,
    };
    await modern.client.publishAsync('only/modern', '0', { qos: 1, properties: rich });
    await modern.client.publishAsync('local', 'plain', { qos: 1 });
    await old[0]!.client.publishAsync('local', 'old', { qos: 1 });
    await arrived('plain', 'old');
    assert.deepEqual(losses(), {});
    await modern.client.publishAsync('local', 'rich', { qos: 1, properties: rich });
    await arrived('rich');
    const each = { id: 2, headers: 2, priority: 2, content_type: 2, reply_to: 2, correlation_id: 2, ttl: 2 };
    assert.deepEqual(losses(), each);
    await old[1]!.client.unsubscribeAsync('local');
    await modern.client.publishAsync('local', 'text', {
      qos: 0,
      properties: { payloadFormatIndicator: true },
    });
    await until(() => old[0]!.got.includes('text'));
    assert.deepEqual(losses(), { ...each, body_type: 1 });
    // A route's message knows how many it has passed: that alone is no loss.
    const sent = async (headers: string, body: string): Promise<void> => {
      const socket = connectSocket({ host: '127.0.0.1', port: running.port('stomp') });
      t.after(() => socket.destroy());
      socket.write(
        `CONNECT\naccept-version:1.2\nhost:x\n\n\0SEND\ndestination:/queue/in\n${headers}\n${body}\0`,
      );
      await arrived(body);
    };
    await sent('', 'bare');
    assert.deepEqual(losses(), { ...each, body_type: 1 });
    await sent('JMSXGroupID:k\nh:i\n', 'full');
    assert.deepEqual(losses(), { ...each, headers: 4, key: 2, body_type: 1 });
  });
});
