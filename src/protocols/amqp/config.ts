import { z } from 'zod';
import { parsePattern } from '../../core/address.ts';
import { duration, listenerSettings, queueSettings, size } from '../../core/units.ts';
import { transportSettings } from '../../transport/listen-settings.ts';
import { amqpAddress } from './address.ts';

const topicPattern = z.string().superRefine((text, context) => {
  try {
    parsePattern(text, amqpAddress, false);
  } catch (error) {
    context.addIssue({ code: 'custom', message: (error as Error).message });
  }
});

/** Settings of an AMQP 1.0 listener, beside `type`. */
export const amqpListenerConfig = z.strictObject({
  ...listenerSettings,
  ...transportSettings('/amqp'),
  ...queueSettings,
  topics: z
    .array(topicPattern)
    .default([])
    .describe(
      'Addresses that are topics, e.g. `events.#`. All others are queues, unless a link asks for a topic by the capability `topic`.',
    ),
  users: z
    .record(z.string().min(1), z.string())
    .transform((users) => new Map(Object.entries(users)))
    .optional()
    .describe(
      'Names and passwords, for SASL SCRAM-SHA-256 and PLAIN. Without it everyone may enter, with any name or none. A client with a verified certificate (`tls.client_certificate`) enters without a password, by EXTERNAL or without SASL.',
    ),
  connect_timeout: duration()
    .prefault('10s')
    .describe('How long a new connection may take until it is open, authentication included.'),
  idle_timeout: duration()
    .prefault('60s')
    .refine((ms) => ms === 0 || (Number.isInteger(ms) && ms >= 1000 && ms <= 0xffff_ffff), {
      message: 'must be 0s, or from 1s to 49d in whole milliseconds (AMQP 1.0 §2.4.5 has 32 bits for it)',
    })
    .describe('How long a peer may be silent; `0s`: for ever.'),
  max_frame: size()
    .prefault('64KiB')
    .refine((bytes) => Number.isInteger(bytes) && bytes >= 512 && bytes <= 1024 ** 3, {
      message: 'must be from 512B (AMQP 1.0 §2.7.1) to 1GiB',
    })
    .describe('The largest frame taken from a peer.'),
});

export type AmqpListenerConfig = z.output<typeof amqpListenerConfig>;
