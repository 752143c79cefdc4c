import type { Captures } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';

/** A part of a transform; they run one after the other. */
export interface Step {
  (message: Envelope, captures: Captures): Envelope | Promise<Envelope>;
}

/** What is wrong with a transform as it is written, and where. */
export class TransformError extends Error {
  override readonly name = 'TransformError';
  /** The keys from the target to the value that is wrong, e.g. `body`, `jsonata`. */
  readonly path: readonly string[];
  /** Where in that value, in UTF-16 code units; undefined: all of it. */
  readonly offset: number | undefined;
  /** How to mend it. */
  readonly hint: string | undefined;

  constructor(
    path: readonly string[],
    message: string,
    options: ErrorOptions & { readonly offset?: number | undefined; readonly hint?: string } = {},
  ) {
    super(message, options);
    this.path = path;
    this.offset = options.offset;
    this.hint = options.hint;
  }
}
