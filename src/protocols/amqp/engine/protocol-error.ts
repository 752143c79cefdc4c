import type { AmqpError } from './api.ts';

/** The peer broke the protocol: the connection ends with this error. */
export class ProtocolError extends Error implements AmqpError {
  readonly condition: string;
  readonly description: string;
  constructor(condition: string, description: string) {
    super(description);
    this.condition = condition;
    this.description = description;
  }
}

/** The error conditions of §2.8.15–§2.8.18 that the engine uses. */
export const condition = {
  internal: 'amqp:internal-error',
  unauthorized: 'amqp:unauthorized-access',
  decode: 'amqp:decode-error',
  limit: 'amqp:resource-limit-exceeded',
  notAllowed: 'amqp:not-allowed',
  invalidField: 'amqp:invalid-field',
  notImplemented: 'amqp:not-implemented',
  framing: 'amqp:connection:framing-error',
  windowViolation: 'amqp:session:window-violation',
  handleInUse: 'amqp:session:handle-in-use',
  unattachedHandle: 'amqp:session:unattached-handle',
  transferLimit: 'amqp:link:transfer-limit-exceeded',
  messageSize: 'amqp:link:message-size-exceeded',
  stolen: 'amqp:link:stolen',
} as const;
