import type { Envelope } from '../../core/envelope.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { RouteTarget } from '../route/route.ts';

/**
 * Makes of a message what its target is sent.
 * @param message as its source handed it over
 * @param onward as it leaves the route otherwise
 * @throws JunctionError, or rejects with one
 */
export type Finish = (message: Envelope, onward: Envelope) => Envelope | Promise<Envelope>;

/** Where one message goes on behalf of one route. */
export interface Target {
  readonly route: string;
  /** The target as the route has it. */
  readonly to: RouteTarget;
  readonly address: string;
  /** The message as the route understood it, where that is not as it came. */
  readonly decoded: Envelope | undefined;
  /** The ordering key there, in place of the message's own; undefined where the message lacks a part of it. */
  readonly keyOf: ((message: Envelope) => string | undefined) | undefined;
  /** What is left to do when it is sent; undefined: nothing. */
  readonly finish: Finish | undefined;
  /** Is told how it ended. */
  readonly settled: ((outcome: Outcome) => void) | undefined;
}
