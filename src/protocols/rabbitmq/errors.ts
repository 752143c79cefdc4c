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

/** RabbitMQ's words for a message over its `max_message_size`, which is a limit of bodies. */
const sizes = /message size (\d+) is larger than (?:configured )?max size (\d+)/;

/**
 * The largest body that the broker takes, where it says so when it closes a channel on one that is larger.
 * @param bodies in bytes, those that it may have complained of: what it says must be true of one of them
 */
export function limitTold({ code, message }: ClosedError, bodies: readonly number[]): number | undefined {
  if (code !== 406) return undefined;
  const [size, limit] = sizes.exec(message)?.slice(1).map(Number) ?? [];
  return size !== undefined && limit !== undefined && size > limit && bodies.includes(size)
    ? limit
    : undefined;
}

export const tooLarge = (bytes: number, limit: number): JunctionError =>
  new JunctionError(
    'too-large',
    `the message has ${bytes} bytes, and RabbitMQ has refused one over ${limit} on this connection (max_message_size)`,
  );

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
