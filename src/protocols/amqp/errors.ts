import type { ErrorCode, JunctionError } from '../../core/errors.ts';
import type { AmqpError } from './engine/api.ts';

/** Error conditions that we send (AMQP 1.0 §2.8.15–§2.8.18). */
export const condition = {
  internal: 'amqp:internal-error',
  notFound: 'amqp:not-found',
  unauthorized: 'amqp:unauthorized-access',
  decode: 'amqp:decode-error',
  resourceLimit: 'amqp:resource-limit-exceeded',
  notAllowed: 'amqp:not-allowed',
  invalidField: 'amqp:invalid-field',
  notImplemented: 'amqp:not-implemented',
  resourceLocked: 'amqp:resource-locked',
  preconditionFailed: 'amqp:precondition-failed',
  resourceDeleted: 'amqp:resource-deleted',
  illegalState: 'amqp:illegal-state',
  forced: 'amqp:connection:forced',
  tooLarge: 'amqp:link:message-size-exceeded',
} as const;

/** How a failed delivery is told to the sender, in a rejected outcome. */
export const conditionOf = {
  'invalid-message': condition.invalidField,
  'too-large': condition.tooLarge,
  'no-route': condition.notFound,
  'not-authorized': condition.unauthorized,
  expired: condition.preconditionFailed,
  loop: condition.preconditionFailed,
  refused: condition.notAllowed,
  unavailable: condition.illegalState,
  timeout: condition.illegalState,
  busy: condition.resourceLimit,
  closed: condition.illegalState,
  internal: condition.internal,
} as const satisfies Record<ErrorCode, string>;

export const toAmqpError = (error: JunctionError): AmqpError => ({
  condition: conditionOf[error.code],
  description: error.message,
});
