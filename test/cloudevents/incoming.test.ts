import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cloudEventsIn } from '../../src/cloudevents/incoming.ts';
import { envelope, type Envelope, type Header } from '../../src/core/envelope.ts';
import { apply, header, protocolOf, refused } from './support.ts';

const fromKafka = cloudEventsIn(protocolOf('kafka').cloudEvents);
const fromAmqp = cloudEventsIn(protocolOf('amqp').cloudEvents);
const fromMqtt = cloudEventsIn(protocolOf('mqtt').cloudEvents);

/** The event of the scenarios in cloudevents/conformance, features/kafka-protocol-binding.feature. */
const context = {
  specversion: '1.0',
  id: '1234-1234-1234',
  type: 'com.example.someevent',
  source: '/mycontext/subcontext',
  time: '2018-04-05T03:56:24Z',
};
const binary = (
  prefix: string,
  over: Record<string, Header[1] | undefined> = {},
  init: Partial<Envelope> = {},
) =>
  envelope({
    address: 'orders',
    body: Buffer.from('{"message": "Hello World!"}'),
    contentType: 'application/json',
    headers: Object.entries({ ...context, ...over }).flatMap(([name, value]): Header[] =>
      value === undefined ? [] : [[prefix + name, value]],
    ),
    ...init,
  });
const structured = (members: object | string, contentType = 'application/cloudevents+json'): Envelope =>
  envelope({
    address: 'orders',
    contentType,
    body: Buffer.from(typeof members === 'string' ? members : JSON.stringify({ ...context, ...members })),
  });

const bodyOf = ({ body }: Envelope): string | null => (body === null ? null : Buffer.from(body).toString());

