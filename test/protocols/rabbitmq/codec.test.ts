import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameReader } from '../../../src/protocols/rabbitmq/codec/frame-reader.ts';
import { readProperties, writeProperties } from '../../../src/protocols/rabbitmq/codec/properties.ts';
import { Malformed, Reader } from '../../../src/protocols/rabbitmq/codec/reader.ts';
import {
  readTable,
  writeTable,
  type Field,
  type Table,
} from '../../../src/protocols/rabbitmq/codec/table.ts';
import { Writer } from '../../../src/protocols/rabbitmq/codec/writer.ts';
import { fieldFromJson, fieldToJson } from '../../../src/protocols/rabbitmq/nested.ts';

/** amqplib's own codec, which its package does not export: an independent reading of the same bytes. */
const amqplib = createRequire(import.meta.url)('../../../node_modules/amqplib/lib/codec.js') as {
  encodeTable(buffer: Buffer, table: object, offset: number): number;
  decodeFields(bytes: Buffer): Record<string, unknown>;
};

const int = (min: number, max: number) => fc.integer({ min, max });
const field = fc.letrec<{ field: Field; table: Table }>((tie) => ({
  field: fc.oneof(
    { maxDepth: 3 },
    fc.boolean().map((value): Field => ({ tag: 't', value })),
    int(-128, 127).map((value): Field => ({ tag: 'b', value })),
    int(0, 255).map((value): Field => ({ tag: 'B', value })),
    int(-32768, 32767).map((value): Field => ({ tag: 's', value })),
    int(0, 65535).map((value): Field => ({ tag: 'u', value })),
    int(-(2 ** 31), 2 ** 31 - 1).map((value): Field => ({ tag: 'I', value })),
    int(0, 2 ** 32 - 1).map((value): Field => ({ tag: 'i', value })),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value): Field => ({ tag: 'l', value })),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((value): Field => ({ tag: 'T', value })),
    fc.float().map((value): Field => ({ tag: 'f', value })),
    fc.double().map((value): Field => ({ tag: 'd', value })),
    fc
      .record({ places: int(0, 255), digits: int(0, 2 ** 32 - 1) }, { noNullPrototype: true })
      .map((value): Field => ({ tag: 'D', value })),
    fc.string({ unit: 'grapheme' }).map((value): Field => ({ tag: 'S', value })),
    fc.uint8Array().map((value): Field => ({ tag: 'x', value: Buffer.from(value) })),
    fc.constant<Field>({ tag: 'V', value: null }),
    fc.array(tie('field'), { maxLength: 4 }).map((value): Field => ({ tag: 'A', value })),
    tie('table').map((value): Field => ({ tag: 'F', value })),
  ),
  table: fc.array(
    fc.tuple(fc.oneof(fc.string({ maxLength: 20 }), fc.constantFrom('!', '1', '__proto__')), tie('field')),
    {
      maxLength: 5,
    },
  ),
}));

function encoded(table: Table): Buffer {
  const writer = new Writer(8);
  writeTable(writer, table);
  return writer.take();
}

/** What amqplib makes of a field, which is less than there is. */
function asAmqplib({ tag, value }: Field): unknown {
  switch (tag) {
    case 'l':
      return Number(value);
    case 'T':
      return { '!': 'timestamp', value: Number(value) };
    case 'D':
      return { '!': 'decimal', value };
    case 'A':
      return value.map(asAmqplib);
    case 'F':
      return Object.fromEntries(value.map(([name, inner]) => [name, asAmqplib(inner)]));
    default:
      return value;
  }
}

