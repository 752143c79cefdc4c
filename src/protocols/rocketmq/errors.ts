import { JunctionError, type ErrorCode } from '../../core/errors.ts';
import { Code } from './wire.ts';

/** What a proxy answered: its code and words, and the code of gRPC where the call itself failed. */
export class RocketMqError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message === '' ? `RocketMQ status ${status}` : message);
    this.status = status;
  }
}

/** The calls to a proxy fail: the connection is over, and what was under way has an unknown outcome. */
export class ConnectionLost extends Error {}

/** A call was not answered in its time. */
export class CallTimeout extends Error {}

/** RocketMQ's statuses that are final for a message, or that say something else than `unavailable`. */
const statuses = new Map<number, ErrorCode>([
  [Code.BAD_REQUEST, 'refused'],
  [Code.ILLEGAL_TOPIC, 'invalid-message'],
  [Code.ILLEGAL_MESSAGE_TAG, 'invalid-message'],
  [Code.ILLEGAL_MESSAGE_KEY, 'invalid-message'],
  [Code.ILLEGAL_MESSAGE_GROUP, 'invalid-message'],
  [Code.ILLEGAL_MESSAGE_PROPERTY_KEY, 'invalid-message'],
  [Code.ILLEGAL_MESSAGE_ID, 'invalid-message'],
  [Code.ILLEGAL_DELIVERY_TIME, 'invalid-message'],
  [Code.MESSAGE_PROPERTY_CONFLICT_WITH_TYPE, 'refused'],
  [Code.MESSAGE_CORRUPTED, 'invalid-message'],
  [Code.MESSAGE_BODY_EMPTY, 'invalid-message'],
  [Code.UNAUTHORIZED, 'not-authorized'],
  [Code.FORBIDDEN, 'not-authorized'],
  [Code.PAYLOAD_TOO_LARGE, 'too-large'],
  [Code.MESSAGE_BODY_TOO_LARGE, 'too-large'],
  [Code.REQUEST_HEADER_FIELDS_TOO_LARGE, 'too-large'],
  [Code.MESSAGE_PROPERTIES_TOO_LARGE, 'too-large'],
  [Code.TOO_MANY_REQUESTS, 'busy'],
  [Code.REQUEST_TIMEOUT, 'timeout'],
  [Code.PROXY_TIMEOUT, 'timeout'],
  // the message is stored, but not yet as safely as the broker was told to
  [Code.MASTER_PERSISTENCE_TIMEOUT, 'timeout'],
  [Code.SLAVE_PERSISTENCE_TIMEOUT, 'timeout'],
]);

/** What a failed send amounts to. A topic that is missing may be created any moment. */
export function sendError(topic: string, thrown: unknown): JunctionError {
  if (thrown instanceof JunctionError) return thrown;
  const what = `RocketMQ topic ${topic}`;
  if (thrown instanceof CallTimeout) return new JunctionError('timeout', `${what}: ${thrown.message}`);
  if (thrown instanceof RocketMqError) {
    const code = statuses.get(thrown.status) ?? 'unavailable';
    return new JunctionError(code, `${what}: ${thrown.message}`, { cause: thrown });
  }
  return JunctionError.from(thrown, 'unavailable');
}
