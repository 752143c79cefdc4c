import type { Captures } from './address.ts';
import type { Envelope } from './envelope.ts';

/**
 * A change of one message on its way to a target; compiled once. It makes a new envelope and changes none.
 * @typeParam Made `Envelope` where it always does so at once
 */
export interface Transform<Made extends Envelope | Promise<Envelope> = Envelope | Promise<Envelope>> {
  /**
   * Two that do the same have the same: what is written, and a digest of the files it depends on. A reload goes by it.
   */
  readonly identity: string;
  /**
   * The changed message; at once where that can be.
   * @param captures what the route's address binds
   * @throws JunctionError, or rejects with one: `invalid-message` where this message cannot be changed so, a retryable code
   *   where it may be later
   */
  apply(message: Envelope, captures: Captures): Made;
}
