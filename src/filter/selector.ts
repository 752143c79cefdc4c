import { FilterSyntaxError, type Condition } from '../core/condition.ts';
import { compileTest } from './selector/compile.ts';
import { renewSteps } from './selector/like.ts';
import { parseSelector } from './selector/parse.ts';

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
  let start = 0;
  let hyphenated = false;
  for (let prefix; (prefix = prefixes.find((each) => text.startsWith(each, start))) !== undefined;) {
    start += prefix.length;
    hyphenated ||= prefix === 'hyphenated_props:';
  }
  const test = compileTest(parseSelector(text, start, hyphenated));
  return {
    text,
    matches(message) {
      renewSteps();
      return test(message) === true;
    },
  };
}
