import { z } from 'zod';
import { timer } from '../../core/units.ts';

const address = z
  .string()
  .min(1)
  .describe(
    "Where the answerer is to send answers, and where they are read: one address in the syntax of the target's endpoint, which must exist there. {gateway} puts in this gateway's id.",
  );

/** `reply:` of a route. */
export const replySchema = z.strictObject({
  address: address.optional(),
  timeout: timer().prefault('30s').describe('How long an answer is waited for.'),
  allow: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Where requests may want their answers: addresses in the syntax of the endpoint that the route reads, with its wildcards, beside the temporary queues that it gives to clients. A request that wants them elsewhere is refused.',
    ),
  max: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(10_000)
    .describe('Requests that wait for an answer; one more is refused for the time being.'),
  answers: z
    .enum(['first', 'all'])
    .default('first')
    .describe('Whether the requester gets the first answer to a request, or all that come in time.'),
});

/** `reply:` of a target. */
export const targetReplySchema = z.union([z.literal(false), z.strictObject({ address })]);

/** What is not written of a route's `reply`. */
export const replyDefaults = replySchema.parse({});

export type ReplyEntry = z.output<typeof replySchema>;
