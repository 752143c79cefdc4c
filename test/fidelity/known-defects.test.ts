/** What goes wrong in the best systems of this kind, by the bytes of independent libraries on both sides. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import rhea, { type Message } from 'rhea';
import { fromEnvelope as toKafka } from '../../src/protocols/kafka/mapping.ts';
import { fromAmqp, fromMqtt, fromRabbit, toAmqp, toMqtt, toRabbit } from './others.ts';
import { now, systems } from './systems.ts';

const { types } = rhea;
const day = 86_400_000;
const typed = {
  text: 'a',
  int: types.wrap_int(-7),
  long: types.wrap_long(9_007_199_254_740_991),
  double: types.wrap_double(2.5),
  flag: true,
} as unknown as NonNullable<Message['application_properties']>;
const plain = { text: 'a', int: -7, long: 9_007_199_254_740_991, double: 2.5, flag: true };

describe('known defects of others', () => {
  it('a connector from AMQP 1.0 keeps every application property, with its type', () => {
    const { headers } = toKafka(fromAmqp({ body: 'x', application_properties: typed }));
    for (const [name, value] of Object.entries(plain))
      assert.equal(String(new Map(headers).get(name)), String(value), name);
    assert.match(
      String(new Map(headers).get('junction-types')),
      /int=int;long=long;double=double;flag=boolean/,
    );
  });

  it('a connector from AMQP 1.0 empties no body that is not a string', () => {
    const bodies: unknown[] = [
      Buffer.from([0, 255]),
      { a: 1 },
      ['x', 2],
      7,
      true,
      rhea.message.data_section(Buffer.from('d')) as object,
    ];
    const kafka = systems.find(({ name }) => name === 'kafka')!;
    for (const body of bodies) {
      const received = fromAmqp({ body });
      assert.ok(toKafka(received).value!.length > 0, JSON.stringify(body));
      const sent = rhea.message.decode(rhea.message.encode({ body })) as unknown as { body: unknown };
      const back = toAmqp(kafka.trip(received)) as { body: unknown };
      assert.deepEqual(back.body, sent.body);
    }
  });

  it('the response topic and correlation data of MQTT 5 become reply-to and correlation-id of AMQP 1.0, and come back', () => {
    const request = fromMqtt({
      properties: { responseTopic: 'answers/7', correlationData: Buffer.from('request 7') },
    });
    const { reply_to, correlation_id } = toAmqp(request);
    assert.deepEqual({ reply_to, correlation_id }, { reply_to: 'answers/7', correlation_id: 'request 7' });
    const properties = toMqtt(
      fromAmqp({ body: 'x', reply_to: 'answers/7', correlation_id: 'request 7' }),
    ).properties!;
    assert.equal(properties.responseTopic, 'answers/7');
    assert.equal(String(properties.correlationData), 'request 7');
  });

  it('no time to live overflows 31 or 32 bits: not of 24.8 days, not of 49.7, in any protocol', () => {
    for (const days of [24, 25, 30, 49, 50, 100, 3650]) {
      const seconds = (days * day) / 1000;
      const mqtt = toMqtt(fromMqtt({ properties: { messageExpiryInterval: seconds } })).properties!;
      assert.equal(mqtt.messageExpiryInterval, seconds, `MQTT: ${days} days`);
      const expiresAt = now + days * day;
      const amqp = toAmqp(fromAmqp({ body: 'x', absolute_expiry_time: expiresAt as never }));
      assert.equal(Number(amqp.absolute_expiry_time), expiresAt, `AMQP 1.0: ${days} days`);
      assert.equal(amqp.ttl, Math.min(days * day, 0xffff_ffff), `AMQP 1.0: time to live of ${days} days`);
      for (const system of systems) {
        const { name, traits } = system;
        const longest = traits.loses.includes('expiresAt')
          ? 0
          : (traits.narrows?.expiresAt?.range?.[1] ?? Infinity);
        const got = system.trip(fromAmqp({ body: 'x', absolute_expiry_time: expiresAt as never }));
        const wanted = days * day > longest ? undefined : expiresAt;
        assert.equal(got.expiresAt, wanted, `${name}: ${days} days`);
      }
    }
  });

  it('numbers stay numbers, and a message id stays what it is, from AMQP 1.0 to MQTT and back', () => {
    // rhea takes 16 bytes for a UUID
    for (const id of ['ID:1', 7, Buffer.from('00112233445566778899aabbccddeeff', 'hex')]) {
      const sent = { body: 'x', message_id: id, application_properties: typed } as unknown as Message;
      const packet = toMqtt(fromAmqp(sent));
      assert.notEqual(packet.properties!.userProperties!['message-id'], undefined);
      const back = toAmqp(fromMqtt({ payload: packet.payload, properties: packet.properties! }));
      assert.deepEqual({ ...back.application_properties }, plain);
      assert.deepEqual(back.message_id, id);
    }
  });

  it('x-death of AMQP 0-9-1, a list of tables, goes to AMQP 1.0 and comes back as it was', () => {
    const death = {
      count: 2,
      reason: 'rejected',
      queue: 'orders',
      exchange: '',
      time: { '!': 'timestamp', value: 1_700_000_000 },
      'routing-keys': ['orders', 'eu'],
    };
    const received = fromRabbit(
      { headers: { 'x-death': [death], amount: 3 }, messageId: 'm' },
      Buffer.from('x'),
    );
    assert.equal(received.deliveryCount, 2);
    const onward = toAmqp(received);
    assert.equal(typeof onward.application_properties!['x-death'], 'string');
    assert.equal(onward.application_properties!['amount'], 3);
    const back = toRabbit(fromAmqp(onward));
    assert.deepEqual(back.headers!['x-death'], [death]);
  });

  it('no application property of AMQP 1.0 is lost on the way to AMQP 0-9-1', () => {
    const body = rhea.message.data_section(Buffer.from('x')) as object;
    const { headers } = toRabbit(fromAmqp({ body, application_properties: typed }));
    assert.deepEqual({ ...headers }, plain);
  });
});
