import { FilterSyntaxError, type Condition } from '../core/condition.ts';
import { compileTest } from './selector/compile.ts';
import { renewSteps } from './selector/like.ts';
import { parseSelector } from './selector/parse.ts';
import type { Node } from './selector/tree.ts';

/** The longest selector or expression, in UTF-16 code units. */
export const longest = 65_536;

/** What ActiveMQ and Artemis let a selector begin with; the first is how every selector is understood here. */
const prefixes = ['convert_string_expressions:', 'hyphenated_props:'] as const;

/**
 * Compiles a message selector: the conditional expressions of JMS 2.0 §3.8.1, a part of SQL-92. Names are headers,
 * JMS header fields (`JMSPriority`) or AMQP fields (`amqp.subject`); see docs/filters.md.
 * @throws FilterSyntaxError
 */
export function compileSelector(text: string): Condition {
  if (text.length > longest)
    throw new FilterSyntaxError(`a selector has at most ${longest} characters`, longest);
  const test = compileTest(parse(text));
  return {
    text,
    matches(message) {
      renewSteps();
      return test(message) === true;
    },
  };
}

/**
 * The names that a selector asks a message for, and where in its text.
 * @throws FilterSyntaxError
 */
export const namesIn = (text: string): readonly { readonly name: string; readonly offset: number }[] =>
  named(parse(text));

function parse(text: string): Node {
  let start = 0;
  let hyphenated = false;
  for (let prefix; (prefix = prefixes.find((each) => text.startsWith(each, start))) !== undefined;) {
    start += prefix.length;
    hyphenated ||= prefix === 'hyphenated_props:';
  }
  return parseSelector(text, start, hyphenated);
}

function named(node: unknown): { name: string; offset: number }[] {
  if (typeof node !== 'object' || node === null) return [];
  const { kind, name, offset } = node as { kind?: unknown; name?: string; offset: number };
  return kind === 'name' ? [{ name: name!, offset }] : Object.values(node).flatMap(named);
}
