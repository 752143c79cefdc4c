import { z } from 'zod';
import { duration, size } from '../../core/units.ts';
import { clientTls } from '../../transport/tls.ts';
import { compressionBits, type CompressionName } from './wire/record-batch.ts';

const broker = z
  .string()
  .regex(/^[A-Za-z0-9._-]+:\d{1,5}$/, 'write host:port, e.g. kafka-1.example.com:9092');

const text = z.string().min(1);

const sasl = z.discriminatedUnion('mechanism', [
  z.strictObject({
    mechanism: z.enum(['plain', 'scram-sha-256', 'scram-sha-512']).describe('How to authenticate.'),
    username: text.describe('The user.'),
    password: text.describe('The password; take it from the environment, ${NAME}, or a file, ${file:path}.'),
  }),
  z.strictObject({
    mechanism: z.literal('oauthbearer').describe('With a token of an authorization server (RFC 7628).'),
    token_url: z
      .url({ protocol: /^https?$/ })
      .describe(
        'The token endpoint of the authorization server, for the client credentials grant (RFC 6749 §4.4).',
      ),
    client_id: text.describe('Our identifier there.'),
    client_secret: text.describe('Our secret there; take it from the environment or a file.'),
    scope: text.optional().describe('The scope to ask for.'),
  }),
]);

export const kafkaClientConfig = z.strictObject({
  brokers: z
    .array(broker)
    .min(1)
    .describe('Some of the cluster’s brokers, host:port; the others are found through them.'),
  client_id: text.default('junction').describe('The name the brokers see in their logs and quotas.'),
  tls: z
    .union([z.boolean(), clientTls])
    .default(false)
    .describe('Whether and how to use TLS; `true` trusts the system’s authorities.'),
  sasl: sasl.optional().describe('Who we are.'),
  group: text.default('junction').describe('The consumer group that reads for the routes.'),
  from: z
    .enum(['earliest', 'latest'])
    .default('earliest')
    .describe('Where the group begins in a topic that it has not read before.'),
  window: z.int().min(1).max(65_535).default(512).describe('Messages read but not yet settled, at most.'),
  session_timeout: duration()
    .prefault('10s')
    .describe('How long the brokers wait for a sign of life before our partitions go to other readers.'),
  discovery: duration()
    .prefault('30s')
    .describe('How often to look for new topics that a route’s pattern matches.'),
  linger: duration()
    .prefault('0ms')
    .describe(
      'How long to collect a batch while idle. While a batch is under way the next one collects anyway.',
    ),
  compression: z
    .enum(Object.keys(compressionBits) as CompressionName[])
    .default('none')
    .describe('How batches are compressed. Reading takes all of these.'),
  batch_count: z
    .int()
    .min(1)
    .default(500)
    .describe('Messages in one batch, at most; a batch is for one partition.'),
  batch_size: size()
    .prefault('512KiB')
    .describe('Bytes in one batch before it is compressed, at most, beside a single larger message.'),
  max_message: size()
    .prefault('1MB')
    .describe(
      'The largest message to send; the brokers’ message.max.bytes is 1048588 by default, headers included.',
    ),
  max_pending: size()
    .prefault('32MiB')
    .describe(
      'Bytes that may wait for acknowledgement; more is refused as busy. A larger message goes alone.',
    ),
  timeout: duration()
    .prefault('10s')
    .describe(
      'How long a message may wait before its sender is told to try again. One that the brokers may have already waits until they tell.',
    ),
  idempotent: z
    .boolean()
    .default(true)
    .describe(
      'Whether brokers recognise what is sent to them again. Turn it off only where they cannot, or forbid it (before Kafka 2.8 it wants the permission IDEMPOTENT_WRITE on the cluster).',
    ),
});

export type KafkaClientConfig = z.output<typeof kafkaClientConfig>;
