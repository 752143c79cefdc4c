import { z } from 'zod';
import { duration, size } from '../../../core/units.ts';

const url = z
  .string()
  .regex(
    /^(mqtts?|wss?):\/\/[^\s/@]+(\/\S*)?$/,
    'write mqtt://host:1883, mqtts://host:8883, ws://host/path or wss://host/path',
  );

const text = z.string().min(1);

/** Settings of the connection to an MQTT broker, beside `type`. */
export const mqttClientConfig = z.strictObject({
  url: z
    .union([url, z.array(url).min(1)])
    .transform((value) => (typeof value === 'string' ? [value] : value))
    .describe('The broker; of several the next is tried when one cannot be reached.'),
  version: z
    .union([z.literal(5), z.literal(4)])
    .default(5)
    .describe('MQTT 5, or 4 for MQTT 3.1.1, which carries topic, payload, QoS and retain only.'),
  client_id: text
    .max(65_535)
    .optional()
    .describe(
      'Our name at the broker, by default junction- and the endpoint’s name; every gateway needs its own.',
    ),
  username: text.optional().describe('The user.'),
  password: text.optional().describe('The password; take it from the environment, ${MQTT_PASSWORD}.'),
  tls: z
    .strictObject({
      ca: text.optional().describe('PEM of the authorities to trust instead of the system’s.'),
      cert: text.optional().describe('PEM of our certificate, where the broker asks for one.'),
      key: text.optional().describe('PEM of its private key.'),
      servername: text.optional().describe('The name that the broker’s certificate bears, if not its host.'),
    })
    .default({})
    .describe('For mqtts and wss.'),
  session: z
    .enum(['persistent', 'clean'])
    .default('persistent')
    .describe('Whether the broker keeps messages for us while we are away; clean loses those.'),
  session_expiry: duration()
    .prefault('7d')
    .describe('How long the broker keeps the session of a gateway that is away (MQTT 5).'),
  qos: z
    .union([z.literal(0), z.literal(1), z.literal(2)])
    .default(1)
    .describe('The QoS of our subscriptions.'),
  window: z
    .int()
    .min(1)
    .max(65_535)
    .default(512)
    .describe('Messages from the broker that are not settled yet, at most (Receive Maximum).'),
  in_flight: z
    .int()
    .min(1)
    .max(60_000)
    .default(1000)
    .describe('Messages to the broker that it has not acknowledged yet, at most; the rest waits here.'),
  max_message: size().prefault('4MiB').describe('The largest message taken from the broker.'),
  max_pending: size()
    .prefault('32MiB')
    .describe('Bytes that may wait for acknowledgement; more is refused as busy.'),
  timeout: duration()
    .prefault('10s')
    .describe('How long a message may wait for its acknowledgement before its sender is told to try again.'),
  connect_timeout: duration().prefault('5s').describe('How long to wait for the broker’s answer to CONNECT.'),
  keep_alive: duration()
    .refine((ms) => ms >= 1000 && ms <= 65_535_000, 'must be from 1s to 65535s')
    .prefault('30s')
    .describe('How long the line may be silent before we ask whether the broker is there.'),
});

export type MqttClientConfig = z.output<typeof mqttClientConfig>;
