/** Messages as independent libraries write and read them, on both sides of this gateway's own codecs. */
import { createRequire } from 'node:module';
import { generate, parser, type IPublishPacket } from 'mqtt-packet';
import rhea, { type Message } from 'rhea';
import type { Envelope } from '../../src/core/envelope.ts';
import { readMessage } from '../../src/protocols/amqp/codec/message-view.ts';
import * as amqp from '../../src/protocols/amqp/mapping.ts';
import { PacketReader } from '../../src/protocols/mqtt/codec/packet-reader.ts';
import { Publication } from '../../src/protocols/mqtt/codec/publication.ts';
import { readPublish, TopicNames } from '../../src/protocols/mqtt/codec/publish.ts';
import * as mqtt from '../../src/protocols/mqtt/mapping.ts';
import * as rabbit from '../../src/protocols/rabbitmq/mapping.ts';
import { now } from './systems.ts';

/** What rhea writes, as an AMQP 1.0 endpoint takes it. */
export const fromAmqp = (message: Message, address = 'orders'): Envelope =>
  amqp.toEnvelope(readMessage(rhea.message.encode(message)), address, now);

/** What an AMQP 1.0 endpoint sends, as rhea reads it. */
export const toAmqp = (envelope: Envelope, address = 'orders'): Message =>
  rhea.message.decode(
    amqp.fromEnvelope({ ...envelope, address }, envelope.deliveryCount, address, now),
  ) as unknown as Message;

/** What mqtt-packet writes, as an MQTT endpoint takes it. */
export function fromMqtt(packet: Partial<IPublishPacket>): Envelope {
  const reader = new PacketReader(1_000_000);
  const whole = {
    cmd: 'publish',
    topic: 'a/b',
    payload: '',
    qos: 1,
    messageId: 1,
    dup: false,
    retain: false,
    ...packet,
  };
  reader.push(generate(whole as IPublishPacket, { protocolVersion: 5 }));
  reader.next(() => undefined);
  const { head, bytes, start, end } = reader;
  return mqtt.toEnvelope(readPublish(head, bytes, start, end, 5, new TopicNames(), []).message, now);
}

/** What an MQTT endpoint sends, as mqtt-packet reads it. */
export function toMqtt(envelope: Envelope): IPublishPacket {
  const message = mqtt.fromEnvelope(envelope, 'a/b', now);
  const copy = { level: 5, id: 1, identifiers: [], alias: 0, aliasOnly: false } as const;
  const bytes = new Publication(message, now).encode({ ...copy, qos: 1, retain: false, dup: false }, now);
  let got: unknown;
  const reading = parser({ protocolVersion: 5 });
  reading.on('packet', (packet) => (got = packet));
  reading.on('error', (error) => {
    throw error;
  });
  reading.parse(bytes);
  return got as IPublishPacket;
}

/** The properties of a message of AMQP 0-9-1, as amqplib has them. */
export type RabbitProperties = Readonly<Record<string, unknown>> & {
  readonly headers?: Readonly<Record<string, unknown>>;
};

// amqplib's codec, which is no part of its interface
const { encodeProperties, decode } = createRequire(import.meta.url)(
  '../../node_modules/amqplib/lib/defs.js',
) as {
  readonly encodeProperties: (id: number, channel: number, size: number, fields: object) => Buffer;
  readonly decode: (id: number, bytes: Buffer) => RabbitProperties;
};
const basic = 60;
/** Type, channel and size of the frame; class, weight and size of the body. */
const beforeProperties = 7 + 12;

/** What amqplib writes, as a RabbitMQ endpoint takes it. */
export function fromRabbit(fields: RabbitProperties, body: Buffer): Envelope {
  const frame = encodeProperties(basic, 1, body.length, fields);
  const properties = frame.subarray(beforeProperties, -1);
  return rabbit.toEnvelope({ properties, body, redelivered: false }, 'orders', now);
}

/** What a RabbitMQ endpoint sends, as amqplib reads it. */
export const toRabbit = (envelope: Envelope): RabbitProperties =>
  decode(basic, rabbit.fromEnvelope(envelope, { now, username: undefined }));
