import type { Traits } from '../../core/protocol.ts';

const longestString = 65_535; // MQTT 5 §1.5.4
const largestPacket = 268_435_455; // §1.5.5

/** What MQTT 5 holds, in both roles. */
export const mqttTraits: Traits = {
  headers: 'text',
  repeatedHeaders: true,
  controlCharacters: 'encoded', // a receiver may end the connection for them, MQTT 5 §1.5.4
  ids: 'header', // a user property of MQTT 5
  loses: ['deliveryCount'],
  narrows: { expiresAt: { step: 1000 } },
  limits: {
    headerName: longestString,
    headerValue: longestString,
    body: largestPacket,
  },
  redelivers: false,
};

/** What MQTT 3.1 and 3.1.1 hold: topic, payload, QoS and retain. */
export const mqtt3Traits: Traits = {
  headers: 'none',
  repeatedHeaders: false,
  ids: 'header',
  loses: [
    ...(['id', 'bodyType', 'headers', 'contentType', 'contentEncoding', 'subject', 'correlationId'] as const),
    ...(['replyTo', 'key', 'priority', 'expiresAt', 'timestamp', 'deliveryCount', 'hops'] as const),
  ],
  nullBody: 'empty',
  limits: { body: largestPacket },
  redelivers: false,
};
