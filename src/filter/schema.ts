import { z } from 'zod';
import type { Condition } from '../core/condition.ts';
import { compileCel } from './cel.ts';
import { compileSelector } from './selector.ts';

const selector = z.string().min(1);

/** How a condition is written in a route. */
export const conditionSchema = z
  .union([
    selector.describe('A selector over headers and fields.'),
    z.strictObject({ selector: selector.describe('The same, said in full.') }),
    z.strictObject({
      cel: z.string().min(1).describe('An expression in CEL, which may look into the body.'),
    }),
  ])
  .describe(
    'Which messages are meant: a selector over headers, as in JMS and SQL ("amount > 100 AND country IN (\'DE\', \'FR\')"), or {cel: …}, an expression that may look into the body ("body.amount > 100").',
  );

export type ConditionSetting = z.output<typeof conditionSchema>;

/**
 * Compiles a condition.
 * @throws FilterSyntaxError whose offset counts within the text of the selector or expression
 */
export function compileCondition(setting: ConditionSetting): Condition {
  if (typeof setting === 'string') return compileSelector(setting);
  return 'cel' in setting ? compileCel(setting.cel) : compileSelector(setting.selector);
}
