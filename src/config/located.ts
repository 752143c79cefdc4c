import { TextSyntaxError } from '../core/syntax-error.ts';
import type { Problems } from './problems.ts';
import type { ScalarNode } from './tree.ts';

/**
 * Reads a text with a syntax of its own, such as an address or a condition, and reports a mistake at its place within the text.
 * @returns undefined where there is one
 */
export function located<Result>(
  node: ScalarNode,
  parse: (written: string) => Result,
  problems: Problems,
): Result | undefined {
  try {
    return parse(String(node.value));
  } catch (error) {
    if (!(error instanceof TextSyntaxError)) throw error;
    problems.error(node.place(error.offset), error.message);
    return undefined;
  }
}
