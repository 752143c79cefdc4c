import type { Protocol, Traits } from '../../core/protocol.ts';
import { mqttAddress } from './address.ts';

/** What MQTT holds, in both roles; MQTT 3 peers get topic, payload, QoS and retain only. */
export const mqttTraits: Traits = {
  headers: 'text',
  repeatedHeaders: true,
  loses: ['deliveryCount'],
  redelivers: false,
};

const mqtt: Protocol = {
  name: 'mqtt',
  summary: 'MQTT 3.1, 3.1.1 and 5',
  address: mqttAddress,
};

export default mqtt;
