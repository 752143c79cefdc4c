import type { MqttMessage, QoS } from './message.ts';
import { Type, type Level } from './packet-types.ts';
import { Property } from './properties.ts';

const noBytes: Buffer = Buffer.alloc(0);

/** How one copy of a message goes to one subscriber. */
export interface Copy {
  readonly level: Level;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Packet identifier; 0 for QoS 0. */
  readonly id: number;
  /** The subscription identifiers of the filters that matched [MQTT-3.3.4-3]. */
  readonly identifiers: readonly number[];
  /** Topic alias, 0 for none; with `aliasOnly` the topic itself is left out. */
  readonly alias: number;
  readonly aliasOnly: boolean;
}

/** A message on its way to subscribers. What its copies have in common is encoded once. */
export class Publication {
  readonly message: MqttMessage;
  /** Ms since the epoch. */
  readonly expiresAt: number | undefined;
  #topic: Buffer | undefined;
  #properties: Buffer | undefined;
  #plain3: Buffer | undefined;
  #plain5: Buffer | undefined;

  /** @param now ms since the epoch */
  constructor(message: MqttMessage, now: number) {
    this.message = message;
    const expiry = message.properties?.expiry;
    this.expiresAt = expiry === undefined ? undefined : now + expiry * 1000;
  }

  /** The same with bytes of its own, to be kept for long without keeping what it arrived with. */
  detached(now: number): Publication {
    const { message } = this;
    const properties = message.properties && {
      ...message.properties,
      expiry:
        this.expiresAt === undefined ? undefined : Math.max(0, Math.ceil((this.expiresAt - now) / 1000)),
      correlationData: message.properties.correlationData && Buffer.from(message.properties.correlationData),
    };
    return new Publication({ ...message, payload: Buffer.from(message.payload), properties }, now);
  }

  expired(now: number): boolean {
    return this.expiresAt !== undefined && this.expiresAt <= now;
  }

  /**
   * A PUBLISH packet. The message expiry it tells is what is left of it [MQTT-3.3.2-6].
   * @param now ms since the epoch
   */
  encode(copy: Copy, now: number): Buffer {
    const plain =
      copy.qos === 0 &&
      !copy.retain &&
      copy.alias === 0 &&
      copy.identifiers.length === 0 &&
      this.expiresAt === undefined;
    if (!plain) return this.#encode(copy, now);
    if (copy.level === 5) return (this.#plain5 ??= this.#encode(copy, now));
    return (this.#plain3 ??= this.#encode(copy, now));
  }

  #encode(copy: Copy, now: number): Buffer {
    const topic = copy.aliasOnly ? noBytes : (this.#topic ??= Buffer.from(this.message.topic));
    const { payload } = this.message;
    let own: Buffer = noBytes;
    let common: Buffer = noBytes;
    if (copy.level === 5) {
      common = this.#properties ??= encodeCommon(this.message);
      own = this.#encodeOwn(copy, now);
    }
    const propertiesLength = own.length + common.length;
    const remaining =
      2 +
      topic.length +
      (copy.qos > 0 ? 2 : 0) +
      (copy.level === 5 ? varintLength(propertiesLength) + propertiesLength : 0) +
      payload.length;
    const packet = Buffer.allocUnsafe(1 + varintLength(remaining) + remaining);
    packet[0] = Type.publish | (copy.dup ? 8 : 0) | (copy.qos << 1) | (copy.retain ? 1 : 0);
    let at = writeVarint(packet, 1, remaining);
    at = packet.writeUInt16BE(topic.length, at);
    at += topic.copy(packet, at);
    if (copy.qos > 0) at = packet.writeUInt16BE(copy.id, at);
    if (copy.level === 5) {
      at = writeVarint(packet, at, propertiesLength);
      at += own.copy(packet, at);
      at += common.copy(packet, at);
    }
    payload.copy(packet, at);
    return packet;
  }

  #encodeOwn(copy: Copy, now: number): Buffer {
    if (this.expiresAt === undefined && copy.alias === 0 && copy.identifiers.length === 0) return noBytes;
    const bytes = Buffer.allocUnsafe(8 + copy.identifiers.length * 5);
    let at = 0;
    if (this.expiresAt !== undefined) {
      bytes[at++] = Property.messageExpiry;
      at = bytes.writeUInt32BE(Math.max(1, Math.ceil((this.expiresAt - now) / 1000)), at);
    }
    if (copy.alias > 0) {
      bytes[at++] = Property.topicAlias;
      at = bytes.writeUInt16BE(copy.alias, at);
    }
    for (const identifier of copy.identifiers) {
      bytes[at++] = Property.subscriptionIdentifier;
      at = writeVarint(bytes, at, identifier);
    }
    return bytes.subarray(0, at);
  }
}

/** The properties that are the same for every subscriber. */
function encodeCommon({ properties }: MqttMessage): Buffer {
  if (!properties) return noBytes;
  const parts: Buffer[] = [];
  const string = (text: string | Buffer): void => {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    parts.push(Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes);
  };
  if (properties.text !== undefined)
    parts.push(Buffer.from([Property.payloadFormat, properties.text ? 1 : 0]));
  if (properties.contentType !== undefined) {
    parts.push(Buffer.from([Property.contentType]));
    string(properties.contentType);
  }
  if (properties.responseTopic !== undefined) {
    parts.push(Buffer.from([Property.responseTopic]));
    string(properties.responseTopic);
  }
  if (properties.correlationData !== undefined) {
    parts.push(Buffer.from([Property.correlationData]));
    string(properties.correlationData);
  }
  for (const [name, value] of properties.user) {
    parts.push(Buffer.from([Property.user]));
    string(name);
    string(value);
  }
  return Buffer.concat(parts);
}

const varintLength = (value: number): number =>
  value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;

function writeVarint(bytes: Buffer, at: number, value: number): number {
  let rest = value;
  while (rest >= 128) {
    bytes[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  bytes[at++] = rest;
  return at;
}
