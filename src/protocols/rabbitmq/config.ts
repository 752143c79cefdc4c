import { z } from 'zod';
import { duration } from '../../core/units.ts';
import { brokerUrls, clientSettings } from '../../client/settings.ts';

const name = z
  .string()
  .min(1)
  .refine((text) => Buffer.byteLength(text) <= 255, 'has at most 255 bytes');

const argumentValue = z.union([z.string(), z.number(), z.boolean()]);
const args = z
  .record(z.string(), argumentValue)
  .default({})
  .describe('The broker’s optional arguments, e.g. `x-message-ttl: 60000`.');

const queue = z.strictObject({
  name: name.describe('The queue.'),
  type: z.enum(['quorum', 'classic', 'stream']).default('quorum').describe('What kind of queue.'),
  durable: z.boolean().default(true).describe('Whether it outlives the broker’s restart.'),
  auto_delete: z.boolean().default(false).describe('Whether it goes with its last consumer.'),
  arguments: args,
});

const exchange = z.strictObject({
  name: name.describe('The exchange.'),
  type: name.default('topic').describe('direct, topic, fanout, headers, or what a plugin adds.'),
  durable: z.boolean().default(true).describe('Whether it outlives the broker’s restart.'),
  auto_delete: z.boolean().default(false).describe('Whether it goes with its last binding.'),
  internal: z.boolean().default(false).describe('Whether only other exchanges publish to it.'),
  arguments: args,
});

const binding = z
  .strictObject({
    exchange: name.describe('The exchange that messages come from.'),
    queue: name.optional().describe('The queue that they go to.'),
    to_exchange: name.optional().describe('Or the exchange that they go to.'),
    key: z.string().default('').describe('The routing key, for a topic exchange with * and #.'),
    arguments: args,
  })
  .refine(
    (each) => (each.queue === undefined) !== (each.to_exchange === undefined),
    'write either queue or to_exchange',
  );

const declare = z
  .strictObject({
    queues: z.array(queue).default([]).describe('Queues to make where they are missing.'),
    exchanges: z.array(exchange).default([]).describe('Exchanges to make where they are missing.'),
    bindings: z.array(binding).default([]).describe('Bindings to make where they are missing.'),
  })
  .describe('What must be there, made at every connect; what is there and differs is an error.');

export const rabbitClientConfig = z
  .strictObject({
    url: brokerUrls({
      amqp: { carrier: 'tcp', port: 5672 },
      amqps: { carrier: 'tls', port: 5671 },
    }),
    vhost: z
      .string()
      .min(1)
      .optional()
      .describe(
        'The virtual host, if not the path of the URL (percent-encoded); `/` where neither is given.',
      ),
    heartbeat: duration()
      .refine((ms) => ms === 0 || (ms >= 1000 && ms <= 65_535_000), 'must be 0s or from 1s to 65535s')
      .prefault('20s')
      .describe('How often a sign of life is exchanged; two that are missed end the connection. 0s: never.'),
    declare: declare.optional(),
    ...clientSettings,
  })
  .refine((config) => config.password === undefined || config.username !== undefined, {
    message: 'a password needs a username',
    path: ['username'],
  });

export type RabbitClientConfig = z.output<typeof rabbitClientConfig>;
export type Declarations = NonNullable<RabbitClientConfig['declare']>;
