import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { IHeaders } from 'kafkajs';
import { parsePattern } from '../../../src/core/address.ts';
import { envelope, Uuid, type Envelope, type Header } from '../../../src/core/envelope.ts';
import { PatternIndex } from '../../../src/core/pattern-index.ts';
import { invalidAddress } from '../../../src/core/template.ts';
import { kafkaAddress, topicFilter } from '../../../src/protocols/kafka/address.ts';
import { fromEnvelope, toEnvelope } from '../../../src/protocols/kafka/mapping.ts';

/** What kafkajs reads of a record: every header value as bytes, those of one name together. */
function record(message: ReturnType<typeof fromEnvelope>) {
  const bytes = (value: Buffer | string): Buffer => (typeof value === 'string' ? Buffer.from(value) : value);
  const headers = Object.create(null) as Record<string, Buffer | Buffer[]>;
  for (const [name, value] of message.headers) {
    const before = headers[name];
    headers[name] = before === undefined ? bytes(value) : [before, bytes(value)].flat();
  }
  return {
    key: message.key === null ? null : bytes(message.key),
    value: message.value,
    timestamp: String(message.timestamp ?? -1),
    headers,
  };
}

const there = (sent: Envelope): Envelope => toEnvelope(sent.address, record(fromEnvelope(sent)));

const full = envelope({
  address: 'orders',
  body: Buffer.from([0, 1, 255]),
  id: 'id-1',
  contentType: 'application/json',
  contentEncoding: 'gzip',
  subject: 'new',
  correlationId: new Uuid('123e4567-e89b-12d3-a456-426614174000'),
  replyTo: 'answers',
  key: 'customer-7',
  priority: 7,
  expiresAt: 1_900_000_000_000,
  timestamp: 1_700_000_000_123,
  hops: 2,
  bodyType: 'string',
  headers: [
    ['a', 'text'],
    ['n', 5, 'int'],
    ['bytes', Buffer.from([0xff, 0])],
    ['plain', Buffer.from('text')],
    ['none', null],
    ['d', new Uint8Array([1, 2, 3, 4]), 'decimal32'],
    ['repeat', '1'],
    ['repeat', '2'],
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ],
});

void test('every field that Kafka can hold comes back', () => {
  assert.deepEqual(there(full), full);
});

void test('a tombstone is not an empty body', () => {
  assert.equal(there(envelope({ address: 't', body: null })).body, null);
  assert.equal(there(envelope({ address: 't', body: Buffer.alloc(0) })).body?.length, 0);
});

void test('a key that is no text comes back as the same bytes', () => {
  const key = Buffer.from([0, 0, 0, 0, 1, 0xc3, 0x28]);
  const read = toEnvelope('t', { key, value: null, timestamp: '1' });
  assert.deepEqual(fromEnvelope(read).key, key);
});

void test('members that kafkajs finds on Object.prototype are no headers', () => {
  const headers = { constructor: [Object, Buffer.from('v')] } as unknown as IHeaders;
  assert.deepEqual(toEnvelope('t', { key: null, value: null, timestamp: '1', headers }).headers, [
    ['constructor', 'v'],
  ]);
});

void test('any headers come back in order, those of one name together', () => {
  const name = fc.string({ minLength: 1 }).filter((n) => !/^\d+$/.test(n) && !n.startsWith('junction-'));
  const value = fc.oneof(
    fc.string(),
    fc.uint8Array().map((b) => Buffer.from(b)),
    fc.bigInt(-5n, 5n),
    fc.boolean(),
  );
  const reserved = [
    'message-id',
    'content-type',
    'content-encoding',
    'subject',
    'correlation-id',
    'reply-to',
    'priority',
    'expires-at',
  ];
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(name, value), { selector: ([n]) => n }), (pairs) => {
      const headers = pairs.filter(([n]) => !reserved.includes(n)) as unknown as Header[];
      assert.deepEqual(there(envelope({ address: 't', body: null, headers })).headers, headers);
    }),
  );
});

void test('topic names that Kafka refuses are told before sending', () => {
  assert.equal(invalidAddress('plants.p1_a-b', kafkaAddress), undefined);
  for (const bad of ['', '.', '..', 'a/b', 'ä', 'a b', 'x'.repeat(250)])
    assert.notEqual(invalidAddress(bad, kafkaAddress), undefined, bad);
});

void test('a filter selects the topics that the route’s pattern matches', () => {
  const names = ['a', 'a.b', 'a.b.c', 'ab', 'b.a', 'x.y.z', 'a.x-y', 'a.'];
  for (const text of ['a', 'a.*', 'a.#', '*.b', '#', 'a.{x}', 'a.{x...}', '*', '{all...}', 'a.*.c']) {
    const pattern = parsePattern(text, kafkaAddress);
    const index = new PatternIndex<number>(kafkaAddress);
    index.add(pattern, 1);
    for (const name of names)
      assert.equal(topicFilter(pattern).test(name), index.match(name).length > 0, `${text} on ${name}`);
  }
  assert.equal(topicFilter(parsePattern('#', kafkaAddress)).test('__consumer_offsets'), false);
});
