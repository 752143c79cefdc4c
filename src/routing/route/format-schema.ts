import { z } from 'zod';
import { cloudEventsSchema } from '../../cloudevents/schema.ts';
import { openMessagingSchema } from '../../openmessaging/schema.ts';

/** `format:` of a route's `from`: what its messages are. */
export const incomingFormatSchema = z
  .enum(['cloudevents', 'openmessaging'])
  .describe(
    'What the messages are: cloudevents (in binary or structured mode; all others are refused) or openmessaging (headers of that name become fields).',
  );

/** `format:` of a target: what its messages become. */
export const formatSchema = z
  .union([
    z.enum(['cloudevents', 'openmessaging']),
    z.strictObject({ cloudevents: cloudEventsSchema }),
    z.strictObject({ openmessaging: openMessagingSchema }),
  ])
  .describe('What the messages become for this target: cloudevents or openmessaging.');

export type IncomingFormat = z.output<typeof incomingFormatSchema>;
export type Format = z.output<typeof formatSchema>;
