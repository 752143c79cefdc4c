import mqtt from '../../../src/protocols/mqtt/index.ts';
import type { ListenerHarness } from '../contract.ts';
import { listenerBench } from './listener-bench.ts';
import { connectMqtt } from './mqtt-peer.ts';

export const mqttHarness = (version: 3 | 4 | 5): ListenerHarness => ({
  name: `the MQTT listener, with a ${{ 3: '3.1', 4: '3.1.1', 5: '5' }[version]} client`,
  protocol: 'mqtt',
  role: 'listener',
  traits: mqtt.listener!.traits,
  skip: false,
  address: (word) => `contract/${word}`,
  largest: 1024 * 1024,
  peerLacks: version === 5 ? [] : ['headers', 'contentType', 'correlationId', 'replyTo'],
  refusal: version === 5 ? 'refused' : 'closed',
  malformed: Buffer.from([0x10, 0x04, 0x00, 0x01, 0x58, 0xff]),
  create: ({ window }) =>
    listenerBench(mqtt, { listen: '127.0.0.1:0', window }, (port) => connectMqtt(port, version)),
});