describe('a message that is a CloudEvent', () => {
  for (const [mode, message] of [
    ['binary', binary('ce_')],
    ...['application/cloudevents+json', 'Application/CloudEvents+JSON; charset=utf-8'].map(
      (type) =>
        [
          `structured (${type})`,
          structured({ datacontenttype: 'application/json', data: { message: 'Hello World!' } }, type),
        ] as const,
    ),
  ] as const)
    it(`is read as its binding says: ${mode}`, () => {
      const got = apply(fromKafka, message);
      assert.deepEqual(
        got.headers,
        Object.entries(context).map(([name, value]) => [`ce_${name}`, value]),
      );
      assert.equal(got.contentType, 'application/json');
      assert.deepEqual(JSON.parse(bodyOf(got)!), { message: 'Hello World!' });
      assert.equal(got.id, '1234-1234-1234');
      assert.equal(got.timestamp, Date.UTC(2018, 3, 5, 3, 56, 24));
    });

  it('fills the fields for which envelopes have one, and leaves those of the message that have none', () => {
    const over = { subject: 'S', partitionkey: 'P', traceparent: '00-1', tracestate: 'a=b' };
    const got = apply(fromKafka, binary('ce_', over, { priority: 7, correlationId: 'c' }));
    assert.deepEqual([got.subject, got.key, got.priority, got.correlationId], ['S', 'P', 7, 'c']);
    assert.equal(header(got, 'traceparent'), '00-1');
    assert.equal(header(got, 'tracestate'), 'a=b');
    const keyed = apply(
      fromKafka,
      binary('ce_', over, { key: 'K', headers: [...binary('ce_', over).headers, ['traceparent', 'own']] }),
    );
    assert.equal(keyed.key, 'K');
    assert.equal(header(keyed, 'traceparent'), 'own');
  });

  it('is known by every prefix that its protocol has', () => {
    for (const [name, prefixes] of [
      ['amqp', ['cloudEvents_', 'cloudEvents:']],
      ['rabbitmq', ['cloudEvents_', 'cloudEvents:', 'ce-', 'ce_']],
      ['stomp', ['cloudEvents_', 'cloudEvents:', 'ce-', 'ce_']],
      ['rocketmq', ['CE_']],
      ['mqtt', ['']],
    ] as const)
      for (const prefix of prefixes)
        assert.equal(
          header(apply(cloudEventsIn(protocolOf(name).cloudEvents), binary(prefix)), 'ce_id'),
          '1234-1234-1234',
          `${name} ${prefix}`,
        );
  });

  it('has its content type where RocketMQ’s binding puts it', () => {
    const rocket = cloudEventsIn(protocolOf('rocketmq').cloudEvents);
    const got = apply(rocket, binary('CE_', { contenttype: 'text/plain' }, { contentType: undefined }));
    assert.equal(got.contentType, 'text/plain');
    assert.equal(header(got, 'ce_contenttype'), undefined);
    const message = structured({ data: 1 }, undefined);
    const named = {
      ...message,
      contentType: undefined,
      headers: [['CE_contenttype', message.contentType!] as const],
    };
    assert.equal(bodyOf(apply(rocket, named)), '1');
  });

  it('is JSON without saying so in MQTT 3.1.1, and may repeat its type as a user property in MQTT 5', () => {
    const plain = { ...structured({ data: [1] }), contentType: undefined };
    assert.equal(bodyOf(apply(fromMqtt, plain)), '[1]');
    const got = apply(fromMqtt, binary('', { datacontenttype: 'application/json', comexample: 'x' }));
    assert.equal(got.contentType, 'application/json');
    assert.equal(header(got, 'ce_datacontenttype'), undefined);
    assert.equal(header(got, 'ce_comexample'), 'x');
  });

  it('may have values of AMQP’s own types or their canonical strings', () => {
    const at = Date.UTC(2018, 3, 5, 3, 56, 24);
    const headers: Header[] = [
      ...binary('cloudEvents:', { time: undefined }).headers,
      ['cloudEvents:time', at, 'timestamp'],
      ['cloudEvents:number', 5n],
      ['cloudEvents:small', -5, 'byte'],
      ['cloudEvents:whole', 7],
      ['cloudEvents:flag', true],
      ['cloudEvents:bytes', Uint8Array.of(1)],
      ['cloudEvents:text', '5'],
      ['cloudEvents:none', null],
      ['own', 1n],
    ];
    const got = apply(fromAmqp, binary('', {}, { headers }));
    assert.equal(got.timestamp, at);
    assert.equal(header(got, 'ce_time'), '2018-04-05T03:56:24.000Z');
    assert.deepEqual(
      got.headers.filter(([name]) => !/ce_(specversion|id|type|source|time)$/.test(name)),
      [
        ['ce_number', 5, 'int'],
        ['ce_small', -5, 'int'],
        ['ce_whole', 7, 'int'],
        ['ce_flag', true],
        ['ce_bytes', Uint8Array.of(1)],
        ['ce_text', '5'],
        ['own', 1n],
      ],
    );
  });

  it('keeps its JSON data as it was written', () => {
    const data = '{ "n": 12345678901234567890, "d": 1.50,\t"s": "a\\u0041 \\" } ,]" , "e": [ ] }';
    const got = apply(
      fromKafka,
      structured(`{"a":null, ${JSON.stringify(context).slice(1, -1)} , "data" : ${data} }`),
    );
    assert.equal(bodyOf(got), data);
    assert.equal(got.contentType, 'application/json', 'which JSON without datacontenttype is');
  });

  it('has data as the JSON format says', () => {
    const base64 = Buffer.from([0, 255]).toString('base64');
    for (const [members, body, type] of [
      [{ data: "I'm just a string" }, '"I\'m just a string"', 'application/json'],
      [{ data: 1.5, datacontenttype: 'application/json' }, '1.5', 'application/json'],
      [{ data: null }, 'null', 'application/json'],
      [{ data: '<much/>', datacontenttype: 'application/xml' }, '<much/>', 'application/xml'],
      [{ data: '', datacontenttype: 'text/plain' }, '', 'text/plain'],
      [{ data: '{"a":1}', datacontenttype: 'a/b+json' }, '"{\\"a\\":1}"', 'a/b+json'],
      [{ data_base64: 'eyAieHl6IjogMTIzIH0=' }, '{ "xyz": 123 }', undefined],
      [{ data_base64: null, data: 1 }, '1', 'application/json'],
      [{}, null, undefined],
      [{ datacontenttype: 'text/plain', data: null, subject: null }, null, 'text/plain'],
    ] as const) {
      const got = apply(fromKafka, structured(members));
      assert.equal(bodyOf(got), body, JSON.stringify(members));
      assert.equal(got.contentType, type, JSON.stringify(members));
    }
    const bytes = apply(fromKafka, structured({ data_base64: base64 })).body!;
    assert.deepEqual([...bytes], [0, 255]);
    const latin = apply(
      fromKafka,
      structured({ data: 'ä', datacontenttype: 'text/plain; charset=ISO-8859-1' }),
    );
    assert.deepEqual([...latin.body!], [0xe4]);
  });

  it('may be the one of a batch', () => {
    const batch = 'application/cloudevents-batch+json; charset=utf-8';
    assert.equal(
      bodyOf(apply(fromKafka, structured(` [ ${JSON.stringify({ ...context, data: 1 })} ]`, batch))),
      '1',
    );
  });

  it('does not take what only looks like an attribute for one', () => {
    const headers: Header[] = [
      ...binary('cloudEvents_').headers,
      ['ce_id', 'other'],
      ['cloudEvents_Big', 'x'],
    ];
    const got = apply(fromAmqp, binary('', {}, { headers }));
    assert.equal(header(got, 'ce_id'), '1234-1234-1234');
    assert.equal(header(got, 'junction-header-ce_id'), 'other');
    assert.equal(header(got, 'cloudEvents_Big'), 'x');
  });
});

