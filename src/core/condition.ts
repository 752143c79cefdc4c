import type { Envelope } from './envelope.ts';
import { TextSyntaxError } from './syntax-error.ts';

/** A question to a message, compiled once: a route's `when:`, a client's selector. */
export interface Condition {
  /** As it was written. */
  readonly text: string;
  /** @throws JunctionError `invalid-message` where the message cannot be judged */
  matches(message: Envelope): boolean;
}

/** What is wrong with a condition, and where in its text. */
export class FilterSyntaxError extends TextSyntaxError {}
