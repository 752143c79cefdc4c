import { createRequire } from 'node:module';
import type { IHeaders, Message as KafkaMessage } from 'kafkajs';
import type { Envelope } from '../../src/core/envelope.ts';
import type { Protocol, Traits } from '../../src/core/protocol.ts';
import amqp from '../../src/protocols/amqp/index.ts';
import { readMessage } from '../../src/protocols/amqp/codec/message-view.ts';
import * as amqpMapping from '../../src/protocols/amqp/mapping.ts';
import kafka from '../../src/protocols/kafka/index.ts';
import * as kafkaMapping from '../../src/protocols/kafka/mapping.ts';
import mqtt from '../../src/protocols/mqtt/index.ts';
import { PacketReader } from '../../src/protocols/mqtt/codec/packet-reader.ts';
import { Publication } from '../../src/protocols/mqtt/codec/publication.ts';
import { readPublish, TopicNames } from '../../src/protocols/mqtt/codec/publish.ts';
import * as mqttMapping from '../../src/protocols/mqtt/mapping.ts';
import rabbitmq from '../../src/protocols/rabbitmq/index.ts';
import * as rabbitMapping from '../../src/protocols/rabbitmq/mapping.ts';
import rocketmq from '../../src/protocols/rocketmq/index.ts';
import * as rocketMapping from '../../src/protocols/rocketmq/mapping.ts';
import { definition, MessageType, resource } from '../../src/protocols/rocketmq/wire.ts';
import { dialectOf } from '../../src/protocols/stomp/client/dialect.ts';
import { fromMessage, Outbound } from '../../src/protocols/stomp/client/mapping.ts';
import { clientCommands, headerLine, type Frame, type Version } from '../../src/protocols/stomp/frame.ts';
import { FrameReader } from '../../src/protocols/stomp/frame-reader.ts';
import { MessageEncoder } from '../../src/protocols/stomp/frame-writer.ts';
import stomp from '../../src/protocols/stomp/index.ts';
import * as stompMapping from '../../src/protocols/stomp/mapping.ts';
import { StompSubscription } from '../../src/protocols/stomp/subscription.ts';

/** Ms since the epoch at which all messages of these tests cross. */
export const now = 1_700_000_000_123;

/** One way in which this gateway takes part in a protocol, by its bytes. */
export interface System {
  readonly name: string;
  readonly traits: Traits;
  /** An address of this protocol. */
  readonly address: string;
  /** Writes a message for its address, to the bytes of the protocol, and reads these as its source does. */
  trip(message: Envelope): Envelope;
}

const traitsOf = (protocol: Protocol, role: 'listener' | 'client'): Traits => protocol[role]!.traits;
const bytesOf = (body: Uint8Array): Buffer => Buffer.from(body.buffer, body.byteOffset, body.byteLength);

function mqttSystem(name: string, level: 4 | 5, traits: Traits): System {
  const address = 'a/b';
  return {
    name,
    traits,
    address,
    trip(message) {
      const written = mqttMapping.fromEnvelope(message, address, now);
      const { qos, retain, dup } = written;
      const copy = { level, qos, retain, dup, id: 1, identifiers: [], alias: 0, aliasOnly: false };
      const reader = new PacketReader(300_000_000);
      reader.push(new Publication(written, now).encode(copy, now));
      if (!reader.next(() => undefined)) throw new Error('half a packet');
      const { head, bytes, start, end } = reader;
      return mqttMapping.toEnvelope(
        readPublish(head, bytes, start, end, level, new TopicNames(), []).message,
        now,
      );
    },
  };
}

const amqpSystem: System = {
  name: 'amqp',
  traits: traitsOf(amqp, 'listener'),
  address: 'orders',
  trip(message) {
    const bytes = amqpMapping.fromEnvelope(message, message.deliveryCount, this.address, now);
    return { ...amqpMapping.toEnvelope(readMessage(bytes), this.address, now), origin: undefined };
  },
};

function read(text: string, body: Uint8Array, version: Version): Frame {
  const limits = { maxHead: 1_000_000, maxHeaders: 1000, maxBody: 1_000_000 };
  const reader = new FrameReader(limits, new Map([...clientCommands, ['MESSAGE', true]]));
  reader.version = version;
  reader.push(Buffer.concat([Buffer.from(text), body, Buffer.of(0)]));
  const frame = reader.next();
  if (!frame) throw new Error('half a frame');
  return frame;
}

/** What a client does not send back of a MESSAGE that it publishes again. */
const ofTheDelivery: ReadonlySet<string> = new Set(['subscription', 'ack', 'redelivered']);

