import { z } from 'zod';
import type { Condition } from '../core/condition.ts';
import type { BodyDecoders } from './body.ts';
import { compileCel } from './cel.ts';
import { compileSelector } from './selector.ts';

const selector = z.string().min(1);

/** What bodies a condition can be told that messages have. */
export const bodyFormats = {
  json: 'application/json',
  cbor: 'application/cbor',
  msgpack: 'application/msgpack',
  text: 'text/plain',
} as const;

const formatNames = Object.keys(bodyFormats) as (keyof typeof bodyFormats)[];

/** How a condition is written in a route. */
export const conditionSchema = z
  .union([
    selector.describe('A selector over headers and fields.'),
    z.strictObject({ selector: selector.describe('The same, said in full.') }),
    z.strictObject({
      cel: z.string().min(1).describe('An expression in CEL, which may look into the body.'),
      body: z
        .enum(formatNames)
        .optional()
        .describe('What bodies are, whatever their content type says. Default: what that says.'),
    }),
  ])
  .describe(
    'Which messages are meant: a selector over headers, as in JMS and SQL ("amount > 100 AND country IN (\'DE\', \'FR\')"), or {cel: …}, an expression that may look into the body ("body.amount > 100").',
  );

export type ConditionSetting = z.output<typeof conditionSchema>;

/**
 * Compiles a condition.
 * @param decoders of bodies that are neither JSON nor text
 * @throws FilterSyntaxError whose offset counts within the text of the selector or expression
 */
export function compileCondition(setting: ConditionSetting, decoders?: BodyDecoders): Condition {
  if (typeof setting === 'string') return compileSelector(setting);
  if ('selector' in setting) return compileSelector(setting.selector);
  const { cel, body } = setting;
  return compileCel(cel, { decoders, contentType: body && bodyFormats[body] });
}
