/**
 * What of messages can be lost on the way to an endpoint, as it is written in `allow_loss:` and at `/losses`, and what
 * it is called for people.
 */
export const lossWords = {
  body_type: 'types of bodies',
  null_body: 'null bodies (tombstones)',
  headers: 'headers',
  repeated_headers: 'all but the first header of one name',
  header_order: 'the order of headers',
  id: 'message ids',
  content_type: 'content types',
  content_encoding: 'content encodings',
  subject: 'subjects',
  correlation_id: 'correlation ids',
  reply_to: 'reply addresses',
  key: 'keys',
  priority: 'priorities',
  ttl: 'times to live',
  timestamp: 'timestamps',
  durable: 'that a message is not durable',
  delivery_count: 'delivery counts',
  hops: 'counts of routes passed',
  retain: 'retain flags',
  order: 'the order of messages without a key',
  large_messages: 'messages larger than the target takes',
  messages: 'messages',
} as const;

export type LossName = keyof typeof lossWords;

export const lossNames = Object.keys(lossWords) as [LossName, ...LossName[]];

/** Counts what is lost on the way to one endpoint. */
export interface LossCounter {
  /** One message has lost this. */
  lost(what: LossName): void;
}
