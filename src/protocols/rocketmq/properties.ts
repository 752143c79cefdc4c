/**
 * The property that carries headers which RocketMQ cannot: an empty value, control characters in a name or value, a
 * name of its own, or one that is a field of ours. Percent-encoded pairs, `name=value&name=value`.
 */
export const moreProperties = 'junction-headers';

/** Names that RocketMQ keeps to itself, divided by spaces: messages with one of these are refused, or it is overwritten. */
const reserved: ReadonlySet<string> = new Set(
  [
    '1ST_POP_TIME ARRIVE_TIME BORN_TIMESTAMP BUYER_ID CLUSTER CONSUME_START_TIME CORRECTION_FLAG',
    'CORRELATION_ID DELAY DLQ_ORIGIN_MESSAGE_ID DLQ_ORIGIN_TOPIC DUP_INFO EXTEND_UNIQ_INFO',
    'INNER_MULTI_QUEUE_OFFSET INSTANCE_ID KEYS MAX_OFFSET MAX_RECONSUME_TIMES MIN_OFFSET MQ2_FLAG',
    'MSG_REGION MSG_TYPE ORIGIN_MESSAGE_ID PGROUP POP_CK POP_CK_OFFSET PUSH_REPLY_TIME REAL_QID',
    'REAL_TOPIC RECONSUME_TIME REPLY_TO_CLIENT RETRY_TOPIC TAGS TIMER_DELAY_LEVEL TIMER_DELAY_MS',
    'TIMER_DELAY_SEC TIMER_DELIVER_MS TIMER_DEL_UNIQKEY TIMER_DEQUEUE_MS TIMER_ENQUEUE_MS TIMER_OUT_MS',
    'TIMER_ROLL_TIMES TRACE_ON TRANSFER_FLAG TRAN_MSG TRAN_PREPARED_QUEUE_OFFSET TTL UNIQ_KEY WAIT',
    '__BORNHOST __CRC32# INNER_NUM INNER_BASE __SHARDINGKEY __STARTDELIVERTIME __LITE_TOPIC __PRIORITY',
    '__transactionId__ INNER_MULTI_DISPATCH',
  ]
    .join(' ')
    .split(' '),
);

const control = /[\u0000-\u001f\u007f-\u009f]/;

/** Whether RocketMQ writes properties of this name itself; readers are given some of them. */
export const isReserved = (name: string): boolean => reserved.has(name);

/** Whether RocketMQ carries this as a user property; `__proto__` is lost by google-protobuf's maps. */
export const isPlainProperty = (name: string, value: string): boolean =>
  name !== '' &&
  value !== '' &&
  name !== moreProperties &&
  name !== '__proto__' &&
  !reserved.has(name) &&
  !control.test(name) &&
  !control.test(value);

/** One that RocketMQ cannot carry itself; `field` where it is one of the envelope and no header. */
export interface Further {
  readonly name: string;
  readonly value: string;
  readonly field: boolean;
}

/** A field is told from a header of its name by a colon before it, which no encoded name has. */
export const writeMore = (further: readonly Further[]): string =>
  further.map(({ name, value, field }) => `${field ? ':' : ''}${encode(name)}=${encode(value)}`).join('&');

/** The reverse of writeMore. What is malformed is left out. */
export function readMore(text: string): Further[] {
  const further: Further[] = [];
  for (const item of text.split('&')) {
    const at = item.indexOf('=');
    const field = item.startsWith(':');
    const name = at < 0 ? undefined : decode(item.slice(field ? 1 : 0, at));
    const value = decode(item.slice(at + 1));
    if (name !== undefined && value !== undefined) further.push({ name, value, field });
  }
  return further;
}

const encode = (text: string): string => encodeURIComponent(text.toWellFormed());

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
