import type { Traits } from '../../core/protocol.ts';

/** What AMQP 1.0 holds: every field but MQTT's retain flag, every simple type, each header name once. */
export const amqpTraits: Traits = {
  headers: 'typed',
  repeatedHeaders: false,
  loses: ['retain'],
  ascii: ['contentType', 'contentEncoding'], // symbols, §3.2.4
  redelivers: true,
};
