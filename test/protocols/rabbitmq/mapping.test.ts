import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { envelope, Uuid, type Envelope, type EnvelopeInit, type Header } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import {
  readProperties,
  writeProperties,
  type Properties,
} from '../../../src/protocols/rabbitmq/codec/properties.ts';
import type { Field, Table } from '../../../src/protocols/rabbitmq/codec/table.ts';
import { Writer } from '../../../src/protocols/rabbitmq/codec/writer.ts';
import { fromEnvelope, toEnvelope } from '../../../src/protocols/rabbitmq/mapping.ts';

const now = 1_700_000_000_000;
const body = Buffer.from('body');

const write = (init: Partial<EnvelopeInit>, onRepeated?: (name: string) => void): Properties =>
  readProperties(
    fromEnvelope(envelope({ address: 'a', body, ...init }), {
      now,
      username: 'me',
      ...(onRepeated ? { onRepeated } : {}),
    }),
  );

function read(properties: Properties, redelivered = false): Envelope {
  const writer = new Writer();
  writeProperties(writer, properties);
  return toEnvelope({ properties: writer.take(), body, redelivered }, 'q', now);
}

/** Through the wire's form and back. */
const there = (init: Partial<EnvelopeInit>): Envelope => {
  const from = envelope({ address: 'q', body, ...init });
  const properties = fromEnvelope(from, { now, username: 'me' });
  return toEnvelope({ properties, body: Buffer.from(from.body ?? []), redelivered: false }, 'q', now);
};

const text = (value: string): Field => ({ tag: 'S', value });

