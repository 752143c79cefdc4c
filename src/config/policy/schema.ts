import { z } from 'zod';

const name = z.string().min(1);
const oneOrSeveral = z.union([name, z.array(name).min(1)]);

const grant = z.strictObject({
  endpoint: name.describe('The name of an endpoint; * and ? match within it, e.g. sales-*.'),
  address: oneOrSeveral
    .optional()
    .describe(
      "Addresses in the endpoint's own syntax, with its wildcards; where it has none, * takes one part and # the rest. Without it: all of them.",
    ),
});

const rule = z.strictObject({
  owner: oneOrSeveral.describe('The department, or several; * matches any part of a name.'),
  folder: oneOrSeveral
    .optional()
    .describe(
      'Route files of this owner, and of no other, are below here, e.g. ../routes/sales/**; relative to this file. An owner with a folder has no route files elsewhere.',
    ),
  read: z.array(grant).default([]).describe('What its routes may read from.'),
  write: z
    .array(grant)
    .default([])
    .describe('What its routes may send to, dead letters included.'),
});

/** The section `policy` of the configuration. */
export const policySchema = z.strictObject({
  default: z
    .enum(['deny', 'allow'])
    .default('deny')
    .describe(
      'What holds where a rule does not allow it: deny; or allow what no rule gives to someone else.',
    ),
  rules: z.array(rule).default([]).describe('Each allows; what one of them allows is allowed.'),
});

export type PolicySettings = z.output<typeof policySchema>;
export type PolicyRule = PolicySettings['rules'][number];

/** What is written as one or as a list. */
export const listOf = <Item>(written: Item | readonly Item[] | undefined): readonly Item[] =>
  written === undefined ? [] : Array.isArray(written) ? (written as readonly Item[]) : [written as Item];
