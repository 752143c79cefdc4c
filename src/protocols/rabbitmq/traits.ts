import { latest, type Traits } from '../../core/protocol.ts';

/** The longest time to live that RabbitMQ takes, in ms: it refuses a larger one. */
export const longestTtl = 4_294_967_295;

export const rabbitTraits: Traits = {
  headers: 'typed',
  repeatedHeaders: false,
  loses: ['deliveryCount', 'retain'],
  narrows: { expiresAt: { range: [1, longestTtl] }, timestamp: { range: [0, latest] } },
  limits: { headerName: 255 }, // a short string, AMQP 0-9-1 §4.2.5.3
  redelivers: true,
};
