import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cloudEventsIn } from '../../src/cloudevents/incoming.ts';
import { envelope, type Envelope, type Header } from '../../src/core/envelope.ts';
import { apply, eventsTo, header, json, protocolOf, refused } from './support.ts';

const plain = envelope({
  address: 'plants/a 1/temp',
  body: Buffer.from('{"n":12345678901234567890}'),
  contentType: 'application/json',
  headers: [
    ['machine', 'm 7'],
    ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01'],
  ],
  id: 'm-1',
  key: 'k',
  subject: 'S',
  timestamp: Date.UTC(2020, 0, 2, 3, 4, 5, 60),
  priority: 7,
  correlationId: 'c',
});

const attributesOf = (message: Envelope, prefix: string): Record<string, Header[1]> =>
  Object.fromEntries(
    message.headers
      .filter(([name]) => name.startsWith(prefix))
      .map(([name, value]) => [name.slice(prefix.length), value]),
  );

describe('a message that is no event', () => {
  it('becomes the data of one, with what is known of it', () => {
    const got = apply(eventsTo('amqp'), plain);
    assert.deepEqual(attributesOf(got, 'cloudEvents_'), {
      specversion: '1.0',
      id: 'm-1',
      source: '/junction/source/plants/a%201/temp',
      type: 'junction.message',
      subject: 'S',
      time: '2020-01-02T03:04:05.060Z',
      partitionkey: 'k',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01',
    });
    assert.equal(got.body, plain.body);
    assert.deepEqual(
      [got.contentType, got.id, got.key, got.priority, got.correlationId, header(got, 'machine')],
      ['application/json', 'm-1', 'k', 7, 'c', 'm 7'],
    );
  });

  it('has an id that is the same each time it is sent', () => {
    const nameless = { ...plain, id: undefined };
    const [first, second] = [apply(eventsTo('kafka'), nameless), apply(eventsTo('kafka'), nameless)];
    assert.equal(header(first, 'ce_id'), header(second, 'ce_id'));
    assert.equal(first.id, header(first, 'ce_id'));
    const other = apply(eventsTo('kafka'), { ...nameless });
    assert.notEqual(header(other, 'ce_id'), header(first, 'ce_id'));
    assert.equal(header(apply(eventsTo('kafka'), { ...nameless, identity: 'i' }), 'ce_id'), 'i');
  });

  it('gets what the route says, with values of the message', () => {
    const out = eventsTo('kafka', {
      attributes: {
        source: 'https://x.example/{plant}/{header.machine}#{id}#',
        type: 'com.example.{key}',
        subject: '{header.missing}',
        dataschema: 'https://x.example/{key}.json',
        count: 5,
        flag: true,
        machine: '{header.machine}',
        none: '{header.missing}',
      },
      bound: ['plant'],
    });
    const got = apply(out, { ...plain, subject: undefined }, { plant: 'ä/%' });
    assert.deepEqual(attributesOf(got, 'ce_'), {
      specversion: '1.0',
      id: 'm-1',
      source: 'https://x.example/%C3%A4/%25/m%207#m-1%23',
      type: 'com.example.k',
      dataschema: 'https://x.example/k.json',
      count: 5,
      flag: true,
      machine: 'm 7',
      time: '2020-01-02T03:04:05.060Z',
      partitionkey: 'k',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01',
    });
    assert.deepEqual(
      got.headers.find(([name]) => name === 'ce_count'),
      ['ce_count', 5, 'int'],
    );
  });

  it('has JSON in its JSON as it was written, text as text, all else in base64', () => {
    const out = eventsTo('amqp', { mode: 'structured' });
    const dataOf = (
      body: string | Uint8Array,
      contentType: string | undefined,
      more: Partial<Envelope> = {},
    ) => {
      const got = apply(out, { ...plain, body: Buffer.from(body), contentType, ...more });
      assert.equal(got.contentType, 'application/cloudevents+json; charset=UTF-8');
      const { data, data_base64, datacontenttype } = json(got);
      return [data, data_base64, datacontenttype];
    };
    const text = Buffer.from(apply(out, plain).body!).toString();
    assert.match(text, /"data":\{"n":12345678901234567890\}\}$/);
    assert.deepEqual(dataOf('{', 'application/json'), [undefined, 'ew==', 'application/json']);
    assert.deepEqual(dataOf('\u00e4<', 'text/xml'), ['ä<', undefined, 'text/xml']);
    assert.deepEqual(dataOf('a', 'text/plain;charset=utf-16'), [
      undefined,
      'YQ==',
      'text/plain;charset=utf-16',
    ]);
    assert.deepEqual(dataOf(Uint8Array.of(0xff), 'text/plain'), [undefined, '/w==', 'text/plain']);
    assert.deepEqual(dataOf('a', 'application/avro'), [undefined, 'YQ==', 'application/avro']);
    assert.deepEqual(dataOf('a', undefined), [undefined, 'YQ==', undefined]);
    assert.deepEqual(dataOf('a', undefined, { bodyType: 'string' }), [
      'a',
      undefined,
      'text/plain; charset=utf-8',
    ]);
    assert.deepEqual(dataOf('', undefined, { body: null }), [undefined, undefined, undefined]);
    assert.deepEqual(
      json(
        apply(eventsTo('amqp', { mode: 'structured', contentType: 'application/json' }), {
          ...plain,
          contentType: undefined,
        }),
      ).data,
      { n: Number('12345678901234567890') },
    );
  });

  it('that cannot be one is refused', () => {
    assert.throws(
      () => apply(eventsTo('kafka'), { ...plain, id: 'a\nb' }),
      refused(/the attribute id holds/),
    );
    assert.throws(() => apply(eventsTo('kafka'), { ...plain, contentType: 'x' }), refused(/no media type/));
    assert.throws(
      () => apply(eventsTo('kafka'), { ...plain, bodyType: 'sequence' }),
      refused(/AMQP sequence/),
    );
    const packed = { ...plain, contentEncoding: 'gzip' };
    assert.equal(apply(eventsTo('kafka'), packed).contentEncoding, 'gzip');
    assert.throws(
      () => apply(eventsTo('kafka', { mode: 'structured' }), packed),
      refused(/compressed data \(gzip\)/),
    );
    // what no attribute can hold stays a field of the message
    const odd = apply(eventsTo('kafka'), { ...plain, subject: 'a\nb', timestamp: 9e15 });
    assert.deepEqual(
      [header(odd, 'ce_subject'), header(odd, 'ce_time'), odd.subject],
      [undefined, undefined, 'a\nb'],
    );
  });
});

