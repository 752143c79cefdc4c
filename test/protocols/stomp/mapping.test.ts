import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { envelope, Uuid, type Envelope, type Header } from '../../../src/core/envelope.ts';
import { fromEnvelope, toEnvelope } from '../../../src/protocols/stomp/mapping.ts';
import type { Pair } from '../../../src/protocols/stomp/frame.ts';

const body = Buffer.from('b');
const through = (message: Envelope): Envelope => toEnvelope(fromEnvelope(message, '1.2'), message.body!);

describe('SEND to envelope', () => {
  const cases: [string, Pair, Partial<Envelope>][] = [
    ['id', ['message-id', 'm1'], { id: 'm1' }],
    [
      'a uuid id',
      ['message-id', 'AMQP_UUID:7c9e6679-7425-40de-944b-e07fc1f90ae7'],
      { id: new Uuid('7c9e6679-7425-40de-944b-e07fc1f90ae7') },
    ],
    ['contentType', ['content-type', 'text/plain'], { contentType: 'text/plain' }],
    ['contentEncoding', ['content-encoding', 'gzip'], { contentEncoding: 'gzip' }],
    ['correlationId', ['correlation-id', 'c'], { correlationId: 'c' }],
    ['replyTo', ['reply-to', '/queue/r'], { replyTo: '/queue/r' }],
    ['priority', ['priority', '7'], { priority: 7 }],
    ['a bad priority stays a header', ['priority', 'high'], { headers: [['priority', 'high']] }],
    ['persistent', ['persistent', 'true'], { durable: true }],
    ['not persistent', ['persistent', 'false'], { durable: false }],
    ['expires', ['expires', '1700000000000'], { expiresAt: 1_700_000_000_000 }],
    ['expires never', ['expires', '0'], { expiresAt: undefined }],
    ['timestamp', ['timestamp', '1700000000001'], { timestamp: 1_700_000_000_001 }],
    ['key', ['JMSXGroupID', 'k'], { key: 'k' }],
    ['subject', ['type', 't'], { subject: 't' }],
    ['redelivered', ['redelivered', 'true'], { deliveryCount: 1 }],
    ['hops', ['junction-hops', '2'], { hops: 2 }],
    ['body type', ['junction-body-type', 'string'], { bodyType: 'string' }],
    ['an unknown body type', ['junction-body-type', 'x'], { bodyType: 'data' }],
    ['an application header', ['constructor', 'x'], { headers: [['constructor', 'x']] }],
  ];
  for (const [name, header, expected] of cases)
    it(name, () => {
      const message = toEnvelope([['destination', '/queue/a'], header], body);
      assert.deepEqual(message, envelope({ address: '/queue/a', body, ...expected }));
    });

  it('takes the first of a repeated name, standard or not', () => {
    const message = toEnvelope(
      [
        ['destination', '/queue/a'],
        ['destination', '/queue/b'],
        ['x', '1'],
        ['priority', '1'],
        ['x', '2'],
        ['priority', '2'],
      ],
      body,
    );
    assert.equal(message.address, '/queue/a');
    assert.equal(message.priority, 1);
    assert.deepEqual(message.headers, [['x', '1']]);
  });
});

describe('envelope to MESSAGE', () => {
  const nameOf = fc.constantFrom(
    'x',
    'y',
    'destination',
    'ack',
    '__proto__',
    'constructor',
    'type',
    'junction-header-x',
    'a:b',
  );
  const valueOf = fc.oneof(
    fc.string().map((value): [Header[1]] => [value]),
    fc.boolean().map((value): [Header[1]] => [value]),
    fc.integer().map((value): [Header[1], Header[2]] => [value, 'int']),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): [Header[1]] => [value]),
    fc.double({ noNaN: true }).map((value): [Header[1]] => [value]),
    fc.uint8Array({ maxLength: 8 }).map((value): [Header[1]] => [value]),
  );
  const headersOf = fc
    .uniqueArray(fc.tuple(nameOf, valueOf), { selector: ([name]) => name, maxLength: 5 })
    .map((list) => list.map(([name, value]): Header => [name, ...value]));
  const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  const idOf = fc.oneof(
    fc.string({ minLength: 1 }),
    fc.uint8Array({ maxLength: 8 }),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  );
  const time = fc.integer({ min: 1, max: 8.64e15 });

  it('comes back equal', () => {
    fc.assert(
      fc.property(
        fc.record({
          id: maybe(idOf),
          correlationId: maybe(idOf),
          headers: headersOf,
          contentType: maybe(fc.string()),
          contentEncoding: maybe(fc.string()),
          subject: maybe(fc.string()),
          replyTo: maybe(fc.string()),
          key: maybe(fc.string()),
          priority: maybe(fc.integer({ min: 0, max: 9 })),
          durable: fc.boolean(),
          expiresAt: maybe(time),
          timestamp: maybe(time),
          hops: fc.nat(16),
          bodyType: fc.constantFrom('data', 'string', 'binary', 'value', 'sequence'),
        }),
        (fields) => {
          const message = envelope({ address: '/queue/a', body, ...fields });
          assert.deepEqual(through(message), message);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('never writes a name twice, nor an application header under a name of ours', () => {
    const message = envelope({
      address: '/topic/a',
      body,
      contentType: 'text/plain',
      headers: [
        ['destination', '/queue/evil'],
        ['content-type', 'x'],
        ['content-length', '5'],
        ['subscription', '9'],
        ['redelivered', 'true'],
        ['junction-hops', '0'],
        ['a', '1'],
        ['a', '2'],
      ],
    });
    const pairs = fromEnvelope(message, '1.2');
    const names = pairs.map(([name]) => name);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(
      pairs.find(([name]) => name === 'destination'),
      ['destination', '/topic/a'],
    );
    for (const name of ['content-length', 'subscription', 'redelivered', 'junction-hops'])
      assert.ok(!names.includes(name));
    assert.deepEqual(pairs.at(-1), ['a', '1']);
  });
});
