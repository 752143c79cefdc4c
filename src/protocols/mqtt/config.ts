import { z } from 'zod';
import { duration, listenerSettings, size } from '../../core/units.ts';
import { transportSettings } from '../../transport/listen-settings.ts';
import { checkFilter } from './codec/topics.ts';

function isFilter(filter: string): boolean {
  try {
    checkFilter(filter);
    return true;
  } catch {
    return false;
  }
}

/** The largest remaining length, in bytes (MQTT 5 §2.1.4). */
const longest = 268_435_455;

/** Settings of an MQTT listener, beside `type`. */
export const mqttListenerConfig = z.strictObject({
  ...listenerSettings,
  ...transportSettings('/mqtt'),
  max_message: size()
    .refine(
      (bytes) => bytes >= 1 && bytes <= longest,
      `must be from 1B to ${longest}B, MQTT's longest packet`,
    )
    .prefault('4MiB')
    .describe('The largest message taken from a client.'),
  connect_timeout: duration()
    .prefault('10s')
    .describe('How long a new connection may take to send its CONNECT.'),
  max_keep_alive: duration()
    .refine((ms) => ms >= 1000 && ms <= 65_535_000, 'must be from 1s to 65535s')
    .optional()
    .describe(
      'The longest keep-alive of an MQTT 5 client; one that asks for more, or for none, is told to keep to it.',
    ),
  session_expiry: duration()
    .prefault('7d')
    .describe(
      'The longest that a session outlives its connection, with its subscriptions and waiting messages.',
    ),
  durable: z
    .boolean()
    .default(false)
    .describe(
      'Whether sessions that outlive their connection are stored (in `store.path`): subscriptions, and what waits for clients that are away or slow, whose publishers are accepted once it is on the disk. Without it they end with the process.',
    ),
  max_stored: size()
    .prefault('10GiB')
    .describe('With `durable`: bytes of all sessions on the disk; more is refused for the time being.'),
  max_sessions: z
    .int()
    .min(1)
    .default(10_000)
    .describe('Sessions kept for clients that are away; one more is dropped.'),
  max_retained: z.int().min(0).default(10_000).describe('Retained messages kept; one more is not retained.'),
  max_subscriptions: z
    .int()
    .min(1)
    .default(1_000)
    .describe('Topic filters in one SUBSCRIBE, and held by one client.'),
  private: z
    .array(z.string().refine(isFilter, 'is not a topic filter'))
    .default([])
    .describe('Topic filters that clients may publish to but not subscribe to: only routes read there.'),
  max_outbound: size()
    .prefault('16MiB')
    .describe(
      'Bytes that may wait for a client that does not read. Over a quarter of it QoS 0 messages are dropped, over all of it the client is disconnected.',
    ),
});

export type MqttListenerConfig = z.output<typeof mqttListenerConfig>;
