import { z } from 'zod';
import { clientSettings } from '../../client/settings.ts';
import { duration, timer } from '../../core/units.ts';
import type { BrokerUrl } from '../../transport/dial.ts';
import { clientTls } from '../../transport/tls.ts';

const shape = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/;

const endpoint = z.string().transform((value, context): BrokerUrl => {
  const found = shape.exec(value.trim());
  const port = Number(found?.[3]);
  if (found && port >= 1 && port <= 65_535)
    return { text: value.trim(), carrier: 'tcp', host: (found[1] ?? found[2])!, port, path: '' };
  context.issues.push({
    code: 'custom',
    input: '', // the value may hold a password
    message: 'write host:port of a proxy, e.g. rocketmq-proxy.example.com:8081',
  });
  return z.NEVER;
});

const text = z.string().min(1);
const { window, in_flight, max_message, max_pending, timeout, connect_timeout } = clientSettings;

export const rocketMqClientConfig = z
  .strictObject({
    brokers: z
      .array(endpoint)
      .min(1)
      .describe('Proxies of the cluster (gRPC), host:port; the next is tried when one cannot be reached.'),
    tls: z
      .union([z.boolean(), clientTls])
      .default(false)
      .describe('Whether and how to use TLS; `true` trusts the system’s authorities.'),
    username: text.optional().describe('The user (access key).'),
    password: text
      .optional()
      .describe('The password (secret key); take it from the environment, ${NAME}, or a file, ${file:path}.'),
    namespace: z
      .string()
      .default('')
      .describe('The namespace of topics and groups, where the service has them.'),
    group: text
      .regex(/^[%|a-zA-Z0-9_-]{1,120}$/, 'letters, digits, "_", "-", "%" and "|"')
      .default('junction')
      .describe('The consumer group that reads for the routes; it must exist, or the brokers create it.'),
    tag: text.optional().describe('The tag of messages to an address without one.'),
    delay: duration()
      .optional()
      .describe('How long after sending a message is delivered; needs topics of type DELAY.'),
    invisible: timer()
      .prefault('30s')
      .refine((ms) => ms >= 10_000 && ms <= 43_200_000, { message: 'must be from 10s to 12h' })
      .describe(
        'How long a message that was read is kept from others; renewed while its targets have not answered. After a crash it comes back after this long.',
      ),
    window,
    in_flight,
    max_message,
    max_pending,
    timeout,
    connect_timeout,
  })
  .refine(({ username, password }) => (username === undefined) === (password === undefined), {
    message: 'username and password belong together',
  });

export type RocketMqClientConfig = z.output<typeof rocketMqClientConfig>;
