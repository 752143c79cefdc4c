import { z } from 'zod';

/** What a target says about the OpenMessaging headers that it is sent. */
export const openMessagingSchema = z.strictObject({
  destination: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The header `destination`, with values in braces; by default the address that the message was published to.',
    ),
});

export type OpenMessagingEntry = z.output<typeof openMessagingSchema>;
