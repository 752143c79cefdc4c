import { z } from 'zod';
import { lossNames } from '../../core/losses.ts';
import { duration, size, timer } from '../../core/units.ts';
import { defaultBackoff, defaultDeadline } from './retry.ts';

/** Failures that may be over later; all others are for good anyway. */
const transient = ['unavailable', 'timeout', 'busy'] as const;

const retry = z
  .union([
    z.literal(false),
    z.strictObject({
      attempts: z
        .int()
        .min(1)
        .optional()
        .describe(
          'How often a message is sent, the first time included; after that it has failed for good. Without bound where it is not written.',
        ),
      deadline: timer()
        .optional()
        .describe(
          `How long after the first attempt; after that it has failed for good. Where neither this nor attempts is written, a message is given back to its source after ${defaultDeadline / 1000}s, or kept in the spool and tried for ever.`,
        ),
      backoff: z
        .strictObject({
          from: timer()
            .optional()
            .describe(`The first wait; ${defaultBackoff.from}ms where it is not written.`),
          to: timer()
            .optional()
            .describe(`The longest wait; ${defaultBackoff.to / 1000}s where it is not written.`),
        })
        .refine(
          ({ from, to }) => from === undefined || to === undefined || from <= to,
          '"from" is longer than "to"',
        )
        .optional()
        .describe('The waits between attempts, each up to twice as long as the one before, with jitter.'),
      permanent: z
        .array(z.enum(transient))
        .optional()
        .describe('Failures that are otherwise tried again and are here for good, e.g. [timeout].'),
    }),
  ])
  .optional();

const allowLoss = z
  .union(
    [
      z.array(
        z.enum(lossNames, {
          error: ({ input }) => (input === 'all' ? 'write "allow_loss: all", without brackets' : undefined),
        }),
      ),
      z.literal('all'),
    ],
    {
      error: `write "allow_loss: [headers, key]" with what may be lost, or "allow_loss: all"; the names are ${lossNames.join(', ')}`,
    },
  )
  .optional();

const deadLetter = z
  .union([
    z.literal(false),
    z.literal('store'),
    z.strictObject({
      endpoint: z.string().min(1).describe('The name of an endpoint of the configuration.'),
      address: z.string().min(1).describe("One address in that endpoint's own syntax, without {…}."),
      allow_loss: allowLoss.describe(
        'What dead letters may lose there, beside what the route and the defaults allow, e.g. [repeated_headers].',
      ),
    }),
  ])
  .optional();

const spoolBounds = z.strictObject({
  max_bytes: size().prefault('1GiB').describe('Bytes that may wait on the disk.'),
  max_messages: z.int().min(1).optional().describe('Messages that may wait on the disk.'),
  max_age: duration().optional().describe('How long a message may wait; after that it has failed for good.'),
  full: z
    .enum(['block', 'reject', 'dead-letter'])
    .default('block')
    .describe(
      'What becomes of a message that finds it full: its sender waits, is refused for now, or it becomes a dead letter.',
    ),
});
const spool = z.union([z.boolean(), spoolBounds]).optional();

const dedupSettings = z.strictObject({
  window: duration()
    .refine((ms) => ms > 0, 'must be more than 0')
    .describe('How long a message that came through is remembered.'),
  by: z
    .string()
    .min(1)
    .default('id')
    .describe(
      'What tells messages apart: id, or a template such as "{header.order-id}", with what a target’s key may hold. A message that lacks a part of it is sent without looking for repeats.',
    ),
  max: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(1_000_000)
    .describe(
      'Messages remembered at most, at up to 48 bytes of memory and some more of disk each; the oldest are forgotten before their time.',
    ),
});
const dedup = z
  .union([dedupSettings, z.literal(false), duration().refine((ms) => ms > 0, 'must be more than 0')])
  .optional();

/** What is not written of `dedup: 10m`. */
export const dedupDefaults = dedupSettings.parse({ window: '1s' });

/** What `spool: true` means. */
export const spoolDefaults = spoolBounds.parse({});

/** What a route says of messages that do not come through, and `defaults:` of its file. */
export const deliverySchema = {
  retry: retry.describe('When a message that a target did not take is sent to it again; false: never.'),
  dead_letter: deadLetter.describe(
    'Where a message goes whose delivery has failed for good: `store` (see junction dlq), an endpoint, or false: its sender is told. Where it is not written: the store for routes from brokers we dial and for spooled routes, else false.',
  ),
  spool: spool.describe(
    'Whether messages are kept on the disk until the targets have them: the sender is told accepted once they are there.',
  ),
  dedup: dedup.describe(
    'For how long a repeat of a message that came through is accepted and not sent again, e.g. 10m; remembered in the store, over restarts.',
  ),
  allow_loss: allowLoss.describe(
    'What messages may lose at targets that cannot hold it, e.g. [repeated_headers, key], or all; adds up with what the route and the defaults allow. Anything else that may be lost is told when the routes are read: an error for bodies and headers, a warning for the rest.',
  ),
};

export type DeliverySettings = z.output<z.ZodObject<typeof deliverySchema>>;
