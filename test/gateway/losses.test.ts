import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import mqtt from 'mqtt';
import { AdminServer } from '../../src/admin/server.ts';
import { envelope, type EnvelopeInit } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Sink, Traits } from '../../src/core/protocol.ts';
import { countingSink } from '../../src/gateway/counting-sink.ts';
import { LossCounts } from '../../src/gateway/loss-counts.ts';
import { kafkaTraits } from '../../src/protocols/kafka/client.ts';
import { mqtt3Traits, mqttTraits } from '../../src/protocols/mqtt/traits.ts';
import { rabbitTraits } from '../../src/protocols/rabbitmq/traits.ts';
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
});
