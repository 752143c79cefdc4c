import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import {
  startArtemis,
  startKafka,
  startMosquitto,
  startRabbitMq,
  startRocketMq,
  unavailable,
  type BrokerName,
} from '../brokers/index.ts';
import type { Inbox, Peer } from '../contract/contract.ts';
import { connectActiveMq } from '../contract/harness/amqp-client.ts';
import { connectKafka, createTopics } from '../contract/harness/kafka.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { JavaClient, type JavaMessage } from '../contract/harness/rocketmq-peer.ts';
import { connectStompJs } from '../contract/harness/stomp-js.ts';
import { jmsClassPath } from '../foreign/jms-library.ts';
import { until } from '../helpers.ts';
import { connectShipping, readKafka, type Seen } from './departments-peers.ts';
import { root, runCommand, startGateway, type RunningGateway } from './gateway.ts';

const needed: readonly BrokerName[] = ['kafka', 'rabbitmq', 'rocketmq', 'artemis', 'mosquitto'];
const skip = (await Promise.all(needed.map(unavailable))).find((reason) => reason !== false) ?? false;
const deadline = 60_000;

describe('the departments of docker-compose.yml, at real brokers', { skip, timeout: 480_000 }, () => {
  /** The secret as the gateway reads it. */
  const password = readFileSync(join(root, 'config/secrets/rabbitmq_password'), 'utf8').trim();
  const ends: (() => Promise<unknown>)[] = [];
  const ended = <T extends { close(): Promise<unknown> }>(peer: T): T => {
    ends.push(() => peer.close());
    return peer;
  };
  let brokers: Awaited<ReturnType<typeof startAll>>;
  let gateway: RunningGateway;
  let java: JavaClient;
  let jars: string;
  // who reads the orders
  let analytics: Seen[];
  let picking: Seen[];
  const supplier: JavaMessage[] = [];
  let bench: Inbox;

  async function startAll() {
    const [kafka, rabbitmq, rocketmq, artemis, mosquitto] = await Promise.all([
      startKafka(),
      startRabbitMq({ plugins: [], users: [{ username: 'junction', password }] }),
      startRocketMq(),
      startArtemis(),
      startMosquitto(),
    ]);
    ends.push(...[kafka, rabbitmq, rocketmq, artemis, mosquitto].map((broker) => () => broker.stop()));
    return { kafka, rabbitmq, rocketmq, artemis, mosquitto };
  }

  before(async () => {
    brokers = await startAll();
    await createTopics(brokers.kafka, ['orders', 'stock', 'machines', 'alerts']);
    await brokers.rocketmq.createTopic('orders', { type: 'FIFO', queues: 8 });
    await brokers.rocketmq.createTopic('stock', { queues: 8 });
    java = ended(await JavaClient.start());
    jars = await jmsClassPath();
    gateway = await startGateway({
      config: 'config/compose.yaml',
      env: {
        KAFKA_BROKER: brokers.kafka.at,
        RABBITMQ_URL: `amqp://${brokers.rabbitmq.at}`,
        ROCKETMQ_BROKER: brokers.rocketmq.at,
        ARTEMIS_URL: `amqp://${brokers.artemis.at}`,
        ARTEMIS_USERNAME: 'admin',
        ARTEMIS_PASSWORD: 'admin',
        WORKSHOP_URL: `mqtt://${brokers.mosquitto.at}`,
      },
    });
    await until(
      async () => (await fetch(`http://127.0.0.1:${gateway.port('admin')}/readyz`)).ok,
      'the gateway is ready',
      deadline,
    );
    analytics = ended(await readKafka(brokers.kafka, 'orders')).seen;
    picking = await (await shipping()).read('picking');
    await java.subscribe(brokers.rocketmq.at, 'orders', 'reader', (message) => supplier.push(message));
    bench = await ended(await connectMqtt(brokers.mosquitto.port, 5)).subscribe('orders/de');
  });
  after(async () => {
    assert.equal(await gateway?.stop(), 0, 'SIGTERM drains and ends with 0');
    for (const end of ends.reverse()) await end();
  });

  /** A JMS client sends one order: whether it is told that it was accepted. */
  async function placeOrder(text: string, ...properties: string[]): Promise<boolean> {
    const to = `127.0.0.1:${gateway.port('amqp')}`;
    const args = ['-cp', jars, 'examples/PlaceOrder.java', to, 'orders.de', text, ...properties];
    const { code, stdout, stderr } = await runCommand('java', args);
    assert.match(stdout, code === 0 ? /^accepted$/m : /^not accepted: /m, stdout + stderr);
    return code === 0;
  }

  const shipping = async () =>
    ended(await connectShipping(`amqp://junction:${password}@${brokers.rabbitmq.at}`));

  const come = async <T>(messages: readonly T[], where: string, n = 0): Promise<T> => {
    await until(() => messages.length > n, `the message has come to ${where}`, deadline);
    return messages[n]!;
  };

  it('carries an order of a JMS client to Kafka, RocketMQ, RabbitMQ and an MQTT device, with its properties', async () => {
    assert.ok(
      await placeOrder('{"article":"A7"}', 'customer=Ada', 'pieces=3', 'JMSCorrelationID=c-42'),
      'accepted',
    );
    const inKafka = await come(analytics, 'Kafka');
    assert.equal(inKafka.body, '{"article":"A7"}');
    assert.equal(inKafka.key, 'Ada');
    assert.equal(inKafka.headers.get('customer'), 'Ada');
    assert.equal(inKafka.headers.get('pieces'), '3');
    assert.equal(inKafka.correlationId, 'c-42');

    const inRabbit = await come(picking, 'RabbitMQ');
    assert.equal(inRabbit.body, '{"article":"A7"}');
    assert.equal(inRabbit.key, 'order.de');
    assert.equal(inRabbit.headers.get('customer'), 'Ada');
    assert.equal(Number(inRabbit.headers.get('pieces')), 3);
    assert.notEqual(typeof inRabbit.headers.get('pieces'), 'string', 'a number stays a number');
    assert.equal(inRabbit.correlationId, 'c-42');

    const inRocket = await come(supplier, 'RocketMQ');
    assert.equal(String(inRocket.body), '{"article":"A7"}');
    assert.equal(inRocket.tag, 'de');
    assert.equal(inRocket.group, 'Ada');
    const properties = new Map(inRocket.properties);
    assert.equal(properties.get('customer'), 'Ada');
    assert.equal(properties.get('pieces'), '3');
    assert.equal(properties.get('correlation-id'), 'c-42');

    const atBench = await come(bench.messages, 'the MQTT device');
    assert.equal(String(atBench.body), '{"article":"A7"}');
    assert.deepEqual(new Map(atBench.headers).get('customer'), 'Ada');
    assert.equal(atBench.correlationId, 'c-42');
  });

  it('does not accept an order while one department is away, and does when it is back', async () => {
    const before = picking.length;
    await brokers.kafka.kill('SIGTERM');
    assert.equal(await placeOrder('second', 'customer=Ada'), false);
    await come(picking, 'RabbitMQ, which was there', before);
    await brokers.kafka.start();
    // A JMS client sends again what was not accepted.
    await until(() => placeOrder('second', 'customer=Ada'), 'it is accepted', 120_000);
    const again = ended(await readKafka(brokers.kafka, 'orders'));
    await until(() => again.seen.some(({ body }) => body === 'second'), 'Kafka has it', deadline);
  });

  it('a shipping notice goes from RabbitMQ to the office’s JMS queue in Artemis', async () => {
    const office: Peer = ended(await connectActiveMq(brokers.artemis));
    const inbox = await office.subscribe('shipping.notices');
    await (await shipping()).publish('notices', 'sent', 'c-42');
    const notice = await come(inbox.messages, 'Artemis');
    assert.equal(String(notice.body), 'sent');
    assert.equal(notice.correlationId, 'c-42');
    assert.equal(Number(new Map<string, unknown>(notice.headers).get('parcel')), 7);
  });

  it('a change of stock goes from RocketMQ to Kafka', async () => {
    const { seen } = ended(await readKafka(brokers.kafka, 'stock'));
    const properties = [
      ['article', 'A7'],
      ['correlation-id', 'c-43'],
    ] as const;
    await java.publish(brokers.rocketmq.at, 'stock', { body: Buffer.from('12'), properties });
    const change = await come(seen, 'Kafka');
    assert.deepEqual([change.body, change.key, change.correlationId], ['12', 'A7', 'c-43']);
  });

  it('what a machine tells Mosquitto goes to the screens and to Kafka', async () => {
    const screen = await ended(await connectStompJs(gateway.port('stomp'))).subscribe('/topic/machines.m7');
    const { seen } = ended(await readKafka(brokers.kafka, 'machines'));
    const machine = ended(await connectMqtt(brokers.mosquitto.port, 5));
    const headers = [['shift', 'late']] as const;
    assert.equal(
      await machine.publish('machines/m7/state', { body: Buffer.from('running'), headers }),
      'accepted',
    );
    const shown = await come(screen.messages, 'the screen');
    assert.equal(String(shown.body), 'running');
    assert.equal(new Map(shown.headers).get('shift'), 'late');
    const kept = await come(seen, 'Kafka');
    assert.deepEqual([kept.body, kept.key, kept.headers.get('shift')], ['running', 'm7', 'late']);
  });

  it('a cancellation goes from the office’s queue in Artemis to RabbitMQ and to the bench', async () => {
    const display = await ended(await connectMqtt(brokers.mosquitto.port, 5)).subscribe('orders/cancelled');
    const office: Peer = ended(await connectActiveMq(brokers.artemis));
    assert.equal(
      await office.publish('orders.cancelled', { body: Buffer.from('4711'), headers: [] }),
      'accepted',
    );
    assert.equal(String((await come(display.messages, 'the bench')).body), '4711');
    const cancelled = () => picking.filter(({ key }) => key === 'order.cancelled');
    await until(() => cancelled().length === 1, 'RabbitMQ has it', deadline);
    assert.equal(cancelled()[0]!.body, '4711');
  });

  it('an alert goes from Kafka to the screens and to our MQTT clients', async () => {
    const inboxes = [
      await ended(await connectStompJs(gateway.port('stomp'))).subscribe('/topic/alerts'),
      await ended(await connectMqtt(gateway.port('mqtt'), 5)).subscribe('alerts'),
    ];
    const alert = { body: Buffer.from('hot'), headers: [['line', 'A7']] as const };
    await ended(await connectKafka(brokers.kafka)).publish('alerts', alert);
    for (const inbox of inboxes) {
      const got = await come(inbox.messages, 'a screen');
      assert.deepEqual([String(got.body), new Map(got.headers).get('line')], ['hot', 'A7']);
    }
  });
});
