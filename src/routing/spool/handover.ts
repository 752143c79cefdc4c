import type { Envelope } from '../../core/envelope.ts';
import type { JunctionError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';

/** What one target of a route is to get of a spooled message. */
export interface Share {
  /** The target's place in the route. */
  readonly target: number;
  /** The same after a restart, and also where the route has got other targets meanwhile. */
  readonly name: string;
  /** Messages of one lane at one target keep their order. */
  readonly lane: string;
  /** Whether it would have to wait for others of its lane. */
  blocked(): boolean;
  /**
   * Accepted once the target has it, or it is a dead letter there. `givenBack` where it would have to wait behind
   * another message of its lane: it is to be sent again after that one. Never rejects.
   */
  send(): Promise<Outcome>;
  /**
   * Ends it with this error in place of sending it: accepted once its dead letter is kept. Never rejects.
   * @param at when the message was taken, ms since the epoch
   */
  bury(at: number, error: JunctionError): Promise<Outcome>;
}

/** How a route's spool reaches the route's targets. */
export interface Handover {
  /** What is to be sent for a message; nothing for one that ends here, such as one that has expired. */
  sharesOf(message: Envelope): readonly Share[];
  /**
   * Makes one dead letter of a message that no target has got; accepted once it is kept. Never rejects.
   * @param at when the message was taken, ms since the epoch
   */
  bury(message: Envelope, at: number, error: JunctionError): Promise<Outcome>;
  /** How many messages are held in memory since their lanes are in trouble. */
  stuck(): number;
  /** Calls back when there is one more of those. */
  onStuck(callback: () => void): void;
  /** Calls back when a lane is no longer blocked. */
  onFree(callback: (target: number, lane: string) => void): void;
  /** Sends nothing again from now on; what is under way is answered. */
  stop(): void;
}
