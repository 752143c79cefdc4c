import { z } from 'zod';
import { duplicateDetection } from '../../../client/duplicate-id.ts';
import { clientSettings, brokerUrls } from '../../../client/settings.ts';
import { parsePattern } from '../../../core/address.ts';
import { duration, size } from '../../../core/units.ts';
import { amqpAddress } from '../address.ts';

const text = z.string().min(1);

const pattern = text.superRefine((value, context) => {
  try {
    parsePattern(value, amqpAddress, false);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

/** Settings of the connection to an AMQP 1.0 broker, beside `type`. */
export const amqpClientConfig = z
  .strictObject({
    url: brokerUrls({
      amqp: { carrier: 'tcp', port: 5672 },
      amqps: { carrier: 'tls', port: 5671 },
      ws: { carrier: 'ws', port: 80 },
      wss: { carrier: 'wss', port: 443 },
    }),
    ...clientSettings,
    sasl: z
      .enum(['auto', 'scram-sha-256', 'plain', 'external', 'anonymous', 'none'])
      .default('auto')
      .describe(
        'How to log in. `auto`: with a user by SCRAM-SHA-256 where it is offered, else PLAIN; else with the certificate, if there is one; else ANONYMOUS. `none`: without SASL.',
      ),
    hostname: text
      .optional()
      .describe('What the broker calls itself, if not the host of the URL; RabbitMQ: `vhost:name`.'),
    container_id: text
      .max(255)
      .optional()
      .describe(
        'Our name at the broker, by default junction- and the endpoint’s name; every gateway needs its own.',
      ),
    topics: z
      .array(pattern)
      .default([])
      .describe('Addresses that are topics at the broker, e.g. `events.#`; all others are queues.'),
    capabilities: z
      .boolean()
      .default(true)
      .describe('Whether links say `queue` or `topic`, as Artemis and IBM MQ want to know.'),
    queue_prefix: z
      .string()
      .default('')
      .describe(
        'What the broker wants before the name of a queue, ActiveMQ Classic and Solace: `queue://`; RabbitMQ: `/queue/`.',
      ),
    topic_prefix: z
      .string()
      .default('')
      .describe(
        'What it wants before the name of a topic, ActiveMQ Classic and Solace: `topic://`; RabbitMQ: `/topic/`.',
      ),
    wildcards: z
      .strictObject({
        one: text.default('*').describe('For one word.'),
        rest: text.default('#').describe('For all words that follow; ActiveMQ Classic: `>`.'),
      })
      .prefault({})
      .describe('The broker’s wildcards.'),
    subscription: text
      .max(200)
      .optional()
      .describe(
        'Makes subscriptions to topics durable: the broker keeps messages for us while we are away, under this name and the address.',
      ),
    shared: z
      .boolean()
      .default(false)
      .describe('Whether gateways with the same `subscription` share its messages.'),
    selector: text
      .optional()
      .describe('Takes only messages that this JMS selector matches, where the broker has selectors.'),
    duplicate_detection: duplicateDetection,
    in_flight: clientSettings.in_flight.describe(
      'Messages to one address that the broker has not confirmed yet, at most; the rest waits here.',
    ),
    max_links: z
      .int()
      .min(1)
      .max(10_000)
      .default(100)
      .describe('Addresses with a link to send on at one time; the one unused for longest makes room.'),
    idle_timeout: duration()
      .prefault('60s')
      .refine((ms) => ms === 0 || (Number.isInteger(ms) && ms >= 1000 && ms <= 0xffff_ffff), {
        message: 'must be 0s, or from 1s to 49d in whole milliseconds (AMQP 1.0 §2.4.5 has 32 bits for it)',
      })
      .describe('How long the broker may be silent; `0s`: for ever.'),
    max_frame: size()
      .prefault('64KiB')
      .refine((bytes) => Number.isInteger(bytes) && bytes >= 512 && bytes <= 1024 ** 3, {
        message: 'must be from 512B (AMQP 1.0 §2.7.1) to 1GiB',
      })
      .describe('The largest frame taken from the broker.'),
  })
  .superRefine((config, context) => {
    const wrong = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message, input: undefined });
    const named = config.username !== undefined;
    if (['plain', 'scram-sha-256'].includes(config.sasl) && !named)
      wrong('username', `is needed with sasl: ${config.sasl}`);
    if (named && config.password === undefined) wrong('password', 'is needed with username');
    if (config.sasl === 'external' && config.tls?.cert === undefined)
      wrong('sasl', 'external needs the certificate in tls.cert');
    if (config.shared && config.subscription === undefined)
      wrong('shared', 'needs a `subscription`, the name by which gateways find each other');
  });

export type AmqpClientConfig = z.output<typeof amqpClientConfig>;
