import { z } from 'zod';
import { brokerUrls, clientSettings } from '../../../client/settings.ts';
import { duration } from '../../../core/units.ts';

const text = z.string().min(1);

/** Settings of the connection to an MQTT broker, beside `type`. */
export const mqttClientConfig = z.strictObject({
  url: brokerUrls({
    mqtt: { carrier: 'tcp', port: 1883 },
    mqtts: { carrier: 'tls', port: 8883 },
    ws: { carrier: 'ws', port: 80 },
    wss: { carrier: 'wss', port: 443 },
  }),
  ...clientSettings,
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
  share: z
    .string()
    .regex(/^[^/+#\0]+$/, 'is a name without / + and # [MQTT-4.8.2-1]')
    .optional()
    .describe(
      'Subscribes as a member of this group, so that several gateways share the messages; the broker must support it.',
    ),
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
  keep_alive: duration()
    .refine((ms) => ms >= 1000 && ms <= 65_535_000, 'must be from 1s to 65535s')
    .prefault('30s')
    .describe('How long the line may be silent before we ask whether the broker is there.'),
});

export type MqttClientConfig = z.output<typeof mqttClientConfig>;
