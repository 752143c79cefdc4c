import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Uuid, type Header } from '../../../../src/core/envelope.ts';
import { readMessage } from '../../../../src/protocols/amqp/codec/message-view.ts';
import { rewriteMessage, writeMessage } from '../../../../src/protocols/amqp/codec/message-writer.ts';
import {
  AmqpMap,
  DecodeError,
  symbol,
  Typed,
  type MessageBody,
  type MessageParts,
} from '../../../../src/protocols/amqp/codec/types.ts';
import { anyValue, simple, simpleTypes } from './values.ts';

const rhea = createRequire(import.meta.url)('rhea') as {
  message: {
    decode(bytes: Buffer): Record<string, unknown>;
    encode(message: object): Buffer;
    data_section(b: Buffer): object;
    data_sections(b: Buffer[]): object;
    sequence_section(l: unknown[]): object;
    sequence_sections(l: unknown[][]): object;
  };
};
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

const text = fc.string({ unit: 'binary', maxLength: 30 });
const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 30 });
const binary = fc.uint8Array({ maxLength: 30 }).map((b) => new Uint8Array(b));
const identifier = fc.oneof(
  text,
  fc.bigInt(0n, 0xffff_ffff_ffff_ffffn),
  binary,
  fc.uuid().map((u) => new Uuid(u)),
);
const uint = fc.integer({ min: 0, max: 0xffff_ffff });
const time = fc.integer({ min: -8.64e15, max: 8.64e15 });
const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const header: fc.Arbitrary<Header> = fc.oneof(
  ...simpleTypes.map((type) =>
    fc
      .tuple(text, simple[type])
      .map(([name, value]): Header =>
        value instanceof Typed ? [name, value.value, value.type] : [name, value as Header[1]],
      ),
  ),
);
const annotations = fc
  .array(fc.tuple(ascii.map(symbol), anyValue), { maxLength: 3 })
  .map((entries) => new AmqpMap(entries));
const body: fc.Arbitrary<MessageBody> = fc.oneof(
  fc.uint8Array({ maxLength: 600 }).map((bytes): MessageBody => ({ kind: 'data', bytes })),
  fc.uint8Array({ maxLength: 600 }).map((bytes): MessageBody => ({ kind: 'binary', bytes })),
  text.map((t): MessageBody => ({ kind: 'string', bytes: Buffer.from(t) })),
);

const message = fc.record({
  header: fc.record({
    durable: fc.boolean(),
    priority: fc.integer({ min: 0, max: 255 }),
    ttl: optional(uint),
    firstAcquirer: fc.boolean(),
    deliveryCount: uint,
  }),
  deliveryAnnotations: optional(annotations),
  messageAnnotations: optional(annotations),
  properties: fc.record({
    messageId: optional(identifier),
    userId: optional(binary),
    to: optional(text),
    subject: optional(text),
    replyTo: optional(text),
    correlationId: optional(identifier),
    contentType: optional(ascii),
    contentEncoding: optional(ascii),
    absoluteExpiryTime: optional(time),
    creationTime: optional(time),
    groupId: optional(text),
    groupSequence: optional(uint),
    replyToGroupId: optional(text),
  }),
  applicationProperties: fc.array(header, { maxLength: 6 }),
  body,
  footer: optional(annotations),
});

const plain = (bytes: Uint8Array | undefined): string | undefined =>
  bytes && Buffer.from(bytes).toString('hex');

