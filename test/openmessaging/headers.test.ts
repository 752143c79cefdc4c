import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { envelope, type Header } from '../../src/core/envelope.ts';
import { parseValueTemplate } from '../../src/core/value-template.ts';
import { openMessagingIn, openMessagingOut } from '../../src/openmessaging/headers.ts';
import { apply, carriers } from '../cloudevents/support.ts';

const usual = { prefix: 'ce_' };
const out = openMessagingOut(usual, undefined);
const back = openMessagingIn(usual);

/** The example of the specification's appendix. */
const example: Header[] = [
  ['messageId', '7F00000100002873000000000004F49C'],
  ['destination', 'orderQueue'],
  ['bornTimestamp', 1533780827824n],
  ['bornHost', '172.24.0.101:10035'],
  ['compression', 'gzip'],
  ['qos', 1, 'int'],
  ['storeTimestamp', 1533780827825n],
  ['messageKey', 'orderId-103368921567'],
  ['correlationId', '7F00000100002873000000000004F2B4'],
  ['expireTime', 1533780830000n],
  ['traceId', '1E0578887D3F18B4AAC22B64D2B00A5E'],
  ['priority', 1, 'int'],
  ['deliveryCount', 2, 'int'],
  ['service', 'helloService'],
];

describe('OpenMessaging headers', () => {
  it('become fields', () => {
    for (const headers of [example, example.map(([name, value]): Header => [name, String(value)])]) {
      const got = apply(back, envelope({ address: 'q', body: null, headers }));
      assert.deepEqual(
        [got.id, got.timestamp, got.contentEncoding, got.durable, got.key, got.correlationId, got.expiresAt],
        [
          '7F00000100002873000000000004F49C',
          1533780827824,
          'gzip',
          false,
          'orderId-103368921567',
          '7F00000100002873000000000004F2B4',
          1533780830000,
        ],
      );
      assert.deepEqual([got.priority, got.deliveryCount, got.address], [0, 2, 'q']);
      assert.deepEqual(
        got.headers.map(([name]) => name),
        ['bornHost', 'storeTimestamp', 'traceId', 'service'],
      );
    }
  });

  it('are written from fields', () => {
    const trace: Header = ['traceparent', '00-0af7651916cd43dd8448eb211c80319c-b9c7c989f97918e1-01'];
    const message = envelope({
      address: 'q',
      body: null,
      id: 'i',
      key: 'k',
      priority: 4,
      timestamp: 5,
      expiresAt: 9,
      correlationId: 6n,
      headers: [trace, ['priority', 'mine'], ['service', 's']],
    });
    assert.deepEqual(apply(out, message).headers, [
      trace,
      ['junction-header-priority', 'mine'],
      ['service', 's'],
      ['destination', 'q'],
      ['messageId', 'i'],
      ['bornTimestamp', 5n],
      ['qos', 0, 'int'],
      ['correlationId', 'AMQP_ULONG:6'],
      ['messageKey', 'k'],
      ['expireTime', 9n],
      ['priority', 5, 'int'],
      ['traceId', '0af7651916cd43dd8448eb211c80319c'],
    ]);
    const named = openMessagingOut(usual, parseValueTemplate('{b}-{key}', ['b']));
    assert.equal(
      apply(named, message, { b: 'x' }).headers.find(([name]) => name === 'destination')![1],
      'x-k',
    );
    const nameless = envelope({ address: 'q', body: null });
    const ids = [1, 2].map(() => apply(out, nameless).headers.find(([name]) => name === 'messageId')![1]);
    assert.equal(ids[0], ids[1]);
  });

  it('that are none stay headers, and what is out of range is ignored', () => {
    const headers: Header[] = [
      ['priority', 'high'],
      ['qos', 3, 'int'],
      ['bornTimestamp', -1n],
      ['messageId', ''],
      ['messageKey', 'a'],
      ['messageKey', 'b'],
      ['__proto__', 'x'],
    ];
    const got = apply(back, envelope({ address: 'q', body: null, headers }));
    assert.deepEqual(
      got.headers,
      headers.filter(([, value]) => value !== 'a'),
    );
    assert.equal(got.key, 'a');
    for (const priority of [0, 11]) {
      const ignored = envelope({
        address: 'q',
        body: null,
        priority: 7,
        headers: [['priority', priority, 'int']],
      });
      assert.deepEqual([apply(back, ignored).priority, apply(back, ignored).headers], [7, []]);
    }
    // "if an earlier timestamp is set, the message will not be expired"
    const early: Header[] = [
      ['expireTime', 4n],
      ['bornTimestamp', 5n],
    ];
    assert.equal(apply(back, envelope({ address: 'q', body: null, headers: early })).expiresAt, undefined);
  });

  for (const { name: system, protocol, trip } of carriers.filter(({ headers }) => headers))
    it(`bring the fields through ${system}`, () => {
      const word = fc.stringMatching(/^[a-zA-Z0-9._-]{1,20}$/);
      const option = <Value>(values: fc.Arbitrary<Value>) => fc.option(values, { nil: undefined });
      const messages = fc.record({
        id: word,
        key: option(word),
        priority: option(fc.integer({ min: 0, max: 9 })),
        timestamp: option(fc.integer({ min: 1, max: 4_000_000_000_000 })),
        durable: fc.boolean(),
        correlationId: option(word),
        contentEncoding: option(word),
        deliveryCount: fc.integer({ min: 0, max: 9 }),
      });
      const there = openMessagingOut(protocol.cloudEvents, undefined);
      const andBack = openMessagingIn(protocol.cloudEvents);
      fc.assert(
        fc.property(messages, (fields) => {
          const sent = envelope({
            address: 'q',
            body: Buffer.from('x'),
            headers: [['qos', 'own']],
            ...fields,
          });
          const got = apply(andBack, trip(apply(there, sent)));
          for (const name of Object.keys(fields) as (keyof typeof fields)[])
            assert.deepEqual(
              got[name],
              name === 'timestamp' ? (fields[name] ?? got[name]) : fields[name],
              name,
            );
          assert.deepEqual(got.headers, [['qos', 'own']]);
        }),
        { numRuns: 100 },
      );
    });
});
