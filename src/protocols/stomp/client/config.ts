import { z } from 'zod';
import { duplicateDetection } from '../../../client/duplicate-id.ts';
import { brokerUrls, clientSettings } from '../../../client/settings.ts';
import { duration, size } from '../../../core/units.ts';
import { versions } from '../frame.ts';

const text = z.string().min(1);

/** Names that the client writes itself. */
const own = new Set(['id', 'destination', 'ack', 'receipt', 'selector', 'content-length', 'transaction']);

/** Settings of the connection to a STOMP broker, beside `type`. */
export const stompClientConfig = z.strictObject({
  url: brokerUrls({
    stomp: { carrier: 'tcp', port: 61_613 },
    'stomp+ssl': { carrier: 'tls', port: 61_614 },
    ws: { carrier: 'ws', port: 80 },
    wss: { carrier: 'wss', port: 443 },
  }),
  ...clientSettings,
  host: text.default('/').describe('The virtual host of RabbitMQ; ActiveMQ and Artemis do not look at it.'),
  versions: z
    .array(z.enum(versions))
    .min(1)
    .default(['1.1', '1.2'])
    .describe('The versions of STOMP that are offered. 1.0 cannot refuse messages, and has no heart-beats.'),
  heart_beat: duration()
    .prefault('10s')
    .describe('How often heart-beats are sent and wanted at most, if the broker agrees; 0s turns them off.'),
  selector: text
    .optional()
    .describe('Only messages that fit are read, in the broker’s language, e.g. `amount > 100`.'),
  durable: z
    .boolean()
    .default(false)
    .describe('Whether the broker keeps what comes to topics for us while we are away.'),
  client_id: text
    .optional()
    .describe(
      'Our name at the broker, under which it keeps durable subscriptions, by default junction- and the endpoint’s name; every gateway needs its own.',
    ),
  duplicate_detection: duplicateDetection,
  prefetch_size: size()
    .prefault('1MiB')
    .describe('Bytes that Artemis sends before they are settled; other brokers count messages, by `window`.'),
  headers: z
    .record(text, z.string())
    .superRefine((headers, context) => {
      for (const name of Object.keys(headers))
        if (own.has(name))
          context.addIssue({
            code: 'custom',
            path: [name],
            message: `is written by the gateway; remove it`,
            input: undefined,
          });
    })
    .default({})
    .describe('Further headers of SUBSCRIBE, as the broker knows them, e.g. `x-queue-type: quorum`.'),
});

export type StompClientConfig = z.output<typeof stompClientConfig>;
