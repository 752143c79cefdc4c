import rhea, { type Message } from 'rhea';
import type { Envelope, HeaderValue, Identifier } from '../../src/core/envelope.ts';
import { envelope } from './product.ts';

/** rhea's own forms of body sections. */
interface Section {
  readonly typecode: number;
  readonly content: Buffer;
}
const hopsAnnotation = 'x-opt-junction-hops';

/** What rhea decoded, as an envelope. Data and text bodies only, which is all that the benchmark sends. */
export function toEnvelope(message: Message, address: string): Envelope {
  const body = message.body as Section | string | Buffer;
  const bytes = typeof body === 'string' ? Buffer.from(body) : Buffer.isBuffer(body) ? body : body.content;
  const properties: Record<string, HeaderValue> | undefined = message.application_properties;
  const hops: unknown = message.message_annotations?.[hopsAnnotation];
  return envelope({
    id: message.message_id as Identifier | undefined,
    address,
    body: bytes,
    bodyType: typeof body === 'string' ? 'string' : Buffer.isBuffer(body) ? 'binary' : 'data',
    headers: properties ? Object.entries(properties) : [],
    contentType: message.content_type,
    contentEncoding: message.content_encoding,
    subject: message.subject,
    correlationId: message.correlation_id as Identifier | undefined,
    replyTo: message.reply_to,
    key: message.group_id,
    priority: message.priority,
    durable: message.durable ?? false,
    expiresAt: message.ttl === undefined ? undefined : Date.now() + message.ttl,
    timestamp: message.creation_time === undefined ? undefined : Number(message.creation_time),
    deliveryCount: message.delivery_count ?? 0,
    hops: typeof hops === 'number' ? hops : 0,
  });
}

/** An envelope as rhea sends it; fields that are not there are left out, which rhea encodes fastest. */
export function toMessage(from: Envelope, deliveryCount: number): Message {
  const message: Message = {
    body: rhea.message.data_section(asBuffer(from.body)) as Section,
    durable: from.durable,
    to: from.address,
  };
  if (deliveryCount > 0) message.delivery_count = deliveryCount;
  if (from.priority !== undefined) message.priority = from.priority;
  if (from.expiresAt !== undefined) message.ttl = Math.max(0, from.expiresAt - Date.now());
  if (from.id !== undefined) message.message_id = from.id as string;
  if (from.subject !== undefined) message.subject = from.subject;
  if (from.replyTo !== undefined) message.reply_to = from.replyTo;
  if (from.correlationId !== undefined) message.correlation_id = from.correlationId as string;
  if (from.contentType !== undefined) message.content_type = from.contentType;
  if (from.contentEncoding !== undefined) message.content_encoding = from.contentEncoding;
  if (from.timestamp !== undefined) message.creation_time = new Date(from.timestamp);
  if (from.key !== undefined) message.group_id = from.key;
  if (from.hops > 0) message.message_annotations = { [hopsAnnotation]: from.hops };
  if (from.headers.length > 0)
    message.application_properties = Object.fromEntries(from.headers.map(([name, value]) => [name, value]));
  return message;
}

const asBuffer = (bytes: Uint8Array | null): Buffer =>
  bytes ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : Buffer.alloc(0);
