import { JunctionError, type ErrorCode } from '../../../core/errors.ts';
import type { AmqpError, DeliveryOutcome } from '../engine/api.ts';
import { condition } from '../errors.ts';

/** What a broker's condition means for a message or a link; those not here depend on what they are said of. */
const codes: ReadonlyMap<string, ErrorCode> = new Map<string, ErrorCode>([
  [condition.notFound, 'no-route'],
  [condition.unauthorized, 'not-authorized'],
  [condition.tooLarge, 'too-large'],
  [condition.resourceLimit, 'busy'],
  [condition.notAllowed, 'refused'],
  [condition.notImplemented, 'refused'],
  [condition.invalidField, 'refused'],
  [condition.preconditionFailed, 'refused'],
  [condition.decode, 'refused'],
  ['com.microsoft:server-busy', 'busy'],
  ['com.microsoft:timeout', 'busy'],
]);

/** A peer's error in words; its description may be long. */
export const wordsOf = (error: AmqpError | undefined): string =>
  error
    ? `${error.condition}${error.description ? `: ${error.description.slice(0, 500)}` : ''}`
    : 'no reason';

/** Why a link to send on is not there; not retryable only where the broker says so for good. */
export const linkError = (address: string, error: AmqpError | undefined): JunctionError =>
  new JunctionError(
    (error && codes.get(error.condition)) ?? 'unavailable',
    `the broker does not take messages to ${address} (${wordsOf(error)})`,
  );

/** What the broker's answer to a message is an error of; undefined where it has taken the message. */
export function errorOf(outcome: DeliveryOutcome): JunctionError | undefined {
  switch (outcome.state) {
    case 'accepted':
      return undefined;
    case 'rejected':
      return new JunctionError(
        (outcome.error && codes.get(outcome.error.condition)) ?? 'refused',
        `the broker rejected the message (${wordsOf(outcome.error)})`,
      );
    default:
      return new JunctionError('busy', 'the broker gave the message back');
  }
}
