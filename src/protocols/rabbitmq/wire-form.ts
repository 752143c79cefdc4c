import type { Wire } from '../../core/protocol.ts';
import { fieldsOf, fieldText } from '../../core/wire-fields.ts';
import { readProperties } from './codec/properties.ts';
import { fromEnvelope, toEnvelope } from './mapping.ts';

/** The content of a basic.publish (AMQP 0-9-1 §4.2.6) of a user. */
export const rabbitWire =
  (username: string): Wire =>
  (message, address, now) => {
    const properties = fromEnvelope(message, { now, username });
    const { headers = [], ...rest } = readProperties(properties);
    const body = Buffer.from(message.body ?? []);
    return {
      frame: {
        kind: 'basic.publish',
        fields: [
          ['address', address],
          ...fieldsOf(rest),
          ...headers.map(
            ([name, { tag, value }]) =>
              [`header ${name}`, `${fieldText(value)}${tag === 'S' ? '' : ` (${tag})`}`] as const,
          ),
        ],
        body,
        bytes: Buffer.concat([properties, body]),
      },
      arrives: toEnvelope({ properties, body, redelivered: false }, address, now),
    };
  };
