import amqp from '../../src/protocols/amqp/index.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import { connectAmqp } from '../contract/harness/amqp.ts';
import { connectMqtt } from '../contract/harness/mqtt-peer.ts';
import { connectStomp } from '../contract/harness/stomp.ts';
import type { System } from './system.ts';

const listener = (
  system: Pick<System, 'name' | 'title' | 'traits' | 'address' | 'connect'> & { readonly type: string },
): System => ({
  role: 'listener',
  unavailable: false,
  start: () => Promise.resolve(),
  stop: () => Promise.resolve(),
  settings: () => ({ type: system.type, listen: '127.0.0.1:0' }),
  ...system,
});

export const mqttListener = listener({
  name: 'mqtt-listener',
  title: 'the MQTT listener, with an MQTT 5 client (mqtt.js)',
  type: 'mqtt',
  traits: mqtt.listener!.traits,
  address: (word) => `interop/${word}`,
  connect: (port) => connectMqtt(port, 5),
});

export const amqpListener = listener({
  name: 'amqp-listener',
  title: 'the AMQP 1.0 listener, with a rhea client',
  type: 'amqp',
  traits: amqp.listener!.traits,
  address: (word) => `interop.${word}`,
  connect: connectAmqp,
});

export const stompListener = listener({
  name: 'stomp-listener',
  title: 'the STOMP listener, with a STOMP 1.2 client (stompit)',
  type: 'stomp',
  traits: stomp.listener!.traits,
  address: (word) => `/queue/interop.${word}`,
  connect: (port) => connectStomp(port, '1.2'),
});
