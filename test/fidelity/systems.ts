import type { Envelope } from '../../src/core/envelope.ts';
import type { Traits, Wire } from '../../src/core/protocol.ts';
import amqp from '../../src/protocols/amqp/index.ts';
import { amqpWire } from '../../src/protocols/amqp/wire-form.ts';
import kafka from '../../src/protocols/kafka/index.ts';
import { kafkaWire } from '../../src/protocols/kafka/wire-form.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import { mqttWire } from '../../src/protocols/mqtt/wire-form.ts';
import rabbitmq from '../../src/protocols/rabbitmq/index.ts';
import { rabbitWire } from '../../src/protocols/rabbitmq/wire-form.ts';
import rocketmq from '../../src/protocols/rocketmq/index.ts';
import { rocketMqWire } from '../../src/protocols/rocketmq/wire-form.ts';
import type { Version } from '../../src/protocols/stomp/frame.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import { stompClientWire, stompListenerWire } from '../../src/protocols/stomp/wire-form.ts';

/** Ms since the epoch at which all messages of these tests cross. */
export const now = 1_700_000_000_123;

/** One way in which this gateway takes part in a protocol, by its bytes. */
export interface System {
  readonly name: string;
  readonly traits: Traits;
  /** An address of this protocol. */
  readonly address: string;
  /** Writes a message for its address, to the bytes of the protocol, and reads these as its source does. */
  trip(message: Envelope): Envelope;
}

const system = (name: string, traits: Traits, address: string, wire: Wire): System => ({
  name,
  traits,
  address,
  trip: (message) => wire(message, address, now).arrives,
});

const stompListener = (version: Version): System => {
  const { traits, older } = stomp.listener!;
  const held = version === '1.2' ? traits : older!.traits;
  return system(`stomp ${version}`, held, '/queue/orders', stompListenerWire(version));
};

const stompClient = (broker?: string): System =>
  system(
    `stomp client of ${broker ?? 'another broker'}`,
    stomp.client!.traits,
    '/queue/orders',
    stompClientWire(broker && `${broker}/1`, '1.2'),
  );

export const systems: readonly System[] = [
  system('mqtt 5', mqtt.listener!.traits, 'a/b', mqttWire(5)),
  system('mqtt 3.1.1', mqtt.listener!.older!.traits, 'a/b', mqttWire(4)),
  system('amqp', amqp.listener!.traits, 'orders', amqpWire),
  stompListener('1.0'),
  stompListener('1.1'),
  stompListener('1.2'),
  stompClient(),
  stompClient('ActiveMQ'),
  stompClient('ActiveMQ-Artemis'),
  stompClient('RabbitMQ'),
  system('kafka', kafka.client!.traits, 'orders', kafkaWire),
  system('rabbitmq', rabbitmq.client!.traits, 'orders', rabbitWire('me')),
  system('rocketmq', rocketmq.client!.traits, 'orders', rocketMqWire(false)),
  system('rocketmq fifo', rocketmq.client!.traits, 'orders', rocketMqWire(true)),
];
