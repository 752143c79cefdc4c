import type { Traits } from '../../core/protocol.ts';

/** What MQTT holds, in both roles; MQTT 3 peers get topic, payload, QoS and retain only. */
export const mqttTraits: Traits = {
  headers: 'text',
  repeatedHeaders: true,
  controlCharacters: 'encoded', // a receiver may end the connection for them, MQTT 5 §1.5.4
  ids: 'header', // a user property of MQTT 5
  loses: ['deliveryCount'],
  redelivers: false,
};
