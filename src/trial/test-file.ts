import { z } from 'zod';
import { errorCodes } from '../core/errors.ts';
import { messageFields, writtenMessageSchema } from './written-message.ts';

const endpoint = z.string().min(1).describe('The name of an endpoint of the configuration.');

/** A message and where it is published. */
export const givenSchema = writtenMessageSchema.extend({
  endpoint,
  address: z.string().min(1).describe('Where it is published, in that endpoint’s syntax.'),
});

const expectedMessage = z.strictObject({
  endpoint,
  address: z.string().min(1).optional().describe('Where it goes to, in that endpoint’s syntax.'),
  ...messageFields,
  without: z.array(z.string().min(1)).optional().describe('Headers that it must not have.'),
});

const expectedLetter = z.strictObject({
  dead_letter: z
    .strictObject({
      route: z.string().optional().describe('The route on which its delivery failed.'),
      endpoint: z
        .string()
        .optional()
        .describe('The target that did not take it; one of the route as a whole has none.'),
      code: z.enum(errorCodes).optional().describe('Why, for machines.'),
      reason: z.string().optional().describe('A part of why, for people.'),
    })
    .describe('It becomes a dead letter in the store.'),
});

/** `*.test.yaml`: what becomes of messages. */
export const testFileSchema = z.strictObject({
  tests: z
    .array(
      z.strictObject({
        name: z.string().min(1).describe('What is shown, as a sentence.'),
        given: z
          .union([givenSchema, z.array(givenSchema).min(1)])
          .describe('The message that is published, or several, one after the other.'),
        down: z.array(endpoint).optional().describe('Endpoints that take nothing for now.'),
        refusing: z.array(endpoint).optional().describe('Endpoints that refuse everything for good.'),
        expect: z
          .union([z.literal('nothing'), z.array(z.union([expectedMessage, expectedLetter])).min(1)])
          .describe(
            'All that comes out, in any order: messages at targets, of which only what is written is compared, and dead letters; or `nothing`.',
          ),
        outcome: z
          .enum(['accepted', 'rejected', 'released'])
          .default('accepted')
          .describe('What the sender of the last one is told.'),
      }),
    )
    .min(1)
    .describe('Each test is by itself: nothing is left of the one before.'),
});

export type RouteTest = z.output<typeof testFileSchema>['tests'][number];
export type Expected = Exclude<RouteTest['expect'], 'nothing'>[number];
