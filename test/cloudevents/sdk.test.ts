import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CloudEvent, Kafka, MQTT, type CloudEventV1, type KafkaMessage } from 'cloudevents';
import { cloudEventsIn } from '../../src/cloudevents/incoming.ts';
import { envelope, type Envelope, type Header } from '../../src/core/envelope.ts';
import { valueToText } from '../../src/core/header-values.ts';
import { apply, eventsTo, header, protocolOf } from './support.ts';

// The SDK of the specification's authors is the other side: what it writes is read here, and the reverse.

const event = new CloudEvent({
  id: 'A234-1234-1234',
  source: 'https://github.com/cloudevents/spec/pull',
  type: 'com.github.pull_request.opened',
  subject: '123',
  time: '2018-04-05T17:31:00.000Z',
  datacontenttype: 'application/json',
  dataschema: 'https://example.com/schema',
  partitionkey: 'pk',
  comexampleothervalue: 5,
  comexampleflag: true,
  data: { appinfoA: 'abc', appinfoB: 123 },
});

const kafkaBinding = protocolOf('kafka').cloudEvents;
const mqttBinding = protocolOf('mqtt').cloudEvents;

/** A message of the SDK as an envelope; it leaves data that is an object to its user. */
function received(headers: object, value: unknown, contentType: unknown): Envelope {
  const pairs = Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'content-type') as [
    string,
    Header[1],
  ][];
  return envelope({
    address: 'orders',
    body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
    contentType: contentType as string,
    headers: pairs
      .filter(([, each]) => each !== undefined)
      .map(([name, each]): Header => [name, typeof each === 'string' ? each : valueToText(each)]),
  });
}

const core = [
  'specversion',
  'id',
  'source',
  'type',
  'subject',
  'dataschema',
  'partitionkey',
  'time',
] as const;

function assertIsEvent(message: Envelope): void {
  for (const name of core) assert.equal(header(message, `ce_${name}`), event[name], name);
  assert.equal(String(header(message, 'ce_comexampleothervalue')), '5');
  assert.equal(String(header(message, 'ce_comexampleflag')), 'true');
  assert.equal(message.contentType, 'application/json');
  assert.deepEqual(JSON.parse(Buffer.from(message.body!).toString()), event.data);
  assert.deepEqual([message.id, message.subject, message.key], [event.id, '123', 'pk']);
}

function assertIsTheSame(got: CloudEventV1<unknown>): void {
  for (const name of core) assert.equal(got[name], event[name], name);
  assert.equal(String(got['comexampleothervalue']), '5');
  const data = typeof got.data === 'string' ? (JSON.parse(got.data) as unknown) : got.data;
  assert.deepEqual(data, event.data);
}

describe('the JavaScript SDK', () => {
  const normal = (): Envelope =>
    apply(cloudEventsIn(kafkaBinding), received({}, event.toString(), 'application/cloudevents+json'));

  it('writes Kafka messages that are read, binary and structured', () => {
    for (const message of [Kafka.binary(event), Kafka.structured(event)] as KafkaMessage<unknown>[]) {
      const headers = message.headers as Record<string, unknown>;
      assertIsEvent(
        apply(cloudEventsIn(kafkaBinding), received(headers, message.value, headers['content-type'])),
      );
    }
  });

  it('reads the Kafka messages that are written, binary and structured', () => {
    for (const mode of ['binary', 'structured'] as const) {
      const sent = apply(eventsTo('kafka', { mode }), normal());
      const headers = Object.fromEntries(sent.headers.map(([name, value]) => [name, valueToText(value)]));
      const value = Buffer.from(sent.body!).toString();
      const message = {
        headers: { ...headers, 'content-type': sent.contentType },
        value,
        body: value,
        key: sent.key,
      };
      assert.equal(Kafka.isEvent(message), true);
      assertIsTheSame(Kafka.toEvent(message) as CloudEventV1<unknown>);
    }
  });

  it('writes MQTT messages that are read, binary and structured', () => {
    for (const message of [MQTT.binary(event), MQTT.structured(event)] as unknown as {
      PUBLISH: { 'Content Type': string };
      headers: object;
      body: unknown;
    }[])
      assertIsEvent(
        apply(
          cloudEventsIn(mqttBinding),
          received(message.headers, message.body, message.PUBLISH['Content Type']),
        ),
      );
  });

  it('reads the MQTT messages that are written, binary and structured', () => {
    for (const mode of ['binary', 'structured'] as const) {
      const sent = apply(eventsTo('mqtt', { mode }), normal());
      const user = Object.fromEntries(sent.headers.map(([name, value]) => [name, valueToText(value)]));
      if (mode === 'binary') user['subject'] = sent.subject!; // our mapping writes this field by its name
      const message = {
        PUBLISH: { 'Content Type': sent.contentType },
        headers: user,
        'User Properties': user,
        body: Buffer.from(sent.body!).toString(),
      };
      assert.equal(MQTT.isEvent(message as never), true);
      assertIsTheSame(MQTT.toEvent(message) as CloudEventV1<unknown>);
    }
  });
});
