import kafka from '../../src/protocols/kafka/index.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import { startKafka, startMosquitto, unavailable, type Broker } from '../brokers/index.ts';
import { connectKafka, createTopics } from '../contract/harness/kafka.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import type { System } from './system.ts';

type Parts<B extends Broker> = Pick<
  System,
  'name' | 'title' | 'traits' | 'ordered' | 'unavailable' | 'address'
> & {
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
  ordered: true,
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
  ordered: true,
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
