import type { When } from '../routing/route/compiled.ts';

/** A condition for people. */
export const conditionText = ({ text, negated }: Pick<When, 'text' | 'negated'>): string =>
  negated ? `NOT (${text})` : text;