describe('a message that is no valid CloudEvent is refused', () => {
  const one = JSON.stringify(context);
  const cases: [name: string, message: Envelope, words: RegExp][] = [
    [
      'nothing says that it is one',
      envelope({ address: 'a', body: null }),
      /neither the content type .* nor the header ce_specversion/,
    ],
    ...['id', 'source', 'type'].map((name): [string, Envelope, RegExp] => [
      `no ${name}`,
      binary('ce_', { [name]: undefined }),
      new RegExp(`${name} is missing`),
    ]),
    ['empty id', binary('ce_', { id: '' }), /id is ""/],
    ['number as id', structured({ id: 5 }), /id is 5, no text/],
    ['version', binary('ce_', { specversion: '0.3' }), /specversion is "0.3"; this gateway knows 1.0/],
    ['empty subject', binary('ce_', { subject: '' }), /subject is ""/],
    ['source', binary('ce_', { source: 'a b' }), /source is "a b", no URI reference/],
    ['dataschema', binary('ce_', { dataschema: '/relative' }), /dataschema is "\/relative", no URI/],
    ...[
      '2018-04-05',
      '2018-02-30T00:00:00Z',
      '2018-04-05T24:00:00Z',
      '2018-04-05T03:56:24',
      '2018-04-05 03:56:24Z',
    ].map((time): [string, Envelope, RegExp] => [
      `time ${time}`,
      binary('ce_', { time }),
      /no timestamp of RFC 3339/,
    ]),
    ['control character', binary('ce_', { x: 'a\nb' }), /the attribute x holds a character/],
    ['noncharacter', structured({ x: '\ufffe' }), /the attribute x holds a character/],
    [
      'half a surrogate',
      structured(`${one.slice(0, -1)},"x":"\\ud800"}`),
      /the attribute x holds a character/,
    ],
    [
      'twice',
      binary('ce_', {}, { headers: [...binary('ce_').headers, ['ce_id', 'again']] }),
      /id is there twice/,
    ],
    ['twice in JSON', structured(`${one.slice(0, -1)},"id":"again"}`), /"id" is there twice/],
    ['a long', binary('ce_', { n: 2n ** 31n }), /n is 2147483648, no integer of 32 bits/],
    ['a fraction', binary('ce_', { n: 1.5 }), /n is 1.5, no integer/],
    ['content type', binary('ce_', {}, { contentType: 'json' }), /"json" is no media type/],
    ['no JSON', structured('{'), /is not JSON/],
    ['no object', structured('[]'), /not a JSON object/],
    [
      'no UTF-8',
      envelope({ address: 'a', body: Uint8Array.of(0xff), contentType: 'application/cloudevents+json' }),
      /not JSON in UTF-8/,
    ],
    ['name', structured({ 'my-ext': 1 }), /"my-ext" is no name of an attribute/],
    ['prototype', structured(`${one.slice(0, -1)},"__proto__":{"id":"x"}}`), /"__proto__" is no name/],
    ['object', structured({ ext: {} }), /ext is neither a text/],
    ['exponent', structured(`${one.slice(0, -1)},"n":1e3}`), /n is neither a text/],
    ['both data', structured({ data: 1, data_base64: '' }), /data and data_base64/],
    ['base64', structured({ data_base64: 'ä' }), /not base64/],
    ['data of text', structured({ data: {}, datacontenttype: 'text/plain' }), /data is not a text/],
    ['other format', structured('x', 'application/cloudevents+avro'), /event format .* is not known/],
    [
      'a batch of two',
      structured(`[${one},${one}]`, 'application/cloudevents-batch+json'),
      /a batch of 2 events/,
    ],
    ['an empty batch', structured('[]', 'application/cloudevents-batch+json'), /a batch of 0 events/],
    ['compressed', { ...structured({}), contentEncoding: 'gzip' }, /compressed \(gzip\)/],
    ['an AMQP map', binary('ce_', {}, { bodyType: 'value' }), /AMQP value/],
    [
      'event in an event',
      binary('ce_', {}, { contentType: 'application/json', headers: [] }),
      /neither the content type/,
    ],
  ];
  for (const [name, message, words] of cases)
    it(name, () => assert.throws(() => apply(fromKafka, message), refused(words)));

  it('of any length, at once and in few words', () => {
    const long = 1_000_000;
    const base64 = `"data_base64":"${'='.repeat(long)}x"`;
    const source = `"source":"/${'#'.repeat(long)}"`;
    const type = `"datacontenttype":"text/plain${' '.repeat(long)}x"`;
    for (const member of [base64, source, type]) {
      const text = `${one.replace('"source":"/mycontext/subcontext"', '"dataref":"x"').slice(0, -1)},${member}}`;
      assert.throws(
        () => apply(fromKafka, structured(text)),
        (error: Error) => refused(/^no valid CloudEvent/)(error) && error.message.length < 400,
      );
    }
  });

  it('deeply nested', () => {
    const deep = `${one.slice(0, -1)},"data":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    const read = () => bodyOf(apply(fromKafka, structured(deep)))!.length;
    try {
      assert.equal(read(), 100_000);
    } catch (error) {
      assert.ok(refused(/is not JSON/)(error));
    }
  });
});