describe('field tables', () => {
  it('come back as they were, with the type of every value', () => {
    fc.assert(
      fc.property(field.table, (table) => assert.deepEqual(readTable(new Reader(encoded(table))), table)),
      { numRuns: 500 },
    );
  });

  it('are read by amqplib as we wrote them', () => {
    const plain = field.table.filter((table) => !JSON.stringify(table, bigints).includes('__proto__'));
    fc.assert(
      fc.property(plain, (table) => {
        const read = amqplib.decodeFields(encoded(table).subarray(4));
        assert.deepEqual({ ...read }, asAmqplib({ tag: 'F', value: table }));
      }),
    );
  });

  it('are read by us as amqplib wrote them, with the types that it is told', () => {
    const buffer = Buffer.alloc(1000);
    const typed = (type: string, value: unknown) => ({ '!': type, value });
    const size = amqplib.encodeTable(
      buffer,
      {
        int8: typed('int8', -5),
        uint8: typed('uint8', 250),
        int16: typed('int16', -300),
        uint16: typed('uint16', 60_000),
        int32: typed('int32', -70_000),
        uint32: typed('uint32', 4_000_000_000),
        int64: typed('int64', 9_007_199_254_740_993n),
        float: typed('float', 0.5),
        double: typed('double', 3),
        time: typed('timestamp', 1_700_000_000),
        decimal: typed('decimal', { places: 2, digits: 314 }),
        bytes: Buffer.from([0, 255]),
        none: null,
        list: ['a', true, [1.5]],
        inner: { text: 'grün' },
      },
      0,
    );
    assert.deepEqual(readTable(new Reader(buffer.subarray(0, size))), [
      ['int8', { tag: 'b', value: -5 }],
      ['uint8', { tag: 'B', value: 250 }],
      ['int16', { tag: 's', value: -300 }],
      ['uint16', { tag: 'u', value: 60_000 }],
      ['int32', { tag: 'I', value: -70_000 }],
      ['uint32', { tag: 'i', value: 4_000_000_000 }],
      ['int64', { tag: 'l', value: 9_007_199_254_740_993n }],
      ['float', { tag: 'f', value: 0.5 }],
      ['double', { tag: 'd', value: 3 }],
      ['time', { tag: 'T', value: 1_700_000_000n }],
      ['decimal', { tag: 'D', value: { places: 2, digits: 314 } }],
      ['bytes', { tag: 'x', value: Buffer.from([0, 255]) }],
      ['none', { tag: 'V', value: null }],
      [
        'list',
        {
          tag: 'A',
          value: [
            { tag: 'S', value: 'a' },
            { tag: 't', value: true },
            { tag: 'A', value: [{ tag: 'd', value: 1.5 }] },
          ],
        },
      ],
      ['inner', { tag: 'F', value: [['text', { tag: 'S', value: 'grün' }]] }],
    ]);
  });

  it('come back from their form in JSON', () => {
    fc.assert(
      fc.property(field.field, (value) => assert.deepEqual(fieldFromJson(fieldToJson(value)), value)),
      { numRuns: 500 },
    );
    assert.equal(fieldFromJson('{"!":"b","value":300}'), undefined);
    assert.equal(fieldFromJson('no json'), undefined);
  });

  it('are refused where they are nested without end, cut short or of an unknown type', () => {
    let deep: Field = { tag: 'V', value: null };
    for (let depth = 0; depth < 50; depth++) deep = { tag: 'A', value: [deep] };
    assert.throws(() => readTable(new Reader(encoded([['a', deep]]))), Malformed);
    const whole = encoded([['a', { tag: 'S', value: 'text' }]]);
    for (let length = 0; length < whole.length; length++)
      assert.throws(() => readTable(new Reader(whole.subarray(0, length))), Malformed);
    assert.throws(() => readTable(new Reader(Buffer.from([0, 0, 0, 3, 1, 97, 0x3f]))), Malformed);
  });
});

const bigints = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

describe('properties', () => {
  const short = fc.string({ maxLength: 50 });
  const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
  const octet = int(0, 255);

  it('come back as they were', () => {
    const any = fc.record(
      {
        contentType: maybe(short),
        contentEncoding: maybe(short),
        headers: maybe(field.table),
        deliveryMode: maybe(octet),
        priority: maybe(octet),
        correlationId: maybe(short),
        replyTo: maybe(short),
        expiration: maybe(short),
        messageId: maybe(short),
        timestamp: maybe(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
        type: maybe(short),
        userId: maybe(short),
        appId: maybe(short),
        clusterId: maybe(short),
      },
      { noNullPrototype: true },
    );
    fc.assert(
      fc.property(any, (properties) => {
        const writer = new Writer();
        writeProperties(writer, properties);
        assert.deepEqual(readProperties(writer.take()), properties);
      }),
    );
  });
});

describe('frames', () => {
  const frame = (type: number, channel: number, payload: Buffer): Buffer => {
    const head = Buffer.alloc(7);
    head[0] = type;
    head.writeUInt16BE(channel, 1);
    head.writeUInt32BE(payload.length, 3);
    return Buffer.concat([head, payload, Buffer.of(0xce)]);
  };

  it('are found however the stream is cut', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(payloads, fc.array(int(1, 50), { minLength: 1 }), (all, cuts) => {
        const stream = Buffer.concat(all.map((payload, n) => frame(3, n, Buffer.from(payload))));
        const found: [number, Buffer][] = [];
        const reader = new FrameReader(300);
        for (let at = 0, n = 0; at < stream.length; n++) {
          const end = at + cuts[n % cuts.length]!;
          reader.feed(
            stream.subarray(at, end),
            (_, channel, payload) => !!found.push([channel, Buffer.from(payload)]),
          );
          at = end;
        }
        assert.deepEqual(
          found,
          all.map((payload, n) => [n, Buffer.from(payload)]),
        );
      }),
    );
  });

  it('are refused by their header where they are too large, and where their end is wrong', () => {
    const feed = (bytes: Buffer) => () => new FrameReader(100).feed(bytes, () => true);
    assert.throws(feed(frame(1, 0, Buffer.alloc(101)).subarray(0, 7)), Malformed);
    assert.throws(feed(Buffer.from('AMQP\0\0\x09\x01')), /another version/);
    const wrong = frame(1, 0, Buffer.alloc(10));
    wrong[wrong.length - 1] = 0;
    assert.throws(feed(wrong), Malformed);
  });
});
