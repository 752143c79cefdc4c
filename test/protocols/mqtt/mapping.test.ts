import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { envelope, Uuid, type Envelope, type Header } from '../../../src/core/envelope.ts';
import type { JunctionError } from '../../../src/core/errors.ts';
import { fromEnvelope, toEnvelope } from '../../../src/protocols/mqtt/mapping.ts';
import type { MqttMessage } from '../../../src/protocols/mqtt/codec/message.ts';

const now = 1_700_000_000_000;

const full = envelope({
  id: 'id-1',
  address: 'a/b',
  body: Buffer.from('body'),
  bodyType: 'string',
  headers: [
    ['z', 'last'],
    ['n', 5, 'int'],
    ['z', 'again'],
    ['t', 1234, 'timestamp'],
    ['u', new Uuid('00112233-4455-6677-8899-aabbccddeeff')],
    ['big', 9_007_199_254_740_993n],
    ['none', null],
    ['__proto__', 'x'],
  ],
  contentType: 'application/json',
  contentEncoding: 'gzip',
  subject: 'kind',
  correlationId: new Uint8Array([0xff, 0]),
  replyTo: 'answers/1',
  key: 'k',
  priority: 7,
  durable: true,
  expiresAt: now + 60_000,
  timestamp: now - 5,
  hops: 3,
  retain: true,
});

const there = (from: Envelope): Envelope => toEnvelope(fromEnvelope(from, from.address, now), now);

