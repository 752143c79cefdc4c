import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { envelope, Uuid, type Envelope, type EnvelopeInit } from '../../../src/core/envelope.ts';
import { parsePattern } from '../../../src/core/address.ts';
import { rocketMqAddress, subscriptionsOf } from '../../../src/protocols/rocketmq/address.ts';
import { rocketMqClientConfig } from '../../../src/protocols/rocketmq/config.ts';
import { toEnvelope, toMessage, toProperties } from '../../../src/protocols/rocketmq/mapping.ts';
import { definition, MessageType, resource, type Message } from '../../../src/protocols/rocketmq/wire.ts';

/** To RocketMQ's bytes and back, without what a broker does not carry. */
function roundTrip(init: Omit<EnvelopeInit, 'address'>, group?: string): Envelope {
  const message = encode(init, group);
  for (const [name, value] of message.getUserPropertiesMap().getEntryList()) {
    assert.match(name + value, /^[^\u0000-\u001f\u007f-\u009f]*$/, 'RocketMQ refuses control characters');
    assert.notEqual(value, '', 'brokers drop empty values');
    assert.ok(!['TAGS', 'KEYS', 'UNIQ_KEY'].includes(name), 'RocketMQ refuses its own names');
  }
  assert.ok(message.getBody_asU8().length > 0, 'RocketMQ refuses an empty body');
  return toEnvelope(message, 'orders', message.getBody_asU8(), false);
}

function encode(init: Omit<EnvelopeInit, 'address'>, group?: string): Message {
  const sent = envelope({ ...init, address: 'elsewhere' });
  const properties = toProperties(sent, group !== undefined);
  const message = toMessage(sent, properties, {
    topic: resource('orders', ''),
    tag: properties.tag,
    type: group === undefined ? MessageType.NORMAL : MessageType.FIFO,
    group,
    deliverAt: undefined,
  });
  return definition.Message.deserializeBinary(message.serializeBinary());
}

describe('RocketMQ messages', () => {
  it('carry every field of an envelope there and back', () => {
    const init = {
      id: new Uuid('00112233-4455-6677-8899-aabbccddeeff'),
      body: Buffer.from([0, 255, 1]),
      bodyType: 'binary',
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      subject: 'a subject\nof two lines',
      correlationId: new Uint8Array([1, 2]),
      replyTo: 'replies',
      key: 'k 1',
      priority: 7,
      expiresAt: 1_900_000_000_123,
      timestamp: 1_700_000_000_123,
      hops: 2,
    } as const;
    for (const group of [undefined, 'k 1']) {
      const got = roundTrip(init, group);
      for (const [field, value] of Object.entries(init)) {
        const back = got[field as keyof Envelope];
        assert.deepEqual(
          back instanceof Uint8Array ? Buffer.from(back) : back,
          value instanceof Uint8Array ? Buffer.from(value) : value,
          field,
        );
      }
    }
  });

  it('tell an empty body, none at all and one byte apart', () => {
    assert.equal(roundTrip({ body: null }).body, null);
    assert.deepEqual([...roundTrip({ body: new Uint8Array() }).body!], []);
    assert.deepEqual([...roundTrip({ body: new Uint8Array(1) }).body!], [0]);
  });

  it('keep the types of headers, and headers that RocketMQ cannot hold', () => {
    const headers = [
      ['n', 5, 'int'],
      ['nothing', null],
      ['bytes', new Uint8Array([0, 1])],
      ['empty', ''],
      ['line', 'a\r\nb\u0001\u0002'],
      ['na\u0001me', 'x'],
      ['TAGS', 'mine'],
      ['UNIQ_KEY', 'mine'],
      ['subject', 'a header, not the field'],
      ['junction-headers', 'a=b'],
      ['__proto__', 'x'],
      ['grün', 'ü & = %'],
    ] as const;
    const got = roundTrip({ body: Buffer.from('x'), headers });
    const sort = (all: readonly (readonly unknown[])[]) => all.map((h) => JSON.stringify(h)).sort();
    assert.deepEqual(sort(got.headers), sort(headers));
    assert.equal(got.subject, undefined);
  });

  it('hold one header of a name: the first', () => {
    const repeated = envelope({
      address: 'a',
      body: null,
      headers: [
        ['a', '1'],
        ['a', '2'],
      ],
    });
    assert.equal(toProperties(repeated, false).repeats, 1);
    assert.deepEqual(roundTrip({ body: null, headers: repeated.headers }).headers, [['a', '1']]);
  });

  it('take tag, keys and time of delivery from headers, and give them back', () => {
    const headers = [
      ['rocketmq-tag', 'EU'],
      ['rocketmq-keys', 'k1 k2'],
    ] as const;
    const message = encode({ body: Buffer.from('x'), headers });
    assert.equal(message.getSystemProperties()!.getTag(), 'EU');
    assert.deepEqual(message.getSystemProperties()!.getKeysList(), ['k1', 'k2']);
    assert.deepEqual(toEnvelope(message, 'orders', Buffer.from('x'), false).headers, headers);
    assert.deepEqual(toEnvelope(message, 'orders:EU', Buffer.from('x'), true).headers, [headers[1]]);
    const at = envelope({ address: 'a', body: null, headers: [['rocketmq-deliver-at', '1800000000000']] });
    assert.equal(toProperties(at, false).deliverAt, 1_800_000_000_000);
  });

  it('come back with any text in any header', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.string({ minLength: 1, unit: 'binary' }), fc.string({ unit: 'binary' })), {
          selector: ([name]) => name,
        }),
        (headers) => {
          // what is no field or setting of ours; Unicode without lone halves
          const plain = headers.filter(([name]) => !/^(junction|rocketmq)-|^group-id$/.test(name));
          const got = roundTrip({ body: Buffer.from('x'), headers: plain });
          assert.deepEqual(new Map(got.headers as [string, string][]), new Map(plain));
        },
      ),
    );
  });
});

describe('RocketMQ addresses', () => {
  const patterns = (...all: string[]) => all.map((text) => parsePattern(text, rocketMqAddress));

  it('are topics with or without a tag', () => {
    for (const good of ['orders', 'orders:EU', '%DLQ%junction', 'a-b_c|d'])
      assert.equal(rocketMqAddress.invalid!(good), undefined, good);
    for (const bad of ['a.b', 'a b', ':EU', 'orders:', 'orders: ', 'orders:a|b', 'x'.repeat(128)])
      assert.ok(rocketMqAddress.invalid!(bad), bad);
  });

  it('make one subscription of each topic', () => {
    const read = subscriptionsOf(patterns('orders:EU', 'orders:US', 'all', 'any:{tag}', 'both:x', 'both'));
    assert.deepEqual(
      [...read],
      [
        ['orders', 'EU||US'],
        ['all', '*'],
        ['any', '*'],
        ['both', '*'],
      ],
    );
    assert.throws(() => subscriptionsOf(patterns('*')), /must name its topic/);
  });
});

describe('RocketMQ settings', () => {
  it('want username and password together, and never show a broker that may hold one', () => {
    const brokers = ['127.0.0.1:8081'];
    assert.ok(!rocketMqClientConfig.safeParse({ brokers, username: 'u' }).success);
    assert.ok(!rocketMqClientConfig.safeParse({ brokers, invisible: '5s' }).success);
    const wrong = rocketMqClientConfig.safeParse({ brokers: ['user:secret@host:8081'] });
    assert.doesNotMatch(JSON.stringify(wrong.error?.issues), /secret/);
    assert.deepEqual(rocketMqClientConfig.parse({ brokers: ['[::1]:8081'] }).brokers[0]!.host, '::1');
  });
});
