import { z } from 'zod';
import { conditionSchema } from '../../filter/schema.ts';
import { deliverySchema } from './delivery-schema.ts';
import { incomingFormatSchema } from './format-schema.ts';
import { replySchema } from './reply-schema.ts';
import { targetsSchema } from './target-schema.ts';

const word = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

const endpoint = z.string().min(1).describe('The name of an endpoint of the configuration.');

const owner = z.string().min(1).optional();

/** One line of the routing table: what is published at `from` goes to all of `to`. */
export const routeSchema = z.strictObject({
  name: z
    .string()
    .regex(
      word,
      'the name of a route begins with a letter or digit and goes on with letters, digits, - _ or .',
    )
    .describe('Unique over all files; metrics and logs hold on to it.'),
  description: z.string().optional().describe('What the route is for, for people.'),
  owner: owner.describe(
    'The department that the route belongs to, where the file does not say so for all of its routes.',
  ),
  from: z
    .strictObject({
      endpoint,
      address: z
        .string()
        .min(1)
        .describe(
          "An address in the endpoint's own syntax, with its wildcards; {name} captures one segment, {name...} the rest.",
        ),
      format: incomingFormatSchema.optional(),
    })
    .describe('Where messages come from.'),
  when: conditionSchema
    .optional()
    .describe(
      "Only messages for which this holds are the route’s: a JMS selector over headers, e.g. \"amount > 100 AND country IN ('DE', 'FR')\", or `{ cel: … }` over the decoded body (JSON, CBOR, MessagePack, text). The others pass it by.",
    ),
  to: targetsSchema.describe(
    'Where messages go; all targets must confirm before the sender is told so. One of them may be a group: `any`, `failover` or `switch`.',
  ),
  reply: replySchema
    .optional()
    .describe(
      'Brings answers to requests, which are messages with a reply address, back to where they came from.',
    ),
  ...deliverySchema,
});

/** A route file. */
export const routeFileSchema = z.strictObject({
  owner: owner.describe('The department that the routes of this file belong to.'),
  defaults: z
    .strictObject(deliverySchema)
    .optional()
    .describe(
      'What holds for each route of this file that does not say otherwise; retry is taken key by key.',
    ),
  routes: z.array(routeSchema).describe('The routes, in no particular order.'),
});

export type RouteFile = z.output<typeof routeFileSchema>;

export type RouteEntry = RouteFile['routes'][number];
