import { JunctionError } from '../../core/errors.ts';
import type { ClosedError } from './wire/channel.ts';

/**
 * Why the broker closed a channel on a message, as an error of that message. Reply codes: AMQP 0-9-1 §1.2 of the
 * reference (constants).
 */
export function publishError({ code, message }: ClosedError): JunctionError {
  const text = `RabbitMQ refused the message: ${message}`;
  switch (code) {
    case 404:
      return new JunctionError('no-route', text);
    case 403:
    case 530:
      return new JunctionError('not-authorized', text);
    case 311:
      return new JunctionError('too-large', text);
    case 406:
      return new JunctionError(/message size|larger than/i.test(message) ? 'too-large' : 'refused', text);
    case 405: // a resource is locked by another connection
    case 506:
    case 541:
      return new JunctionError('unavailable', text);
    default:
      return new JunctionError('refused', text);
  }
}

/** No queue took the message: the broker returned it. */
export const returnedError = (exchange: string, routingKey: string, text: string): JunctionError =>
  new JunctionError(
    text === 'NO_ROUTE' ? 'no-route' : 'refused',
    exchange === ''
      ? `RabbitMQ returned the message: ${text}, there is no queue "${routingKey}"`
      : `RabbitMQ returned the message: ${text}, no queue is bound to exchange "${exchange}" for "${routingKey}"`,
  );

/** The broker does not take responsibility now: a queue is full (reject-publish) or lacks its quorum. */
export const nackedError = (): JunctionError =>
  new JunctionError('busy', 'RabbitMQ did not take the message: a queue is full or unavailable');
