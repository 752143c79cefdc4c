import jsonata from 'jsonata';
import { JunctionError } from '../core/errors.ts';
import { linear, LinearRegExp } from './regex.ts';
import { TransformError } from './transform.ts';
import { Instant, invalid, isRecord, mapLeaves, type Value } from './values.ts';

/** Ms for which an expression may hold the process before all else has its turn. */
const slice = 10;

/** How deeply functions may call each other where they are not the last thing that is called. */
const maxCalls = 1000;

/** The longest list that an expression may make. */
const maxList = 1_000_000;

/** Called before each part of an expression, and awaited: a hook that JSONata has for debuggers. */
const onEntry = Symbol.for('jsonata.__evaluate_entry');

/** Keeps what JSONata has no type for out of its sight, so that it passes through. */
class Opaque {
  readonly #value: Value;

  constructor(value: Value) {
    this.#value = value;
  }

  get value(): Value {
    return this.#value;
  }
}

/** A compiled JSONata expression. */
export interface Expression {
  /** Whether it says `$name`, for what need not be made otherwise. */
  mentions(name: string): boolean;
  /** @throws JunctionError invalid-message where it fails, has no result, or takes too long */
  evaluate(input: Value, bindings: Readonly<Record<string, unknown>>): Promise<Value>;
}

/**
 * @param path where it is written, for errors
 * @param timeout ms of computing for one message
 * @throws TransformError with the offset of what is wrong
 */
export function compileExpression(text: string, path: readonly string[], timeout: number): Expression {
  const compiled = parse(text, path);
  compiled.registerFunction('clone', (value: unknown) => mapLeaves(value, (leaf) => leaf));
  return {
    mentions: (name) => text.includes(`$${name}`),
    evaluate: (input, bindings) => {
      // One after the other: their clocks would count each other's time.
      const result = last.then(() => run(compiled, toExpression(input), bindings, timeout));
      last = result.catch(() => {});
      return result;
    },
  };
}

let last: Promise<unknown> = Promise.resolve();

function parse(text: string, path: readonly string[]): jsonata.Expression {
  try {
    const compiled = jsonata(text, {
      stack: maxCalls,
      sequence: maxList,
      RegexEngine: LinearRegExp as unknown as RegExpConstructor,
    });
    checkRegexes(compiled.ast(), path);
    return compiled;
  } catch (error) {
    if (error instanceof TransformError) throw error;
    const { message, position, token } = error as Partial<jsonata.JsonataError>;
    const offset = position === undefined ? undefined : Math.max(0, position - (token?.length ?? 0));
    throw new TransformError(path, `the JSONata expression cannot be read: ${message}`, {
      offset: offset !== undefined && token === '(end)' ? text.length : offset,
      hint: 'see https://docs.jsonata.org',
      cause: error,
    });
  }
}

/** Finds regular expressions that RE2 cannot read before a message does. */
function checkRegexes(node: unknown, path: readonly string[]): void {
  if (typeof node !== 'object' || node === null) return;
  const { type, value, position } = node as { type?: unknown; value?: unknown; position?: number };
  if (type === 'regex' && value instanceof RegExp) {
    try {
      linear(value);
    } catch (error) {
      throw new TransformError(
        path,
        `the regular expression ${String(value)} cannot be used: ${(error as Error).message}`,
        {
          // it is that of the end; the flag g is not written
          offset: position === undefined ? undefined : position - String(value).length + 1,
          hint: 'it has no looking ahead or behind and no references to groups, so that no message can make it take long',
          cause: error,
        },
      );
    }
    return;
  }
  for (const inner of Object.values(node)) checkRegexes(inner, path);
}

/** @throws JunctionError invalid-message */
async function run(
  compiled: jsonata.Expression,
  input: Value,
  bindings: Readonly<Record<string, unknown>>,
  timeout: number,
): Promise<Value> {
  let entries = 0;
  let used = 0;
  let since = performance.now();
  const checkTime = (): Promise<void> | undefined => {
    if ((++entries & 15) !== 0) return undefined;
    const spent = performance.now() - since;
    if (spent < slice) return undefined;
    used += spent;
    if (used > timeout) throw invalid(`the JSONata expression took more than ${timeout} ms`);
    return new Promise((resolve) =>
      setImmediate(() => {
        since = performance.now();
        resolve();
      }),
    );
  };
  compiled.assign(onEntry as unknown as string, checkTime);
  let result: Value;
  try {
    result = fromExpression(await compiled.evaluate(input, { ...bindings }));
  } catch (error) {
    throw error instanceof JunctionError ? error : invalid(whyNot(error), error);
  }
  if (result === undefined) throw invalid('the JSONata expression gave nothing for this body');
  return result;
}

function whyNot(error: unknown): string {
  const { message = String(error), position } = error as Partial<jsonata.JsonataError>;
  if (message.includes('BigInt'))
    return 'the JSONata expression computes with a whole number beyond 2^53, which it can only pass on; "numbers: double" rounds such numbers';
  return `the JSONata expression failed${position === undefined ? '' : ` at character ${position}`}: ${message}`;
}

/** What JSONata can look into: Maps as objects, moments as text; bytes are not looked into. */
function toExpression(value: Value): Value {
  if (!holdsOthers(value)) return value;
  const leaf = (each: Value): Value => {
    if (each instanceof Uint8Array) return new Opaque(each);
    return each instanceof Instant ? each.toString() : each;
  };
  return mapLeaves(value, leaf, { textKeys: true });
}

/** Whether there is what JSON never has. */
function holdsOthers(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(holdsOthers);
  return isRecord(value) ? Object.values(value).some(holdsOthers) : true;
}

/** What an expression made, without functions and what JSONata adds to lists. */
const fromExpression = (value: unknown): Value => mapLeaves(value, withoutFunctions, { isLeaf: isFunction });

function withoutFunctions(value: unknown): Value {
  if (value instanceof Opaque) return value.value;
  return typeof value === 'function' || (isRecord(value) && isFunction(value)) ? undefined : value;
}

/** JSONata's own functions are objects of these keys. */
const isFunction = (value: object): boolean => '_jsonata_lambda' in value || '_jsonata_function' in value;
