import { Uuid, type Envelope, type HeaderValue, type Identifier } from '../../core/envelope.ts';
import { isWholeType } from '../../core/header-values.ts';
import { identifierToText } from '../../core/identifier-text.ts';
import { furtherFields } from '../../core/reserved-headers.ts';

/** What a name stands for in one message; undefined is NULL, bytes can be asked for but compared with nothing. */
export type Value = string | number | bigint | boolean | Uint8Array | undefined;

type Field = (message: Envelope) => Value;

/** How a name is read from a message. */
export interface Name {
  readonly read: Field;
  /** As `read`, for arithmetic: exact numbers are bigints, approximate ones numbers. */
  readonly operand: Field;
}

const identifier = (id: Identifier | undefined): Value => (id instanceof Uuid ? id.text : id);

/** As a JMS client sees it (AMQP JMS mapping §3.2.1.2): what is no string has the prefix of its type behind `ID:`. */
const jmsIdentifier = (id: Identifier | undefined): Value =>
  id === undefined || typeof id === 'string' ? id : `ID:${identifierToText(id)}`;

const key: Field = ({ key }) => key;
/** What an envelope has no field for. */
const { read: groupSequence } = header(furtherFields.groupSequence);
const { read: userId } = header(furtherFields.userId);

/** Names of fields of the message; what is a number here is exact. Where a field is not set, a header of that name is looked for. */
const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  ['JMSMessageID', ({ id }) => jmsIdentifier(id)],
  ['JMSCorrelationID', ({ correlationId }) => jmsIdentifier(correlationId)],
  ['JMSType', ({ subject }) => subject],
  ['JMSPriority', ({ priority }) => priority ?? 4],
  ['JMSTimestamp', ({ timestamp }) => timestamp],
  ['JMSExpiration', ({ expiresAt }) => expiresAt ?? 0],
  ['JMSDeliveryMode', ({ durable }) => (durable ? 'PERSISTENT' : 'NON_PERSISTENT')],
  ['JMSRedelivered', ({ deliveryCount }) => deliveryCount > 0],
  ['JMSDestination', ({ address }) => address],
  ['JMSReplyTo', ({ replyTo }) => replyTo],
  ['JMSXGroupID', key],
  ['JMSXGroupSeq', groupSequence],
  ['JMSXUserID', userId],
  ['JMSXDeliveryCount', ({ deliveryCount }) => deliveryCount + 1],
  ['amqp.message_id', ({ id }) => identifier(id)],
  ['amqp.correlation_id', ({ correlationId }) => identifier(correlationId)],
  ['amqp.to', ({ address }) => address],
  ['amqp.reply_to', ({ replyTo }) => replyTo],
  ['amqp.subject', ({ subject }) => subject],
  ['amqp.content_type', ({ contentType }) => contentType],
  ['amqp.content_encoding', ({ contentEncoding }) => contentEncoding],
  ['amqp.absolute_expiry_time', ({ expiresAt }) => expiresAt],
  ['amqp.creation_time', ({ timestamp }) => timestamp],
  ['amqp.group_id', key],
  ['amqp.group_sequence', groupSequence],
  ['amqp.user_id', userId],
  ['amqp.priority', ({ priority }) => priority ?? 4],
  ['amqp.durable', ({ durable }) => durable],
  ['amqp.delivery_count', ({ deliveryCount }) => deliveryCount],
]);

/** The name of a field or a header. */
export function nameOf(name: string): Name {
  const field = fields.get(name);
  if (!field) return header(name);
  const { read } = header(name);
  const value: Field = (message) => field(message) ?? read(message);
  return {
    read: value,
    operand: (message) => exact(value(message)),
  };
}

function header(name: string): Name {
  return {
    read({ headers }) {
      for (const each of headers) if (each[0] === name) return comparable(each[1]);
      return undefined;
    },
    operand({ headers }) {
      for (const [given, value, type] of headers)
        if (given === name) return isWholeType(type) ? exact(comparable(value)) : comparable(value);
      return undefined;
    },
  };
}

const exact = (value: Value): Value =>
  typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;

function comparable(value: HeaderValue): Value {
  if (value === null) return undefined;
  return value instanceof Uuid ? value.text : value;
}