describe('an envelope as a message of AMQP 0-9-1', () => {
  it('has its fields where RabbitMQ’s users look for them', () => {
    const { headers, ...properties } = write({
      id: 'm1',
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      subject: 'order',
      correlationId: 'c1',
      replyTo: 'answers',
      key: 'k',
      priority: 7,
      expiresAt: now + 5000,
      timestamp: now,
      hops: 2,
    });
    assert.deepEqual(properties, {
      messageId: 'm1',
      contentType: 'text/plain',
      contentEncoding: 'gzip',
      type: 'order',
      correlationId: 'c1',
      replyTo: 'answers',
      priority: 7,
      expiration: '5000',
      timestamp: BigInt(now / 1000),
      deliveryMode: 2,
      userId: undefined,
      appId: undefined,
      clusterId: undefined,
    });
    assert.deepEqual(headers, [
      ['x-group-id', text('k')],
      ['junction-hops', { tag: 'I', value: 2 }],
    ]);
    assert.equal(write({ durable: false }).deliveryMode, 1);
  });

  it('comes back equal, every type of header included', () => {
    const headers: Header[] = [
      ['string', 'grün'],
      ['null', null],
      ['boolean', false],
      ['byte', -7, 'byte'],
      ['ubyte', 200, 'ubyte'],
      ['short', -300, 'short'],
      ['ushort', 60_000, 'ushort'],
      ['int', -70_000, 'int'],
      ['uint', 4_000_000_000, 'uint'],
      ['long', 9_007_199_254_740_993n],
      ['ulong', 5n, 'ulong'],
      ['large', 2n ** 64n - 1n, 'ulong'],
      ['float', 0.5, 'float'],
      ['double', 3],
      ['seconds', now, 'timestamp'],
      ['millis', now + 1, 'timestamp'],
      ['before', -5, 'timestamp'],
      ['uuid', new Uuid('01234567-89ab-cdef-0123-456789abcdef')],
      ['binary', Buffer.from([0, 255])],
      ['symbol', 's', 'symbol'],
      ['char', '😀', 'char'],
      ['decimal32', Buffer.alloc(4, 1), 'decimal32'],
      ['decimal64', Buffer.alloc(8, 0xff), 'decimal64'],
      ['decimal128', Buffer.alloc(16, 3), 'decimal128'],
      ['__proto__', 'p'],
      ['CC', 'no routing'],
    ];
    const back = there({ headers });
    assert.deepEqual([...back.headers].sort(byName), [...headers].sort(byName));
  });

  it('comes back equal whatever it holds', () => {
    const name = fc.string({ minLength: 1, maxLength: 20 });
    const word = fc.option(fc.string({ minLength: 1, maxLength: 400 }), { nil: undefined });
    const header = fc.oneof(
      fc.tuple(name, fc.string()),
      fc.tuple(name, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      fc.tuple(name, fc.boolean()),
      fc.tuple(name, fc.double()),
      fc.tuple(name, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.constant('ulong')),
      fc.tuple(name, fc.integer(), fc.constant('timestamp')),
    );
    const any = fc.record(
      {
        id: fc.oneof(word, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        contentType: word,
        contentEncoding: word,
        subject: word,
        correlationId: word,
        replyTo: word,
        key: word,
        priority: fc.integer({ min: 0, max: 9 }),
        durable: fc.boolean(),
        timestamp: fc.integer({ min: 0, max: 10 ** 14 }),
        expiresAt: fc.integer({ min: now + 1, max: now + 2 ** 32 - 1 }),
        hops: fc.integer({ min: 0, max: 9 }),
        bodyType: fc.constantFrom('data', 'string', 'binary', 'value', 'sequence'),
        headers: fc.uniqueArray(header, { selector: ([each]) => each }),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(any, (fields) => {
        const init = { ...fields, headers: fields.headers as unknown as Header[] };
        assert.deepEqual(there(init), envelope({ address: 'q', body, ...init }));
      }),
      { numRuns: 300 },
    );
  });

  it('holds identifiers of every type, and what is longer than a property', () => {
    for (const id of [12n, new Uuid('01234567-89ab-cdef-0123-456789abcdef'), new Uint8Array([0, 255])])
      assert.deepEqual(there({ id, correlationId: id }).correlationId, id);
    const long = 'ü'.repeat(200);
    assert.equal(write({ id: long }).messageId, undefined);
    assert.equal(there({ id: long }).id, long);
    assert.deepEqual(there({ id: long }).headers, []);
  });

  it('tells a tombstone from an empty body', () => {
    assert.equal(there({ body: null }).body, null);
    assert.deepEqual(there({ body: Buffer.alloc(0) }).body, Buffer.alloc(0));
  });

  it('is refused where RabbitMQ would close the channel, or drop it', () => {
    const refused = (code: string) => (error: unknown) =>
      error instanceof JunctionError && error.code === code;
    assert.throws(() => write({ expiresAt: now }), refused('expired'));
    assert.throws(() => write({ replyTo: 'amq.rabbitmq.reply-to' }), refused('invalid-message'));
    assert.throws(() => write({ headers: [['n'.repeat(256), 'x']] }), refused('invalid-message'));
    assert.equal(write({ expiresAt: now + 2 ** 32 }).expiration, undefined, 'longer than RabbitMQ can say');
  });

  it('says who its user is only where that is who we log in as', () => {
    assert.equal(write({ headers: [['junction-user-id', 'other']] }).userId, undefined);
    assert.equal(write({ headers: [['junction-user-id', 'me']] }).userId, 'me');
    assert.equal(write({ headers: [['junction-app-id', 'shop']] }).appId, 'shop');
  });

  it('takes the first of a repeated header and says so', () => {
    const told: string[] = [];
    const { headers } = write(
      {
        headers: [
          ['a', '1'],
          ['a', '2'],
        ],
      },
      (name) => told.push(name),
    );
    assert.deepEqual(headers, [['a', text('1')]]);
    assert.deepEqual(told, ['a']);
  });

  it('does not let a header named CC choose queues', () => {
    assert.deepEqual(write({ headers: [['CC', 'x']] }).headers, [['junction-CC', text('x')]]);
  });
});

describe('a message of RabbitMQ as an envelope', () => {
  const death = (reason: string, count: bigint): Field => ({
    tag: 'F',
    value: [
      ['count', { tag: 'l', value: count }],
      ['reason', text(reason)],
      ['queue', text('work')],
      ['time', { tag: 'T', value: 1_700_000_000n }],
      ['routing-keys', { tag: 'A', value: [text('work')] }],
    ],
  });

  it('keeps x-death, and gives it back as it was', () => {
    const headers: Table = [
      ['x-death', { tag: 'A', value: [death('rejected', 2n), death('expired', 9n)] }],
      ['other', { tag: 'F', value: [['a', { tag: 'b', value: 1 }]] }],
      ['bytes', { tag: 'S', value: Buffer.from([255]) }],
    ];
    const got = read({ headers });
    assert.equal(
      got.headers[0]![1],
      '[{"count":2,"reason":"rejected","queue":"work","time":{"!":"T","value":"1700000000"},"routing-keys":["work"]},' +
        '{"count":9,"reason":"expired","queue":"work","time":{"!":"T","value":"1700000000"},"routing-keys":["work"]}]',
    );
    assert.equal(got.deliveryCount, 2);
    assert.deepEqual(write({ headers: got.headers }).headers, headers);
  });

  it('knows how often it was tried', () => {
    assert.equal(read({}).deliveryCount, 0);
    assert.equal(read({}, true).deliveryCount, 1);
    const counted = read({ headers: [['x-delivery-count', { tag: 'l', value: 4n }]] }, true);
    assert.equal(counted.deliveryCount, 4);
    assert.deepEqual(counted.headers, []);
  });

  it('keeps app-id and user-id as headers, and the milliseconds beside the timestamp', () => {
    const got = read({
      appId: 'shop',
      userId: 'guest',
      timestamp: 1_700_000_000n,
      headers: [['timestamp_in_ms', { tag: 'l', value: 1_700_000_000_123n }]],
    });
    assert.deepEqual(got.headers, [
      ['junction-app-id', 'shop'],
      ['junction-user-id', 'guest'],
    ]);
    assert.equal(got.timestamp, 1_700_000_000_123);
  });

  it('is transient unless its delivery mode says otherwise, and lives as long as it says from now', () => {
    assert.equal(read({}).durable, false);
    assert.equal(read({ deliveryMode: 2 }).durable, true);
    assert.equal(read({ expiration: '5000' }).expiresAt, now + 5000);
    assert.equal(read({ expiration: 'soon' }).expiresAt, undefined);
  });

  it('keeps identifiers that are no text as bytes', () => {
    assert.deepEqual(read({ correlationId: Buffer.from([255, 1]) }).correlationId, Buffer.from([255, 1]));
  });
});

const byName = (a: Header, b: Header): number => (a[0] < b[0] ? -1 : 1);
