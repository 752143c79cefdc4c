import { JunctionError } from '../../core/errors.ts';
import { accepted, type Outcome } from '../../core/outcome.ts';
import type { DeliveryOutcome } from './engine/api.ts';
import { toAmqpError } from './errors.ts';

const acceptedHere: DeliveryOutcome = Object.freeze({ state: 'accepted' });
const releasedHere: DeliveryOutcome = Object.freeze({ state: 'released' });
const modifiedHere: DeliveryOutcome = Object.freeze({
  state: 'modified',
  deliveryFailed: false,
  undeliverableHere: false,
});

/**
 * Our answer to a sender.
 * @param can the outcomes that its source names (§3.5.3); none: any
 */
export function answerFor(outcome: Outcome, can: readonly string[]): DeliveryOutcome {
  switch (outcome.state) {
    case 'accepted':
      return acceptedHere;
    case 'rejected':
      return { state: 'rejected', error: toAmqpError(outcome.error) };
    case 'released':
      if (can.length === 0 || can.includes('amqp:released:list')) return releasedHere;
      if (can.includes('amqp:modified:list')) return modifiedHere;
      // It can be told only that this did not work: better than to let it believe that it did.
      return { state: 'rejected', error: toAmqpError(outcome.error) };
  }
}

/** A receiver's answer to us, and whether it counts as a delivery that was tried (§3.4.4, §3.4.5). */
export function answerOf(outcome: DeliveryOutcome): { outcome: Outcome; tried: boolean } {
  switch (outcome.state) {
    case 'accepted':
      return taken;
    case 'rejected': {
      const { error } = outcome;
      const why = error ? `${error.condition}${error.description ? `: ${error.description}` : ''}` : '';
      return {
        outcome: {
          state: 'rejected',
          error: new JunctionError('refused', `the receiver rejected the message${why ? ` (${why})` : ''}`),
        },
        tried: true,
      };
    }
    case 'released':
      return { outcome: { state: 'released', error: givenBack }, tried: false };
    case 'modified':
      if (outcome.undeliverableHere)
        return {
          outcome: {
            state: 'rejected',
            error: new JunctionError('refused', 'the receiver says that it cannot take the message'),
          },
          tried: true,
        };
      return { outcome: { state: 'released', error: givenBack }, tried: outcome.deliveryFailed };
  }
}

const taken = Object.freeze({ outcome: accepted, tried: true });
const givenBack = new JunctionError('busy', 'the receiver gave the message back');
