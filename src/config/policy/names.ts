import { nameMatcher } from '../glob.ts';

/** Whether one of the patterns, in which `*` and `?` match within a name, means this name. */
export const isNamed = (name: string, patterns: readonly string[]): boolean =>
  patterns.some((pattern) => nameMatcher(pattern).test(name));