describe('MQTT mapping', () => {
  it('brings every field there and back', () => {
    assert.deepEqual(there(full), full);
  });

  it('writes each field where the mapping table says', () => {
    const message = fromEnvelope(full, 'to/here', now);
    assert.equal(message.topic, 'to/here');
    assert.equal(message.qos, 1);
    assert.equal(message.properties?.expiry, 60);
    assert.equal(message.properties.contentType, 'application/json');
    assert.equal(message.properties.responseTopic, 'answers/1');
    assert.deepEqual(message.properties.correlationData, Buffer.from([0xff, 0]));
    const user = new Map(message.properties.user);
    assert.equal(user.get('message-id'), 'id-1');
    assert.equal(user.get('group-id'), 'k');
    assert.equal(user.get('priority'), '7');
    assert.match(user.get('junction-types')!, /n=int/);
  });

  it('keeps identifiers of every type', () => {
    for (const id of [
      'plain',
      'AMQP_ULONG:x',
      12n,
      new Uuid('00112233-4455-6677-8899-aabbccddeeff'),
      new Uint8Array([1, 0]),
    ])
      assert.deepEqual(there(envelope({ address: 'a', body: null, id })).id, id);
    for (const [sent, expected] of [
      [new Uint8Array(Buffer.from('text')), new Uint8Array(Buffer.from('text'))],
      ['a\nb', 'a\nb'],
      [new Uint8Array([0x61, 0x0a]), new Uint8Array([0x61, 0x0a])],
      [5n, 5n],
    ] as const)
      assert.deepEqual(
        there(envelope({ address: 'a', body: Buffer.alloc(0), correlationId: sent })).correlationId,
        expected,
      );
  });

  it('has no message expire too early, and none overflow 32 bits', () => {
    const expiry = (expiresAt: number) =>
      fromEnvelope(envelope({ address: 'a', body: Buffer.alloc(0), expiresAt }), 'a', now).properties?.expiry;
    assert.equal(expiry(now + 1), 1);
    assert.equal(expiry(now + 30 * 86_400_000), 2_592_000);
    assert.equal(expiry(now + 1e15), 0xffff_ffff);
    assert.throws(
      () => expiry(now),
      (error: JunctionError) => error.code === 'expired',
    );
  });

  it('refuses what MQTT cannot hold rather than drop it', () => {
    for (const headers of [
      [['a\ud800', 'x']],
      [['a', 'x\u0000\ud800']],
      [['a', 'x'.repeat(70_000)]],
    ] as Header[][])
      assert.throws(
        () => fromEnvelope(envelope({ address: 'a', body: Buffer.alloc(0), headers }), 'a', now),
        (error: JunctionError) => error.code === 'invalid-message',
      );
  });

  it('writes no character that a broker may end the connection for, and brings it back all the same', () => {
    const headers: Header[] = [
      ['lines', 'a\nb\u0000\uffff'],
      ['lines', 'abcd'],
      ['plain', 'abcd'],
    ];
    const from = envelope({ address: 'a', body: Buffer.alloc(0), headers });
    assert.deepEqual(fromEnvelope(from, 'a', now).properties!.user, [
      ['lines', Buffer.from('a\nb\u0000\uffff').toString('base64')],
      ['lines', 'abcd'],
      ['plain', 'abcd'],
      ['junction-types', 'lines=base64;lines=string'],
    ]);
    assert.deepEqual(there(from).headers, headers);
    const odd = envelope({
      address: 'a',
      body: Buffer.alloc(0),
      subject: 'a\nb',
      contentType: 'text/plain\n',
      headers: [['a\n', 'x']],
    });
    assert.deepEqual(fromEnvelope(odd, 'a', now).properties!.user, [
      ['junction-field-subject', 'a%0Ab'],
      ['junction-field-content-type', 'text%2Fplain%0A'],
      ['junction-header-a%0A', 'x'],
    ]);
    assert.deepEqual(there(odd), odd);
  });

  it('knows what a client publishes as text, and writes text as such', () => {
    const text = envelope({ address: 'a', body: Buffer.from('grün'), bodyType: 'string' });
    assert.equal(fromEnvelope(text, 'a', now).properties!.text, true);
    assert.deepEqual(fromEnvelope(text, 'a', now).properties!.user, []);
    const declared = (payload: Buffer) => {
      const message = fromEnvelope(text, 'a', now);
      return toEnvelope({ ...message, payload }, now).bodyType;
    };
    assert.equal(declared(Buffer.from('grün')), 'string');
    assert.equal(declared(Buffer.from([0xff])), 'data', 'what is no UTF-8 is no text');
  });

  it('keeps a reply address that is no topic', () => {
    const from = envelope({ address: 'a', body: Buffer.alloc(0), replyTo: 'queue#1' });
    assert.equal(fromEnvelope(from, 'a', now).properties?.responseTopic, undefined);
    assert.equal(there(from).replyTo, 'queue#1');
  });

  it('takes a user property for a field only where it has its form', () => {
    const message: MqttMessage = {
      topic: 'a',
      payload: Buffer.alloc(0),
      qos: 0,
      retain: false,
      dup: true,
      properties: {
        text: undefined,
        expiry: undefined,
        contentType: undefined,
        responseTopic: undefined,
        correlationData: undefined,
        user: [
          ['priority', 'high'],
          ['timestamp', '1e3'],
          ['message-id', 'one'],
          ['message-id', 'two'],
        ],
      },
    };
    const taken = toEnvelope(message, now);
    assert.equal(taken.id, 'one');
    assert.equal(taken.deliveryCount, 1);
    assert.deepEqual(taken.headers, [
      ['priority', 'high'],
      ['timestamp', '1e3'],
      ['message-id', 'two'],
    ]);
  });

  it('brings any headers there and back', () => {
    const text = fc.string({ unit: 'binary' });
    const unfit = /[\u0000-\u001f\u007f-\u009f]|\p{Noncharacter_Code_Point}/u;
    const reserved =
      /^(junction-|message-id$|group-id$|priority$|timestamp$|content-encoding$|subject$|reply-to$)/;
    const name = text.filter((s) => !reserved.test(s) && !unfit.test(s));
    fc.assert(
      fc.property(fc.array(fc.tuple(name, text)), (pairs) => {
        const headers: Header[] = pairs.map(([key, value]) => [key, value]);
        assert.deepEqual(there(envelope({ address: 'a', body: Buffer.alloc(0), headers })).headers, headers);
      }),
    );
  });
});
