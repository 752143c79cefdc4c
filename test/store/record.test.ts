import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { unpack } from 'msgpackr';
import {
  bodyTypes,
  envelope,
  headerTypes,
  Uuid,
  type Header,
  type HeaderType,
} from '../../src/core/envelope.ts';
import { decodeRecord, encodeRecord } from '../../src/store/record.ts';

const text = fc.string({ unit: 'binary' });
const bytes = fc.uint8Array({ maxLength: 300 });
const uuid = fc.uuid().map((each) => new Uuid(each));
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const ulong = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const identifier = fc.oneof(text, ulong, bytes, uuid);
const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });

const typed = (type: HeaderType, value: fc.Arbitrary<Header[1]>): fc.Arbitrary<Header> =>
  fc.tuple(text, value).map(([name, each]): Header => [name, each, type]);
const header: fc.Arbitrary<Header> = fc.oneof(
  fc
    .tuple(
      text,
      fc.oneof(text, fc.double(), fc.integer(), long, fc.boolean(), bytes, uuid, fc.constant(null)),
    )
    .map(([name, value]): Header => [name, value]),
  typed('null', fc.constant(null)),
  typed('boolean', fc.boolean()),
  ...(['ubyte', 'ushort', 'uint', 'byte', 'short', 'int'] as const).map((type) => typed(type, fc.integer())),
  ...(['float', 'double'] as const).map((type) => typed(type, fc.double())),
  typed('ulong', ulong),
  typed('long', long),
  ...(['decimal32', 'decimal64', 'decimal128', 'binary'] as const).map((type) => typed(type, bytes)),
  typed('timestamp', fc.oneof(long, fc.integer())),
  typed('uuid', uuid),
  ...(['char', 'string', 'symbol'] as const).map((type) => typed(type, text)),
);

const message = fc
  .record({
    id: optional(identifier),
    address: text,
    body: fc.option(bytes),
    bodyType: fc.constantFrom('data', 'string', 'binary', 'value', 'sequence'),
    headers: fc.array(header),
    contentType: optional(text),
    contentEncoding: optional(text),
    subject: optional(text),
    correlationId: optional(identifier),
    replyTo: optional(text),
    key: optional(text),
    priority: optional(fc.nat(9)),
    durable: fc.boolean(),
    expiresAt: optional(fc.nat({ max: Number.MAX_SAFE_INTEGER })),
    timestamp: optional(fc.integer({ min: -(2 ** 53) + 1, max: 2 ** 53 - 1 })),
    deliveryCount: fc.nat(),
    hops: fc.nat(),
    via: fc.array(text),
    retain: fc.boolean(),
  })
  .map((each) => envelope(each));

/** assert compares a Buffer with a Uint8Array as different. */
const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uuid || value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
};

/** As they are on the disks of those who run this. New ones go to the end; no other change is one that their stores survive. */
const headerTypesOnDisk = [
  ...[
    'null',
    'boolean',
    'ubyte',
    'ushort',
    'uint',
    'ulong',
    'byte',
    'short',
    'int',
    'long',
    'float',
    'double',
  ],
  ...['decimal32', 'decimal64', 'decimal128', 'char', 'timestamp', 'uuid', 'binary', 'string', 'symbol'],
];
const bodyTypesOnDisk = ['data', 'string', 'binary', 'value', 'sequence'];

test('types keep their numbers on the disk', () => {
  assert.deepStrictEqual(headerTypes, headerTypesOnDisk);
  assert.deepStrictEqual(bodyTypes, bodyTypesOnDisk);
  for (const [index, bodyType] of bodyTypes.entries()) {
    const headers = headerTypes.map((type): Header => [type, null, type]);
    const record = encodeRecord(envelope({ address: 'a', body: null, bodyType, headers }), []);
    // a byte of version and four of checksum
    const fields = unpack(record.subarray(5)) as unknown[];
    assert.strictEqual(fields[4], index);
    const written = headerTypesOnDisk.flatMap((type, place) => [type, null, place + 1]);
    assert.deepStrictEqual(fields[5], written);
  }
});

test('every field and type of a message comes back from its record', () => {
  fc.assert(
    fc.property(message, fc.array(fc.oneof(text, fc.integer(), fc.constant(null))), (each, extra) => {
      const back = decodeRecord(encodeRecord(each, extra));
      assert.deepStrictEqual(plain(back.message), plain(each));
      assert.deepStrictEqual(back.extra, extra);
    }),
    { numRuns: 2000 },
  );
});

test('a record with any byte changed is refused', () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.integer({ min: 1, max: 255 }), (each, at, change) => {
      const record = Buffer.from(encodeRecord(each, [1]));
      record[at % record.length]! ^= change;
      assert.throws(() => decodeRecord(record), /stored record (is damaged|has version)/);
    }),
    { numRuns: 1000 },
  );
});

test('a record that is cut is refused, whatever its length', () => {
  const record = encodeRecord(envelope({ address: 'a', body: Buffer.from('body') }), [1]);
  for (let length = 0; length < record.length; length++)
    assert.throws(() => decodeRecord(record.subarray(0, length)), /stored record (is damaged|has version)/);
});

test('origin is not stored', () => {
  const each = envelope({ address: 'a', body: null, origin: { raw: 1 } });
  assert.equal(decodeRecord(encodeRecord(each, [])).message.origin, undefined);
});

test('records made one after the other do not share memory', () => {
  const records = Array.from({ length: 500 }, (_, i) =>
    encodeRecord(envelope({ address: String(i), body: Buffer.alloc(i * 7, i) }), [i]),
  );
  records.forEach((record, i) => assert.equal(decodeRecord(record).message.address, String(i)));
});
