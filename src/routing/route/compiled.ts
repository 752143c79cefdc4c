import type { Captures } from '../../core/address.ts';
import type { Condition } from '../../core/condition.ts';
import type { Envelope } from '../../core/envelope.ts';
import type { Transform } from '../../core/transform.ts';

// A reload compares routes by what they say, and what a condition or a transform was compiled to is not that: hence
// private fields, which a comparison does not look at.

/** A condition of a route or a target, or the opposite of one. */
export class When implements Condition {
  readonly text: string;
  readonly negated: boolean;
  readonly #condition: Condition;

  constructor(condition: Condition, negated = false) {
    this.text = condition.text;
    this.negated = negated;
    this.#condition = condition;
  }

  matches(message: Envelope): boolean {
    return this.#condition.matches(message) !== this.negated;
  }
}

/** A condition for people. */
export const conditionText = ({ text, negated }: Pick<When, 'text' | 'negated'>): string =>
  negated ? `NOT (${text})` : text;

/** A transform of a route or a target. */
export class Step<
  Made extends Envelope | Promise<Envelope> = Envelope | Promise<Envelope>,
> implements Transform<Made> {
  readonly identity: string;
  /** What it does, for people. */
  readonly text: string;
  readonly #transform: Transform<Made>;

  constructor(transform: Transform<Made>, text = transform.identity) {
    this.identity = transform.identity;
    this.text = text;
    this.#transform = transform;
  }

  apply(message: Envelope, captures: Captures): Made {
    return this.#transform.apply(message, captures);
  }
}
