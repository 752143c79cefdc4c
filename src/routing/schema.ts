import { z } from 'zod';
import { deliverySchema } from './delivery-schema.ts';

const word = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

const endpoint = z.string().min(1).describe('The name of an endpoint of the configuration.');

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
  from: z
    .strictObject({
      endpoint,
      address: z
        .string()
        .min(1)
        .describe(
          "An address in the endpoint's own syntax, with its wildcards; {name} captures one segment, {name...} the rest.",
        ),
    })
    .describe('Where messages come from.'),
  to: z
    .array(
      z.strictObject({
        endpoint,
        address: z
          .string()
          .min(1)
          .describe("One address in the endpoint's own syntax; {name} puts in what from.address captured."),
        key: z
          .string()
          .min(1)
          .optional()
          .describe(
            'The ordering key at the target (Kafka record key, message group) in place of the message’s own, e.g. "{header.customer}"; {name} is a capture, {id} and {key} are the message’s. A message that lacks a part of it keeps its own key.',
          ),
        retry: deliverySchema.retry,
      }),
    )
    .min(1)
    .describe('Where messages go; all targets must confirm before the sender is told so.'),
  ...deliverySchema,
});

/** A route file. */
export const routeFileSchema = z.strictObject({
  owner: z.string().min(1).optional().describe('The department that the routes of this file belong to.'),
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