/** To a subscriber, and back by a client that sends what it was sent. */
function stompListener(version: Version): System {
  const address = '/queue/orders';
  const { traits, older } = stomp.listener!;
  return {
    name: `stomp ${version}`,
    traits: version === '1.2' ? traits : older!.traits,
    address,
    trip(message) {
      const encoder = new MessageEncoder((name) => {
        throw new Error(`${name} is left out`);
      });
      let text = '';
      const subscription = new StompSubscription(
        { number: 1, id: '1', destination: address, alias: undefined, mode: 'auto', prefetch: 1 },
        {
          name: 'test',
          version,
          congested: false,
          newMessageId: () => 'of-the-gateway',
          sendMessage: (start, delivery, alias) =>
            void (text = start + encoder.lines(delivery.envelope, version, alias)),
          overflow: () => undefined,
          dismissed: () => undefined,
        },
      );
      const { deliveryCount } = message;
      subscription.deliver({ envelope: { ...message, address }, deliveryCount, settle: () => undefined });
      const frame = read(text, message.body ?? Buffer.alloc(0), version);
      const own = ([name, value]: readonly [string, string]): boolean =>
        !ofTheDelivery.has(name) && !(name === 'message-id' && value === 'of-the-gateway');
      return stompMapping.toEnvelope(frame.headers.filter(own), frame.body);
    },
  };
}

/** To a broker, and back as it hands messages on: with an id and a time of its own where it does so. */
function stompClient(broker: string, version: Version = '1.2'): System {
  const address = '/queue/orders';
  const dialect = dialectOf(broker === 'other' ? undefined : `${broker}/1`);
  return {
    name: `stomp client of ${broker}`,
    traits: traitsOf(stomp, 'client'),
    address,
    trip(message) {
      const outbound = new Outbound(message, address);
      const lines = outbound.headers(dialect, version, now).map(([name, value]) => {
        const line = headerLine(name, value, version);
        if (line === '') throw new Error(`${name} is left out`);
        return line;
      });
      const length = outbound.withoutLength(dialect) ? '' : `content-length:${outbound.body.length}\n`;
      const sent = read(`SEND\n${lines.join('')}${length}\n`, outbound.body, version);
      const given = sent.headers.filter(([name]) => name !== 'content-length' && name !== 'amq-msg-type');
      const asText = sent.get('amq-msg-type') === 'text' || length === '';
      const ids = ['message-id', 'timestamp'].filter((name) => sent.get(name) === undefined);
      const message2 = [
        'MESSAGE\n',
        ...ids.map((name) => `${name}:${name === 'timestamp' ? 1_600_000_000_000 : 'of-the-broker'}\n`),
        ...given.map(([name, value]) => headerLine(name, value, version)),
        asText ? '\n' : `content-length:${outbound.body.length}\n\n`,
      ].join('');
      return fromMessage(read(message2, sent.body, version), dialect, address, now);
    },
  };
}

// kafkajs's own codec of records, which is no part of its interface.
const require = createRequire(import.meta.url);
const encodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0') as (record: object) => {
  buffer: Buffer;
};
const decodeRecord = require('kafkajs/src/protocol/recordBatch/record/v0/decoder') as (
  decoder: object,
  batch: object,
) => { key: Buffer | null; value: Buffer | null; timestamp: string; headers: IHeaders };
const Decoder = require('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => {
  readVarInt(): number;
};

const kafkaSystem: System = {
  name: 'kafka',
  traits: traitsOf(kafka, 'client'),
  address: 'orders',
  trip(message) {
    const { timestamp, ...written }: KafkaMessage = kafkaMapping.fromEnvelope(message);
    const { buffer } = encodeRecord({
      ...written,
      timestampDelta: Number(timestamp ?? Date.now()), // as its producer does
    });
    const decoder = new Decoder(buffer);
    decoder.readVarInt(); // the length
    return kafkaMapping.toEnvelope(
      this.address,
      decodeRecord(decoder, { firstOffset: 0, firstTimestamp: 0, magicByte: 2 }),
    );
  },
};

const rabbitSystem: System = {
  name: 'rabbitmq',
  traits: traitsOf(rabbitmq, 'client'),
  address: 'orders',
  trip(message) {
    const properties = rabbitMapping.fromEnvelope(message, { now, username: 'me' });
    const body = bytesOf(message.body ?? new Uint8Array());
    return rabbitMapping.toEnvelope({ properties, body, redelivered: false }, this.address, now);
  },
};

const rocketSystem = (fifo: boolean): System => ({
  name: fifo ? 'rocketmq fifo' : 'rocketmq',
  traits: traitsOf(rocketmq, 'client'),
  address: 'orders',
  trip(message) {
    const properties = rocketMapping.toProperties(message, fifo && message.key !== undefined);
    const written = rocketMapping.toMessage(message, properties, {
      topic: resource('orders', ''),
      tag: properties.tag,
      type: fifo ? MessageType.FIFO : MessageType.NORMAL,
      group: fifo ? rocketMapping.groupOf(message.key) : undefined,
      deliverAt: properties.deliverAt,
    });
    const got = definition.Message.deserializeBinary(written.serializeBinary());
    return rocketMapping.toEnvelope(got, this.address, got.getBody_asU8(), false);
  },
});

export const systems: readonly System[] = [
  mqttSystem('mqtt 5', 5, traitsOf(mqtt, 'listener')),
  mqttSystem('mqtt 3.1.1', 4, mqtt.listener!.older!.traits),
  amqpSystem,
  stompListener('1.0'),
  stompListener('1.1'),
  stompListener('1.2'),
  stompClient('other'),
  stompClient('ActiveMQ'),
  stompClient('ActiveMQ-Artemis'),
  stompClient('RabbitMQ'),
  kafkaSystem,
  rabbitSystem,
  rocketSystem(false),
  rocketSystem(true),
];
