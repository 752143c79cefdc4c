import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Consumer, Producer } from '@platformatic/kafka';
import amqplib, { type Channel, type ChannelModel } from 'amqplib';
import { startKafka, startRabbitMq, unavailable, type Broker } from '../brokers/index.ts';
import { fromTheFirst } from '../brokers/kafka-reading.ts';
import { connectKafka, createTopics } from '../contract/harness/kafka.ts';
import { until } from '../helpers.ts';
import {
  amqpPeer,
  assertAnswered,
  mqttPeer,
  stompPeer,
  Stream,
  type Answered,
  type Peer,
} from './requests.ts';
import { reloadable, type Reloadable } from './support.ts';

const skip = (await unavailable('rabbitmq')) || (await unavailable('kafka'));

const configuration = (rabbit: string, kafka: string): string => `endpoints:
  mqtt: { type: mqtt, listen: 127.0.0.1:0 }
  amqp: { type: amqp, listen: 127.0.0.1:0 }
  stomp: { type: stomp, listen: 127.0.0.1:0 }
  rabbit:
    type: rabbitmq
    url: amqp://${rabbit}
    username: guest
    password: guest
    declare:
      queues: [{ name: rpc }, { name: direct }, { name: work }, { name: junction.replies.gw-1 }]
  kafka: { type: kafka, brokers: ["${kafka}"], group: junction-gw-1 }
store: { path: "\${DATA}" }
id: gw-1
routes: [routes.yaml]
`;

const routes = `routes:
  - name: devices-to-rabbit
    from: { endpoint: mqtt, address: ask/rabbit }
    to: [{ endpoint: rabbit, address: work }]
    reply: { address: "/queues/junction.replies.{gateway}", allow: ["answers/#"] }
  - name: services-to-kafka
    from: { endpoint: amqp, address: ask.kafka }
    to: [{ endpoint: kafka, address: requests }]
    reply: { address: "replies.{gateway}" }
  - name: pages-to-kafka
    from: { endpoint: stomp, address: /queue/ask.kafka }
    to: [{ endpoint: kafka, address: requests }]
    reply: { address: "replies.{gateway}" }
  - name: rabbit-to-services
    from: { endpoint: rabbit, address: rpc }
    to: [{ endpoint: amqp, address: work }]
    reply: { address: replies }
  - name: kafka-to-devices
    from: { endpoint: kafka, address: asking }
    to: [{ endpoint: mqtt, address: work }]
    reply: { address: replies, allow: ["answers.*"] }
`;

describe('requests from and to real brokers', { skip, timeout: 170_000 }, () => {
  let rabbit: Broker;
  let kafka: Broker;
  let running: Reloadable;
  let connection: ChannelModel;
  let channel: Channel;
  const closing: (() => unknown)[] = [];
  const kept = <Made extends Peer>(peer: Made): Made => {
    closing.push(() => peer.close());
    return peer;
  };

  before(async () => {
    [rabbit, kafka] = await Promise.all([startRabbitMq({ plugins: [] }), startKafka()]);
    await createTopics(kafka, ['requests', 'replies.gw-1', 'asking', 'answers.one']);
    connection = await amqplib.connect(`amqp://guest:guest@${rabbit.at}`);
    channel = await connection.createChannel();
  });
  after(async () => {
    for (const close of closing.reverse()) await close();
    await connection.close();
    await Promise.all([rabbit.stop(), kafka.stop()]);
  });

  /** A service that reads requests from a topic and answers where they say. */
  async function serveKafka(topic: string): Promise<void> {
    const consumer = new Consumer({ groupId: topic, clientId: 'service', bootstrapBrokers: [kafka.at] });
    const producer = new Producer({ clientId: 'service', bootstrapBrokers: [kafka.at] });
    const stream = await consumer.consume({ ...fromTheFirst, topics: [topic] });
    closing.push(async () => {
      await stream.close();
      await consumer.close();
      await producer.close();
    });
    stream.on('data', ({ value, headers }: { value: Buffer; headers: Map<Buffer, Buffer> }) => {
      const named = new Map([...headers].map(([name, text]) => [name.toString(), text]));
      const answer = {
        topic: named.get('reply-to')!.toString(),
        value: Buffer.from(`re: ${value.toString()}`),
        headers: new Map([[Buffer.from('correlation-id'), named.get('correlation-id')!]]),
      };
      void producer.send({ messages: [answer] });
    });
  }

  it('find servers of RabbitMQ and services of Kafka, each with the habits of its kind', async (t) => {
    running = await reloadable(t, configuration(rabbit.at, kafka.at), { 'routes.yaml': routes });
    await until(() => running.gateway.ready(), 'the gateway is ready', 60_000);
    await channel.consume('work', (message) => {
      const { replyTo, correlationId } = message!.properties as { replyTo: string; correlationId: string };
      channel.sendToQueue(replyTo, Buffer.from(`re: ${message!.content.toString()}`), { correlationId });
      channel.ack(message!);
    });
    await assertAnswered(kept(await mqttPeer(running.port('mqtt'), 'answers/1')), 'ask/rabbit', 'device');

    await serveKafka('requests');
    await assertAnswered(kept(await amqpPeer(running.port('amqp'))), 'ask.kafka', 'service');
    await assertAnswered(kept(await stompPeer(running.port('stomp'))), '/queue/ask.kafka', 'page');

    await kept(await amqpPeer(running.port('amqp'))).serve('work');
    for (const direct of [false, true]) {
      const replyTo = direct
        ? 'amq.rabbitmq.reply-to'
        : (await channel.assertQueue('', { exclusive: true })).queue;
      const answers = new Stream<Answered>();
      await channel.consume(
        replyTo,
        (message) =>
          answers.push({
            text: message!.content.toString(),
            correlation: message!.properties.correlationId as string,
          }),
        { noAck: true },
      );
      channel.sendToQueue('rpc', Buffer.from('hello'), { replyTo, correlationId: `direct ${direct}` });
      assert.deepEqual((await answers.next()).value, { text: 're: hello', correlation: `direct ${direct}` });
    }

    await kept(await mqttPeer(running.port('mqtt'), 'unused')).serve('work');
    const client = await connectKafka(kafka);
    closing.push(() => client.close());
    const inbox = await client.subscribe('answers.one');
    const request = { body: Buffer.from('hello'), correlationId: 'record 1' };
    await client.publish('asking', { ...request, replyTo: 'answers.one' });
    await until(() => inbox.messages.length === 1);
    assert.equal(inbox.messages[0]!.body.toString(), 're: hello');
    assert.equal(inbox.messages[0]!.correlationId, 'record 1');
    await client.publish('asking', { ...request, replyTo: 'requests' });
    await until(async () => (await running.gateway.deadLetters!.list({}, { limit: 9 })).length === 1);
    const [letter] = await running.gateway.deadLetters!.list({}, { limit: 9 });
    assert.match(letter!.reason, /reply address "requests" is none that the route allows/);
    // RabbitMQ returns an answer to direct reply-to as unroutable, though it delivers it, where that is asked for.
    const failed = (): string[] =>
      running.log.lines
        .filter(({ fields }) => 'outcome' in fields)
        .map(({ fields }) => (fields as { route: string }).route);
    await until(() => failed().length > 0);
    assert.deepEqual(failed(), ['kafka-to-devices']);
  });
});
