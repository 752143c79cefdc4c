import type { Path } from '../path.ts';
import { amqpToRabbitMq } from './amqp-rabbitmq.ts';
import { kafkaToMqtt } from './kafka-mqtt.ts';
import { mqttToKafka } from './mqtt-kafka.ts';
import { rocketMqToAmqp } from './rocketmq-amqp.ts';
import { stompToArtemis } from './stomp-artemis.ts';

/** A run's path follows from its seed and this order; the slowest is begun first. */
export const paths: readonly Path[] = [
  rocketMqToAmqp,
  mqttToKafka,
  amqpToRabbitMq,
  stompToArtemis,
  kafkaToMqtt,
];