describe('a message that is an event', () => {
  const attributes = { specversion: '1.0', id: '1', source: '/s', type: 't', ext: 'x' };
  const event = (prefix: string): Envelope => ({
    ...plain,
    headers: [
      ['machine', 'm'],
      ...Object.entries(attributes).map(([name, value]): Header => [prefix + name, value]),
    ],
  });

  it('keeps its attributes and is named anew', () => {
    const out = { attributes: { source: '/other', type: 'other', more: 'y' } };
    for (const [from, prefix] of [
      ['kafka', 'ce_'],
      ['amqp', 'cloudEvents:'],
      ['rabbitmq', 'ce-'],
      ['rocketmq', 'CE_'],
    ] as const)
      for (const [to, written] of [
        ['kafka', 'ce_'],
        ['amqp', 'cloudEvents_'],
        ['rabbitmq', 'cloudEvents_'],
        ['stomp', 'cloudEvents_'],
        ['rocketmq', 'CE_'],
      ] as const) {
        const got = apply(eventsTo(to, { ...out, from }), event(prefix));
        const { contenttype, ...rest } = attributesOf(got, written);
        assert.equal(contenttype, to === 'rocketmq' ? 'application/json' : undefined);
        assert.deepEqual(rest, { ...attributes, more: 'y' }, `${from} ${to}`);
        assert.equal(header(got, 'machine'), 'm');
        assert.equal(got.headers.length, Object.keys(attributes).length + 2 + (to === 'rocketmq' ? 1 : 0));
      }
  });

  it('has bare user properties in MQTT 5, and others move aside', () => {
    const trace: Header = ['traceparent', '00-1'];
    const message = { ...event('ce_'), subject: 'own' };
    const got = apply(eventsTo('mqtt'), { ...message, headers: [...message.headers, trace, ['X-Y', 'z']] });
    assert.deepEqual(got.headers, [
      ['junction-header-subject', 'own'],
      ...Object.entries(attributes),
      ['junction-header-machine', 'm'],
      trace,
      ['X-Y', 'z'],
    ]);
    assert.deepEqual([got.subject, got.timestamp], [undefined, undefined]);
    const back = apply(cloudEventsIn(protocolOf('mqtt').cloudEvents), got);
    assert.equal(header(back, 'machine'), 'm');
    assert.equal(header(back, 'ce_traceparent'), '00-1');
    // user properties of such names alone do not make an event
    const alike = apply(eventsTo('kafka', { from: 'mqtt' }), {
      ...plain,
      headers: [
        ['specversion', '1.0'],
        ['id', '9'],
      ],
    });
    assert.equal(header(alike, 'ce_id'), 'm-1');
    assert.equal(header(apply(eventsTo('kafka', { from: 'mqtt' }), event('')), 'ce_ext'), 'x');
  });

  it('gets the required attributes that it lacks', () => {
    const got = apply(eventsTo('amqp'), { ...plain, headers: [['ce_specversion', '1.0']], timestamp: 5 });
    assert.deepEqual(attributesOf(got, 'cloudEvents_'), {
      specversion: '1.0',
      id: 'm-1',
      source: '/junction/source/plants/a%201/temp',
      type: 'junction.message',
    });
  });

  it('takes another prefix where the route says so', () => {
    const got = apply(eventsTo('rabbitmq', { prefix: 'ce-' }), event('ce_'));
    assert.deepEqual(attributesOf(got, 'ce-'), attributes);
  });

  it('changes its mode', () => {
    const packed = apply(eventsTo('amqp', { mode: 'structured' }), event('ce_'));
    assert.deepEqual(packed.headers, [['machine', 'm']]);
    assert.deepEqual(json(packed), {
      ...attributes,
      datacontenttype: 'application/json',
      data: { n: Number('12345678901234567890') },
    });
    const unpacked = apply(eventsTo('kafka', { from: 'amqp' }), packed);
    assert.deepEqual(attributesOf(unpacked, 'ce_'), attributes);
    assert.equal(Buffer.from(unpacked.body!).toString(), '{"n":12345678901234567890}');
    // an event whose data is an event can be told from that only in JSON
    const nested = { ...event('ce_'), contentType: 'application/json' };
    const outer = {
      ...packed,
      body: Buffer.from(
        JSON.stringify({ ...attributes, datacontenttype: 'application/cloudevents+json', data: {} }),
      ),
    };
    assert.ok(apply(eventsTo('kafka'), nested));
    assert.throws(() => apply(eventsTo('kafka'), outer), refused(/taken for the event itself/));
  });

  it('of another version, or with a value that is none, is refused', () => {
    const headers = event('ce_').headers;
    const wrong = (name: string, value: Header[1]): Envelope => ({
      ...plain,
      headers: [...headers.filter((each) => each[0] !== name), [name, value]],
    });
    assert.throws(() => apply(eventsTo('kafka'), wrong('ce_specversion', '2.0')), refused(/"2.0"/));
    assert.throws(() => apply(eventsTo('kafka'), wrong('ce_source', '')), refused(/source is ""/));
  });
});

it('transforms that do the same are known by it, and others are not', () => {
  const same = (): string => eventsTo('kafka', { attributes: { type: '{key}' } }).identity;
  assert.equal(same(), same());
  const others = [
    eventsTo('amqp'),
    eventsTo('kafka'),
    eventsTo('kafka', { mode: 'structured' }),
    eventsTo('kafka', { from: 'amqp' }),
  ];
  assert.equal(new Set([same(), ...others.map(({ identity }) => identity)]).size, 5);
});
