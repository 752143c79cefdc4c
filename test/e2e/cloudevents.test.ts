import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { CloudEvent, Kafka, MQTT, type CloudEventV1 } from 'cloudevents';
import { startKafka, unavailable, type Broker } from '../brokers/index.ts';
import type { Peer, PeerMessage } from '../contract/contract.ts';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectKafka, createTopics } from '../contract/harness/kafka.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { connectStomp } from '../contract/harness/stomp.ts';
import { reloadable, type Reloadable } from '../gateway/support.ts';
import { until } from '../helpers.ts';

const skip = await unavailable('kafka');

const event = new CloudEvent({
  id: 'A234',
  source: '/shop/7',
  type: 'com.example.order.placed',
  time: '2024-05-06T07:08:09.123Z',
  datacontenttype: 'application/json',
  region: 'eu',
  lines: 3,
  data: { total: 12.5 },
});

const json = (message: PeerMessage): CloudEventV1<unknown> =>
  JSON.parse(message.body.toString()) as CloudEventV1<unknown>;
const headersOf = (message: PeerMessage): Record<string, string> => Object.fromEntries(message.headers!);

/** What every form must say. */
function assertIsEvent(got: Record<string, unknown>): void {
  for (const name of ['id', 'source', 'type', 'time', 'region'] as const)
    assert.equal(got[name], event[name], name);
  assert.equal(String(got['lines']), '3');
  assert.equal(got['specversion'], '1.0');
}

const withoutPrefix = (headers: Record<string, string>, prefix: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers)
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

describe('events of real clients', { skip }, () => {
  let kafka: Broker;
  const peers: Peer[] = [];
  const kept = (peer: Peer): Peer => {
    peers.push(peer);
    return peer;
  };

  before(async () => {
    kafka = await startKafka();
    await createTopics(kafka, ['orders', 'archive']);
  });
  after(async () => {
    for (const peer of peers) await peer.close();
    await kafka.stop();
  });

  it('cross from Kafka to AMQP, MQTT and STOMP, and from those to Kafka', async (t) => {
    const gateway: Reloadable = await reloadable(
      t,
      `endpoints:
  amqp: { type: amqp, listen: "127.0.0.1:0", topics: ["#"] }
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  stomp: { type: stomp, listen: "127.0.0.1:0" }
  kafka: { type: kafka, brokers: ["${kafka.at}"] }
routes: [routes.yaml]
admin: { listen: "127.0.0.1:0" }
store: { path: "\${DATA}" }
`,
      {
        'routes.yaml': `routes:
  - name: out
    from: { endpoint: kafka, address: orders, format: cloudevents }
    when: "ce_type = 'com.example.order.placed'"
    to:
      - { endpoint: amqp, address: "orders/{header.ce_region}", format: cloudevents }
      - { endpoint: mqtt, address: "binary", format: { cloudevents: { mode: binary } } }
      - { endpoint: mqtt, address: "structured", format: cloudevents }
      - { endpoint: stomp, address: "/topic/orders", format: cloudevents }
  - name: back-mqtt
    from: { endpoint: mqtt, address: "back/{mode}", format: cloudevents }
    to: [{ endpoint: kafka, address: archive, key: "{mode}", format: cloudevents }]
  - name: back-amqp
    from: { endpoint: amqp, address: "back" }
    to: [{ endpoint: kafka, address: archive, format: cloudevents }]
`,
      },
    );
    const [toAmqp, toFive, toFour, toStomp] = [
      await kept(await connectAmqp(gateway.port('amqp'))).subscribe('orders/eu'),
      await kept(await connectMqtt(gateway.port('mqtt'), 5)).subscribe('binary'),
      await kept(await connectMqtt(gateway.port('mqtt'), 4)).subscribe('structured'),
      await kept(await connectStomp(gateway.port('stomp'), '1.2')).subscribe('/topic/orders'),
    ] as const;
    const producer = kept(await connectKafka(kafka));
    const binary = Kafka.binary(event) as { headers: Record<string, unknown> };
    const { 'content-type': contentType, ...attributes } = binary.headers;
    await producer.publish('orders', {
      body: Buffer.from(JSON.stringify(event.data)),
      contentType: contentType as string,
      headers: Object.entries(attributes)
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, String(value)]),
    });
    const inboxes = [toAmqp, toFive, toFour, toStomp];
    await until(
      () => inboxes.every(({ messages }) => messages.length === 1),
      'the event is everywhere',
      60_000,
    );
    const [amqp, five, four, stomp] = inboxes.map(({ messages }) => messages[0]!) as [
      PeerMessage,
      PeerMessage,
      PeerMessage,
      PeerMessage,
    ];
    assertIsEvent(withoutPrefix(headersOf(amqp), 'cloudEvents_'));
    assertIsEvent(withoutPrefix(headersOf(stomp), 'cloudEvents_'));
    assertIsEvent(headersOf(five));
    for (const message of [amqp, five, stomp]) {
      assert.equal(message.contentType, 'application/json');
      assert.deepEqual(json(message), event.data);
    }
    assertIsEvent({ ...json(four) });
    assert.deepEqual(json(four).data, event.data);
    assert.ok(new CloudEvent(json(four)).validate());

    const archive = await kept(await connectKafka(kafka)).subscribe('archive');
    const device = kept(await connectMqtt(gateway.port('mqtt'), 4));
    const structured = { body: Buffer.from(event.toString()) };
    assert.equal(await device.publish('back/structured', structured), 'accepted');
    const five2 = kept(await connectMqtt(gateway.port('mqtt'), 5));
    const fiveMessage = MQTT.binary(event) as unknown as { headers: Record<string, unknown> };
    assert.equal(
      await five2.publish('back/binary', {
        body: Buffer.from(JSON.stringify(event.data)),
        contentType: 'application/json',
        headers: Object.entries(fiveMessage.headers)
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => [name, String(value)]),
      }),
      'accepted',
    );
    const sender = kept(await connectAmqp(gateway.port('amqp')));
    const named = Object.entries(withoutPrefix(headersOf(amqp), 'cloudEvents_'));
    await sender.publish('back', {
      ...amqp,
      headers: named.map(([name, value]) => [`cloudEvents:${name}`, value]),
    });
    await until(() => archive.messages.length === 3, 'the archive has all', 60_000);
    for (const message of archive.messages) {
      assertIsEvent(withoutPrefix(headersOf(message), 'ce_'));
      assert.equal(message.contentType, 'application/json');
      assert.deepEqual(json(message), event.data);
    }
  });

  it('that are none are refused to their sender', async (t) => {
    const gateway = await reloadable(
      t,
      `endpoints:
  mqtt: { type: mqtt, listen: "127.0.0.1:0" }
  amqp: { type: amqp, listen: "127.0.0.1:0", topics: ["#"] }
routes: [routes.yaml]
admin: { listen: "127.0.0.1:0" }
store: { path: "\${DATA}" }
`,
      {
        'routes.yaml': `routes:
  - name: strict
    from: { endpoint: mqtt, address: in, format: cloudevents }
    to: [{ endpoint: amqp, address: out }]
`,
      },
    );
    const device = kept(await connectMqtt(gateway.port('mqtt'), 5));
    assert.equal(await device.publish('in', { body: Buffer.from('hello') }), 'refused');
    assert.equal(await device.publish('in', { body: Buffer.from(event.toString()) }), 'accepted');
  });
});
