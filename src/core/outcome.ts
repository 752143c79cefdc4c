import { JunctionError } from './errors.ts';

/** How a delivery ended; the words are AMQP 1.0's (§3.4). */
export type Outcome =
  | { readonly state: 'accepted' }
  /** Will never succeed as it is: tell the sender, do not redeliver. */
  | { readonly state: 'rejected'; readonly error: JunctionError }
  /** May succeed later: the sender keeps it and may redeliver. */
  | { readonly state: 'released'; readonly error: JunctionError };

export const accepted: Outcome = Object.freeze({ state: 'accepted' });

/** The outcome that a failed send amounts to. */
export function failed(reason: unknown): Outcome {
  const error = JunctionError.from(reason);
  return { state: error.retryable ? 'released' : 'rejected', error };
}

/**
 * The outcome of a delivery to several targets: accepted if all accepted it; rejected if any can never succeed
 * (redelivering would not help); else released.
 */
export function combine(outcomes: readonly Outcome[]): Outcome {
  let worst = accepted;
  for (const outcome of outcomes) {
    if (outcome.state === 'rejected') return outcome;
    if (outcome.state === 'released') worst = outcome;
  }
  return worst;
}