describe('AMQP messages', () => {
  it('come back with every part as it was', () => {
    fc.assert(
      fc.property(message, (parts) => {
        const view = readMessage(writeMessage(parts));
        assert.deepEqual(view.header, { ...parts.header });
        assert.deepEqual(view.deliveryAnnotations, parts.deliveryAnnotations);
        assert.deepEqual(view.messageAnnotations, parts.messageAnnotations);
        assert.deepEqual(
          { ...view.properties, userId: plain(view.properties.userId) },
          { ...parts.properties, userId: plain(parts.properties.userId) },
        );
        assert.deepEqual(view.applicationProperties, parts.applicationProperties);
        assert.equal(view.body.kind, parts.body.kind);
        assert.equal(plain(view.body.bytes), plain(parts.body.bytes));
        assert.deepEqual(view.footer, parts.footer);
      }),
      { numRuns: 1_000 },
    );
  });

  it('pass through with the bare message byte for byte', () => {
    fc.assert(
      fc.property(message, (parts) => {
        const view = readMessage(writeMessage({ ...parts, footer: undefined }));
        const rewritten = readMessage(rewriteMessage({ header: { deliveryCount: 7 } }, view.bare));
        assert.deepEqual(rewritten.bare, view.bare);
        assert.equal(rewritten.header.deliveryCount, 7);
      }),
    );
  });

  it('are the same to rhea', () => {
    const bytes = writeMessage({
      header: { durable: true, priority: 7, ttl: 60_000, deliveryCount: 2 },
      messageAnnotations: new AmqpMap([[symbol('x-opt-a'), 'b']]),
      properties: {
        messageId: 'id',
        to: 'q',
        correlationId: 5n,
        contentType: 'text/plain',
        creationTime: 1234,
        groupSequence: 9,
      },
      applicationProperties: [
        ['s', 'text'],
        ['n', 5, 'int'],
        ['b', true],
      ],
      body: { kind: 'string', bytes: Buffer.from('hello') },
    });
    const theirs = rhea.message.decode(bytes);
    assert.equal(theirs.body, 'hello');
    assert.equal(theirs.durable, true);
    assert.equal(theirs.priority, 7);
    assert.equal(theirs.ttl, 60_000);
    assert.equal(theirs.delivery_count, 2);
    assert.equal(theirs.message_id, 'id');
    assert.equal(theirs.correlation_id, 5);
    assert.equal(theirs.content_type, 'text/plain');
    assert.equal(Number(theirs.creation_time), 1234);
    assert.equal(theirs.group_sequence, 9);
    assert.deepEqual({ ...(theirs.application_properties as object) }, { s: 'text', n: 5, b: true });
    assert.deepEqual({ ...(theirs.message_annotations as object) }, { 'x-opt-a': 'b' });
  });

  it('of rhea are read as it meant them', () => {
    const view = readMessage(
      rhea.message.encode({
        durable: true,
        ttl: 5_000,
        message_id: 'id',
        reply_to: 'answers',
        subject: 'note',
        application_properties: { a: 'b', n: -5 },
        body: rhea.message.data_section(Buffer.from('data')),
      }),
    );
    assert.equal(view.header.durable, true);
    assert.equal(view.header.ttl, 5_000);
    assert.equal(view.properties.messageId, 'id');
    assert.equal(view.properties.replyTo, 'answers');
    assert.equal(view.properties.subject, 'note');
    assert.deepEqual(view.applicationProperties, [
      ['a', 'b'],
      ['n', -5, 'int'],
    ]);
    assert.equal(view.body.bytes.toString(), 'data');
  });

  it('with several data sections read as one body', () => {
    const view = readMessage(hex('00 53 75 a0 02 6162 00 53 75 b0 00000001 63'));
    assert.deepEqual(view.body, { kind: 'data', bytes: Buffer.from('abc') });
  });

  it('with sequences keep each list', () => {
    const bytes = hex('00 53 76 c0 03 02 41 42 00 53 76 45');
    const view = readMessage(bytes);
    assert.equal(view.body.kind, 'sequence');
    assert.deepEqual(writeMessage({ body: view.body }), bytes);
  });

  it('with any other value keep its encoding', () => {
    for (const value of [
      '40',
      '54 05',
      'c0 03 02 41 42',
      '83 0000000000000001',
      'd1 00000006 00000002 41 42',
    ]) {
      const bytes = hex(`00 53 77 ${value}`);
      const view = readMessage(bytes);
      assert.deepEqual(view.body, { kind: 'value', bytes: hex(value) });
      assert.deepEqual(writeMessage({ body: view.body }), bytes);
    }
  });

  it('without a body read as empty data', () => {
    assert.deepEqual(readMessage(hex('00 53 70 45')).body, { kind: 'data', bytes: Buffer.alloc(0) });
  });

  it('in symbolic and long descriptors are read too', () => {
    const name = Buffer.from('amqp:data:binary');
    const view = readMessage(
      Buffer.concat([
        hex('00 80 0000000000000070 c0 02 01 41 00 a3'),
        Buffer.from([name.length]),
        name,
        hex('a0 01 61'),
      ]),
    );
    assert.equal(view.header.durable, true);
    assert.equal(view.body.bytes.toString(), 'a');
  });

  const malformed: [string, string][] = [
    ['no section', '41'],
    ['an unknown section', '00 53 79 40'],
    ['sections out of order', '00 53 77 40 00 53 70 45'],
    ['two headers', '00 53 70 45 00 53 70 45'],
    ['two values', '00 53 77 40 00 53 77 40'],
    ['data after a value', '00 53 77 40 00 53 75 a0 00'],
    ['a section that is cut off', '00 53 75 a0 05 61'],
    ['a properties count beyond its bytes', '00 53 73 d0 00000004 ffffffff'],
  ];
  for (const [what, bytes] of malformed)
    it(`refuses ${what}`, () => {
      assert.throws(() => {
        const view = readMessage(hex(bytes));
        void view.properties;
      }, DecodeError);
    });

  const malformedParts: [string, string, (view: ReturnType<typeof readMessage>) => unknown][] = [
    [
      'a property that is a list',
      '00 53 74 c1 05 02 a1 01 61 45 00 53 77 40',
      (v) => v.applicationProperties,
    ],
    ['a property without name', '00 53 74 c1 03 02 40 41 00 53 77 40', (v) => v.applicationProperties],
    ['a data section that holds a string', '00 53 75 a1 01 61', (v) => v.body],
    ['annotations that are a list', '00 53 72 45 00 53 77 40', (v) => v.messageAnnotations],
    ['a message-id that is a list', '00 53 73 c0 02 01 45 00 53 77 40', (v) => v.properties],
  ];
  for (const [what, bytes, part] of malformedParts)
    it(`refuses ${what}, only when it is asked for`, () => {
      const view = readMessage(hex(bytes));
      assert.throws(() => part(view), DecodeError);
    });

  it('keep repeated names and their order', () => {
    const headers: Header[] = [
      ['a', '1'],
      ['__proto__', 'x'],
      ['a', '2'],
    ];
    assert.deepEqual(
      readMessage(
        writeMessage({ applicationProperties: headers, body: { kind: 'data', bytes: Buffer.alloc(0) } }),
      ).applicationProperties,
      headers,
    );
  });

  it('refuse to be written with what AMQP cannot hold', () => {
    const data: MessageBody = { kind: 'data', bytes: Buffer.alloc(0) };
    const bad: MessageParts[] = [
      { body: data, applicationProperties: [['n', 3e9, 'int']] },
      { body: data, properties: { correlationId: new Uuid('no') } },
      { body: data, properties: { messageId: -1n } },
      { body: data, properties: { contentType: 'te€t' } },
      { body: { kind: 'string', bytes: Buffer.from([0xff]) } },
      { body: { kind: 'value', bytes: Buffer.from([0x40, 0x40]) } },
      { body: { kind: 'value', bytes: Buffer.from([0xa1, 9]) } },
      { body: { kind: 'sequence', bytes: Buffer.from([0x40]) } },
    ];
    for (const parts of bad) assert.throws(() => writeMessage(parts), { code: 'invalid-message' });
    // and the next one is whole
    assert.deepEqual(writeMessage({ body: data }), hex('00 53 75 a0 00'));
  });
});
