import { Cursor } from './cursor.ts';
import type { MessageProperties, MqttMessage, QoS } from './message.ts';
import type { Level } from './packet-types.ts';
import { type Properties, Property, readProperties } from './properties.ts';
import { Reason } from './reasons.ts';
import { decodeName } from './text.ts';
import { checkTopicName } from './topics.ts';
import { malformed, protocolError, Violation } from './violation.ts';

const messageProperties = [
  Property.payloadFormat,
  Property.messageExpiry,
  Property.contentType,
  Property.responseTopic,
  Property.correlationData,
  Property.user,
];

/** What a will may say (MQTT 5 §3.1.3.2). */
export const willProperties: ReadonlySet<number> = new Set([...messageProperties, Property.willDelay]);
/** What a client's PUBLISH may say (MQTT 5 §3.3.2.3); a subscription identifier is the server's [MQTT-3.3.4-6]. */
const publishProperties: ReadonlySet<number> = new Set([...messageProperties, Property.topicAlias]);

/** How many topic aliases a client may use. */
export const topicAliasMaximum = 10;

/** A PUBLISH with its packet identifier, 0 for QoS 0. */
export interface Publish {
  readonly message: MqttMessage;
  readonly id: number;
}

/** Topics that were checked before, so that the next message to one costs a look-up; bounded by starting afresh. */
export class TopicNames {
  #known = new Map<string, string>();

  /** @throws Violation */
  read(bytes: Buffer, start: number, end: number): string {
    const key = bytes.toString('latin1', start, end);
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const topic = decodeName(bytes, start, end);
    checkTopicName(topic);
    if (key.length > 512) return topic;
    if (this.#known.size >= 10_000) this.#known = new Map();
    this.#known.set(key, topic);
    return topic;
  }
}

/**
 * Reads a PUBLISH whose first byte has been checked.
 * @param aliases this connection's topic aliases, by number
 * @throws Violation
 */
export function readPublish(
  head: number,
  bytes: Buffer,
  start: number,
  end: number,
  level: Level,
  names: TopicNames,
  aliases: (string | undefined)[],
): Publish {
  const qos = ((head >> 1) & 0x03) as QoS;
  const cursor = new Cursor(bytes, start, end);
  const topicLength = cursor.u16();
  const topicStart = cursor.at;
  if (topicLength > cursor.left) throw malformed('the packet ends within its topic');
  cursor.at += topicLength;
  const id = qos === 0 ? 0 : cursor.u16();
  if (qos > 0 && id === 0) throw protocolError('a packet identifier of 0'); // [MQTT-2.2.1-3]
  const properties = level === 5 ? readOwnProperties(cursor) : undefined;
  let topic = topicLength > 0 ? names.read(bytes, topicStart, topicStart + topicLength) : '';
  const alias = properties?.number(Property.topicAlias);
  if (alias !== undefined) {
    if (alias > topicAliasMaximum)
      throw new Violation(Reason.topicAliasInvalid, `topic alias ${alias} is above ${topicAliasMaximum}`); // [MQTT-3.3.2-9]
    if (topic !== '') aliases[alias] = topic;
    else topic = aliases[alias] ?? '';
  }
  if (topic === '') throw protocolError('a PUBLISH without topic'); // [MQTT-4.7.3-1], MQTT 5 §3.3.2.1
  return {
    message: {
      topic,
      payload: bytes.subarray(cursor.at, end),
      qos,
      retain: (head & 0x01) !== 0,
      dup: (head & 0x08) !== 0,
      properties: properties && readMessageProperties(properties),
    },
    id,
  };
}

function readOwnProperties(cursor: Cursor): Properties | undefined {
  if (cursor.left > 0 && cursor.bytes[cursor.at] === 0) {
    cursor.at++;
    return undefined;
  }
  return readProperties(cursor, publishProperties);
}

/** @throws Violation */
export function readMessageProperties(properties: Properties): MessageProperties {
  const responseTopic = properties.text(Property.responseTopic);
  if (responseTopic !== undefined && (responseTopic === '' || /[+#]/.test(responseTopic)))
    throw protocolError('the response topic is not the name of a topic'); // [MQTT-3.3.2-14]
  const format = properties.number(Property.payloadFormat);
  return {
    text: format === undefined ? undefined : format === 1,
    expiry: properties.number(Property.messageExpiry),
    contentType: properties.text(Property.contentType),
    responseTopic,
    correlationData: properties.binary(Property.correlationData),
    user: properties.user,
  };
}
