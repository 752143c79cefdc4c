import { z } from 'zod';
import { timer } from '../../core/units.ts';
import { conditionSchema } from '../../filter/schema.ts';
import { transformSchema } from '../../transform/schema.ts';
import { deliverySchema } from './delivery-schema.ts';
import { formatSchema } from './format-schema.ts';
import { targetReplySchema } from './reply-schema.ts';

const value = z
  .string()
  .describe(
    'Text with values in braces: a {capture}, {id}, {key}, {address}, {header.NAME}, {body./json/pointer}. A message that lacks one of them keeps what it has.',
  );

const headerName = z.string().min(1);

const headers = z.strictObject({
  set: z
    .record(headerName, z.union([value, z.boolean(), z.number()]))
    .optional()
    .describe(
      'Headers in place of those of their name: text with values in braces, e.g. "{plant}-{header.line}"; true, false and numbers keep their type. One of which the message lacks a value is left as it was.',
    ),
  remove: z
    .array(headerName)
    .optional()
    .describe('Headers that are taken out, before the others are set; `x-*` means all that begin so.'),
  rename: z.record(headerName, headerName).optional().describe('Headers that get another name: `old: new`.'),
});

const share = z.union([z.string(), z.number()]).transform((written, context): number => {
  const found = /^(\d+(?:\.\d+)?)%$/.exec(String(written).trim());
  const part = Number(found?.[1]) / 100;
  if (found && part > 0 && part <= 1) return part;
  context.issues.push({
    code: 'custom',
    input: written,
    message: `"${written}" is not a share of the messages; write it in percent, above 0% and up to 100%, e.g. 10%`,
  });
  return z.NEVER;
});
const percent = share.meta({
  pattern: '^\\d+(\\.\\d+)?%$',
  patternErrorMessage: 'write a share in percent, e.g. 10%',
  example: '10%',
});

/** What a target changes about messages. */
const editsSchema = {
  headers: headers.optional().describe('What becomes of the headers.'),
  content_type: value.optional().describe('The content type, as text with values in braces.'),
  subject: value.optional().describe('The subject (AMQP), JMSType.'),
  correlation_id: value.optional().describe('The correlation identifier.'),
  reply_to: value.optional().describe('The address for answers.'),
  priority: z.int().min(0).max(9).optional().describe('0 to 9; 4 is usual.'),
  ttl: timer().optional().describe('How long from now until the message expires, in place of its own.'),
  durable: z.boolean().optional().describe('Whether the target is to keep it over its restarts.'),
};

const base = {
  endpoint: z.string().min(1).describe('The name of an endpoint of the configuration.'),
  address: z
    .string()
    .min(1)
    .describe(
      "One address in the endpoint's own syntax; {name} puts in what from.address captured, or a value of the message: {header.NAME}, {id}, {key}, {body./json/pointer}. A value that would name another address is refused unless it is written {name!raw}.",
    ),
  key: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The ordering key at the target (Kafka record key, message group) in place of the message’s own, e.g. "{header.customer}", with the same values in braces. A message that lacks a part of it keeps its own key.',
    ),
  when: conditionSchema.optional().describe('Only messages for which this holds go to this target.'),
  ...editsSchema,
  ...transformSchema,
  format: formatSchema.optional(),
  reply: targetReplySchema
    .optional()
    .describe(
      "Where this target's answers are sent, in place of what the route says; false: none come back.",
    ),
  retry: deliverySchema.retry,
  allow_loss: deliverySchema.allow_loss,
};

/** One target by itself. */
export const targetSchema = z.strictObject({
  ...base,
  mirror: percent
    .optional()
    .describe(
      'Makes it a mirror: it gets a copy of this share of the messages, e.g. 10%, and nobody waits for it or is told of its failures.',
    ),
});

const member = z.strictObject(base);

const anySchema = z.strictObject({
  any: z
    .array(member)
    .min(2)
    .describe('Targets that all get the message; the first that confirms is enough.'),
});

const failoverSchema = z.strictObject({
  failover: z
    .array(member)
    .min(2)
    .describe(
      'Targets in order: each gets the message only if those before it do not take it. Each but the last is tried once unless its own `retry` says otherwise.',
    ),
});

const simple = [targetSchema, anySchema, failoverSchema] as const;

const switchSchema = z.strictObject({
  switch: z
    .array(
      z.strictObject({
        when: conditionSchema
          .optional()
          .describe('The messages of this branch; without it, all that none before has taken.'),
        to: z.array(z.union(simple)).min(1).describe('The targets of this branch.'),
      }),
    )
    .min(1)
    .describe('Branches in order: a message goes to the first whose `when` holds for it.'),
});

/** `to:` of a route. */
export const targetsSchema = z.array(z.union([...simple, switchSchema])).min(1);

export type TargetItem = z.output<typeof targetsSchema>[number];
export type TargetEntry = z.output<typeof targetSchema>;
export type EditsEntry = Pick<TargetEntry, keyof typeof editsSchema>;
export type WhenEntry = z.output<typeof conditionSchema>;
