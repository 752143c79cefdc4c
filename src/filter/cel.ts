import { Environment, ParseError, TypeError as CelTypeError } from '@marcbachmann/cel-js';
import { FilterSyntaxError, type Condition } from '../core/condition.ts';
import { JunctionError } from '../core/errors.ts';
import type { BodyReading } from './body.ts';
import { operatorWords, syntaxWords } from './cel-words.ts';
import { CelMessage, celVariables } from './cel-message.ts';
import { compareNumbers } from './selector/operators.ts';
import { longest } from './selector.ts';

let environment: Environment | undefined;

/**
 * Compiles an expression in CEL, the Common Expression Language, over a message and its decoded body; its variables are
 * those of `CelMessage`. A message that lacks what the expression asks for cannot be judged: `has(body.x)` asks first.
 * @param reading how bodies are read
 * @throws FilterSyntaxError for what can be known without a message: syntax, unknown names, types that do not fit
 */
export function compileCel(text: string, reading: BodyReading = {}): Condition {
  if (text.length > longest)
    throw new FilterSyntaxError(`an expression has at most ${longest} characters`, longest);
  const evaluate = parse(text);
  const { contentType } = reading;
  return {
    // with a comment in CEL, since the same words over another format are another condition
    text: contentType === undefined ? text : `${text} // body: ${contentType}`,
    matches(message) {
      const result = run(() => evaluate(new CelMessage(message, reading)), text);
      if (typeof result === 'boolean') return result;
      throw new JunctionError('invalid-message', `${shown(text)} is neither true nor false for this message`);
    },
  };
}

function parse(text: string): (context: CelMessage) => unknown {
  try {
    const parsed = (environment ??= environmentOf()).parse(text);
    const { error, type } = parsed.check();
    if (error) throw error;
    if (type !== 'bool' && type !== 'dyn')
      throw new FilterSyntaxError(`a condition is true or false, but this is of type ${type}`, 0);
    return parsed as (context: CelMessage) => unknown;
  } catch (error) {
    if (error instanceof ParseError || error instanceof CelTypeError)
      throw new FilterSyntaxError(wordsOf(error, text), error.range?.start ?? 0);
    if (error instanceof RangeError) throw new FilterSyntaxError('the expression is nested too deep', 0);
    throw error;
  }
}

function run(evaluate: () => unknown, text: string): unknown {
  try {
    return evaluate();
  } catch (error) {
    if (error instanceof JunctionError) throw error;
    const { range } = error as CelFault;
    const place = range === undefined ? '' : ` at character ${range.start + 1}`;
    throw new JunctionError(
      'invalid-message',
      `${shown(text)}: ${wordsOf(error as CelFault, text)}${place}`,
      {
        cause: error,
      },
    );
  }
}

/** What the library's errors have in common. */
interface CelFault extends Error {
  readonly summary?: string;
  readonly range?: { readonly start: number } | undefined;
  readonly node?: unknown;
}

function wordsOf({ summary, message, range, node }: CelFault, text: string): string {
  const said = summary ?? message;
  const { args } = (node ?? {}) as { args?: unknown };
  return operatorWords(syntaxWords(said, text, range?.start ?? 0), text, args);
}

const shown = (text: string): string => (text.length > 120 ? `${text.slice(0, 120)}…` : text);

/**
 * All numbers of JSON are doubles, and CEL has no arithmetic of doubles with ints: here `body.quantity * 2` is one in
 * doubles.
 */
function environmentOf(): Environment {
  const made = new Environment({
    homogeneousAggregateLiterals: false,
    limits: { maxDepth: 64, maxAstNodes: 20_000 },
  });
  for (const [name, type] of celVariables) made.registerVariable(name, type);
  const operators: [string, (a: number, b: number) => number][] = [
    ['+', (a, b) => a + b],
    ['-', (a, b) => a - b],
    ['*', (a, b) => a * b],
    ['/', (a, b) => a / b],
    ['%', (a, b) => a % b],
  ];
  for (const [op, calculate] of operators) {
    made.registerOperator(`double ${op} int: double`, (a: number, b: bigint) => calculate(a, Number(b)));
    made.registerOperator(`int ${op} double: double`, (a: bigint, b: number) => calculate(Number(a), b));
  }
  // the library makes != and the other order of it
  made.registerOperator('double == int', (a: number | bigint, b: number | bigint) =>
    compareNumbers('=', a, b),
  );
  made.registerOperator('double % double', (a: number, b: number) => a % b);
  return made;
}
