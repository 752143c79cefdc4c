import { envelope, type Envelope, type Header } from '../../../core/envelope.ts';
import type { KeptMessage } from '../../../core/storage.ts';
import type { MqttMessage, QoS } from '../codec/message.ts';
import { Publication } from '../codec/publication.ts';
import type { Grant } from './grant.ts';

/** What the store keeps beside a message: what an envelope has no field for. Stored by position: append only. */
export type Note = readonly [
  /** Of the message as it was published. */
  qos: QoS,
  /** MQTT 5's Payload Format Indicator; null where the message does not tell. */
  text: boolean | null,
  /** How its subscriptions want it; null where that is not decided yet. */
  grant: Grant | null,
];

const noHeaders: readonly Header[] = [];

/**
 * A message as the store takes it. Unlike `toEnvelope`, which makes an envelope for other protocols, this keeps every
 * field where it is, so that the very same message comes back.
 */
export function toStored(publication: Publication): Envelope {
  const { message, expiresAt } = publication;
  const { properties } = message;
  return envelope({
    address: message.topic,
    body: message.payload,
    headers: properties && properties.user.length > 0 ? properties.user : noHeaders,
    contentType: properties?.contentType,
    correlationId: properties?.correlationData,
    replyTo: properties?.responseTopic,
    durable: message.qos > 0,
    expiresAt,
    retain: message.retain,
  });
}

export const noteOf = ({ message }: Publication, grant: Grant | null): Note => [
  message.qos,
  message.properties?.text ?? null,
  grant,
];

/**
 * What `toStored` and `noteOf` made.
 * @param now ms since the epoch
 */
export function fromStored(
  { message, note }: KeptMessage,
  now: number,
): { publication: Publication; grant: Grant | null } {
  const [qos, text, grant] = note as Note;
  const { expiresAt } = message;
  const mqtt: MqttMessage = {
    topic: message.address,
    payload: asBuffer(message.body!),
    qos,
    retain: message.retain,
    dup: false,
    properties: {
      text: text ?? undefined,
      expiry: expiresAt === undefined ? undefined : Math.max(0, Math.ceil((expiresAt - now) / 1000)),
      contentType: message.contentType,
      responseTopic: message.replyTo,
      correlationData:
        message.correlationId === undefined ? undefined : asBuffer(message.correlationId as Uint8Array),
      user: message.headers as readonly (readonly [string, string])[],
    },
  };
  return { publication: new Publication(mqtt, now), grant };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
