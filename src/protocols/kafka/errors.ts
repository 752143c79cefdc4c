import { JunctionError, type ErrorCode } from '../../core/errors.ts';

/** Which messages of a request an error speaks of, and so what to do about the others. */
export type Scope =
  /** The connection or the cluster: the whole request is to be sent again. */
  | 'connection'
  /** One topic: its messages fail or wait, others do not. */
  | 'topic'
  /** One message among several: it must be found by halving the batch. */
  | 'message';

export interface Failure {
  readonly error: JunctionError;
  readonly scope: Scope;
}

/** What kafkajs throws; its wrappers hide the protocol error in `cause`. */
interface Thrown {
  readonly name?: string;
  readonly type?: string;
  readonly message?: string;
  readonly cause?: unknown;
}

/** Kafka's errors that are final for a message or a topic; every other one may pass. */
const final = new Map<string, readonly [ErrorCode, Scope, advice: string]>([
  ['MESSAGE_TOO_LARGE', ['too-large', 'message', 'raise max.message.bytes of the topic or send less']],
  ['RECORD_LIST_TOO_LARGE', ['too-large', 'message', 'raise max.message.bytes of the topic or send less']],
  ['INVALID_RECORD', ['refused', 'message', 'a compacted topic wants a key on every message']],
  ['INVALID_TIMESTAMP', ['refused', 'message', 'its timestamp is outside what the topic allows']],
  ['POLICY_VIOLATION', ['refused', 'message', 'a policy of the cluster refuses it']],
  ['UNSUPPORTED_FOR_MESSAGE_FORMAT', ['refused', 'topic', 'the topic’s message format is too old']],
  ['INVALID_TOPIC_EXCEPTION', ['invalid-message', 'topic', 'the brokers do not allow this topic name']],
  ['TOPIC_AUTHORIZATION_FAILED', ['not-authorized', 'topic', 'grant our user WRITE on the topic']],
  ['CLUSTER_AUTHORIZATION_FAILED', ['not-authorized', 'topic', 'grant our user access to the cluster']],
]);

/** @param topic the only topic of the request, where it had one */
export function classify(thrown: unknown, topic?: string): Failure {
  const { name, type, message } = root(thrown);
  const what = topic === undefined ? 'Kafka' : `Kafka topic ${topic}`;
  const known = type === undefined ? undefined : final.get(type);
  if (known)
    return {
      error: new JunctionError(known[0], `${what}: ${message ?? type!}; ${known[2]}`, { cause: thrown }),
      scope: known[1],
    };
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION' && topic !== undefined)
    return {
      error: new JunctionError(
        'unavailable',
        `${what} does not exist yet, and the brokers have not created it`,
        {
          cause: thrown,
        },
      ),
      scope: 'topic',
    };
  const code = name === 'KafkaJSRequestTimeoutError' ? 'timeout' : 'unavailable';
  const error = new JunctionError(code, `${what}: ${message ?? String(thrown)}`, { cause: thrown });
  // A protocol error came over a sound connection; a leader that moves concerns one topic.
  return { error, scope: type !== undefined && topic !== undefined ? 'topic' : 'connection' };
}

function root(thrown: unknown): Thrown {
  let error = thrown as Thrown;
  for (let depth = 0; depth < 8 && error.type === undefined && error.cause instanceof Error; depth++)
    error = error.cause;
  return error;
}
