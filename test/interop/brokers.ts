import amqp from '../../src/protocols/amqp/index.ts';
import kafka from '../../src/protocols/kafka/index.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import rabbitmq from '../../src/protocols/rabbitmq/index.ts';
import rocketmq from '../../src/protocols/rocketmq/index.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import {
  startActiveMq,
  startArtemis,
  startKafka,
  startMosquitto,
  startRabbitMq,
  startRocketMq,
  unavailable,
  type Broker,
} from '../brokers/index.ts';
import { connectActiveMq } from '../contract/harness/amqp-client.ts';
import { connectKafka, createTopics } from '../contract/harness/kafka.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { connectRabbitMq } from '../contract/harness/rabbitmq.ts';
import { JavaClient } from '../contract/harness/rocketmq-peer.ts';
import { connectRocketMq } from '../contract/harness/rocketmq.ts';
import { connectStompJs } from '../contract/harness/stomp-js.ts';
import type { System } from './system.ts';

type Parts<B extends Broker> = Pick<System, 'name' | 'title' | 'traits' | 'unavailable' | 'address'> & {
  readonly start: (addresses: readonly string[]) => Promise<B>;
  readonly settings: (broker: B) => Readonly<Record<string, unknown>>;
  readonly connect: (broker: B) => ReturnType<System['connect']>;
};

/** A system whose broker is a process of its own. */
function brokerSystem<B extends Broker>({ start, settings, connect, ...parts }: Parts<B>): System {
  let broker: B | undefined;
  return {
    ...parts,
    role: 'client',
    start: async (addresses) => void (broker = await start(addresses)),
    stop: async () => void (await broker?.stop()),
    settings: () => settings(broker!),
    connect: () => connect(broker!),
  };
}

export const mosquitto = brokerSystem({
  name: 'mqtt',
  title: 'Eclipse Mosquitto, MQTT 5',
  traits: mqtt.client!.traits,
  unavailable: await unavailable('mosquitto'),
  address: (word) => `interop/${word}`,
  start: () => startMosquitto({ config: ['max_queued_messages 10000'] }),
  settings: ({ at }) => ({ type: 'mqtt', url: `mqtt://${at}` }),
  connect: ({ port }) => connectMqtt(port, 5),
});

export const kafkaBroker = brokerSystem({
  name: 'kafka',
  title: 'Apache Kafka, topics of one partition (@platformatic/kafka)',
  traits: kafka.client!.traits,
  unavailable: await unavailable('kafka'),
  address: (word) => `interop.${word}`,
  start: async (addresses) => {
    const broker = await startKafka();
    await createTopics(broker, [...addresses]);
    return broker;
  },
  settings: ({ at }) => ({ type: 'kafka', brokers: [at] }),
  connect: connectKafka,
});

export const rabbitMq = brokerSystem({
  name: 'rabbitmq',
  title: 'RabbitMQ, AMQP 0-9-1 (@cloudamqp/amqp-client)',
  traits: rabbitmq.client!.traits,
  unavailable: await unavailable('rabbitmq'),
  address: (word) => `interop.${word}`,
  start: async (addresses) => Object.assign(await startRabbitMq({ plugins: [] }), { addresses }),
  settings: ({ at, addresses }) => ({
    type: 'rabbitmq',
    url: `amqp://${at}`,
    declare: { queues: addresses.map((name) => ({ name, type: 'classic' })) },
  }),
  connect: connectRabbitMq,
});

export const artemis = brokerSystem({
  name: 'amqp',
  title: 'ActiveMQ Artemis, AMQP 1.0 (rhea)',
  traits: amqp.client!.traits,
  unavailable: await unavailable('artemis'),
  address: (word) => `interop.${word}`,
  start: () => startArtemis(),
  settings: ({ at }) => ({ type: 'amqp', url: `amqp://${at}` }),
  connect: connectActiveMq,
});

export const activeMq = brokerSystem({
  name: 'stomp',
  title: 'ActiveMQ Classic, STOMP (@stomp/stompjs)',
  traits: stomp.client!.traits,
  unavailable: await unavailable('activemq'),
  address: (word) => `/queue/interop.${word}`,
  start: () => startActiveMq(),
  settings: ({ stompPort }) => ({ type: 'stomp', url: `stomp://127.0.0.1:${stompPort}` }),
  connect: ({ stompPort }) => connectStompJs(stompPort),
});

export const rocketMq = brokerSystem({
  name: 'rocketmq',
  title: 'Apache RocketMQ 5, topics of one queue (its Java client)',
  traits: rocketmq.client!.traits,
  unavailable: await unavailable('rocketmq'),
  address: (word) => `interop-${word}`,
  start: async (addresses) => {
    const broker = await startRocketMq();
    for (const address of addresses) await broker.createTopic(address, { queues: 1 });
    return broker;
  },
  settings: ({ at }) => ({ type: 'rocketmq', brokers: [at] }),
  connect: async (broker) => {
    const java = await JavaClient.start();
    const peer = connectRocketMq(broker, java);
    return { ...peer, close: async () => (await peer.close(), java.close()) };
  },
});
