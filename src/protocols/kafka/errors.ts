import { JunctionError, type ErrorCode } from '../../core/errors.ts';
import { errorName, kafkaErrors, type KafkaErrorName } from './wire/error-codes.ts';

/** What a broker's answer says of a batch: whether it is there, and what is to be done. */
export type Ruling =
  /** It is written. */
  | { readonly kind: 'written' }
  /** This attempt has written nothing, another may succeed. */
  | { readonly kind: 'not-written'; readonly why: string }
  /** Nobody can tell yet; the same batch is to be sent again. `odd`: perhaps nobody ever will. */
  | { readonly kind: 'unknown'; readonly why: string; readonly odd: boolean }
  /** Nothing is written: the broker does not follow our sequence numbers (any more). */
  | { readonly kind: 'out-of-sequence'; readonly why: string }
  /** Nothing is written, nor ever will be: of a `message` in it, or because of the whole `topic`. */
  | { readonly kind: 'refused'; readonly error: JunctionError; readonly scope: 'message' | 'topic' };

type Final = readonly [ErrorCode, scope: 'message' | 'topic', advice: string];

/** Errors that are final for a message or a topic; brokers find them before they write. */
const final: ReadonlyMap<string, Final> = new Map<KafkaErrorName, Final>([
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

/** Errors that brokers find before they write, and that pass. */
const passing: ReadonlySet<string> = new Set<KafkaErrorName>([
  'CORRUPT_MESSAGE',
  'NOT_ENOUGH_REPLICAS',
  'THROTTLING_QUOTA_EXCEEDED',
  'UNSUPPORTED_COMPRESSION_TYPE',
  'UNSUPPORTED_VERSION',
]);

const outOfSequence: ReadonlySet<string> = new Set<KafkaErrorName>([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
  'PRODUCER_FENCED',
]);

/**
 * Errors that may also come after the leader has written: it has ceased to lead, or its replicas were slow. Any other
 * error is taken to be like these; but one who answers the same batch so again and again will hardly ever tell.
 */
const undecided: ReadonlySet<string> = new Set<KafkaErrorName>([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
  'FENCED_LEADER_EPOCH',
]);

/** @param message the broker's own words, where it has any */
export function rule(code: number, topic: string, message: string | undefined): Ruling {
  // What is a repeat of the last batches is there, since a number never stands for anything else.
  if (code === kafkaErrors.NONE || code === kafkaErrors.DUPLICATE_SEQUENCE_NUMBER) return { kind: 'written' };
  const name = errorName(code);
  const refusal = refusalOf(code, topic, message);
  if (refusal) return { kind: 'refused', error: refusal, scope: final.get(name)![1] };
  const why = message === undefined ? name : `${name}: ${message}`;
  if (outOfSequence.has(name)) return { kind: 'out-of-sequence', why };
  if (passing.has(name)) return { kind: 'not-written', why };
  return { kind: 'unknown', why, odd: !undecided.has(name) };
}

/** The error where a code is final. */
export function refusalOf(code: number, topic: string, message?: string): JunctionError | undefined {
  const name = errorName(code);
  const known = final.get(name);
  if (!known) return undefined;
  return new JunctionError(known[0], `Kafka topic ${topic}: ${message ?? name}; ${known[2]}`);
}
