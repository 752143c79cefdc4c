import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Uuid, type Header, type Identifier } from '../../src/core/envelope.ts';
import {
  fromTextHeaders,
  identifierFromText,
  identifierToText,
  toTextHeaders,
  typesHeader,
} from '../../src/core/headers.ts';

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const value: fc.Arbitrary<readonly [Header[1], Header[2]?]> = fc.oneof(
  fc.string().map((v) => [v] as const),
  fc.boolean().map((v) => [v] as const),
  fc.constant([null] as const),
  fc.double().map((v) => [v] as const),
  fc.float().map((v) => [v, 'float'] as const),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((v) => [v] as const),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((v) => [v, 'ulong'] as const),
  fc.integer({ min: -128, max: 127 }).map((v) => [v, 'byte'] as const),
  fc.integer({ min: 0, max: 65_535 }).map((v) => [v, 'ushort'] as const),
  fc.integer().map((v) => [v, 'int'] as const),
  fc.maxSafeInteger().map((v) => [v, 'timestamp'] as const),
  fc.bigInt({ min: 2n ** 60n, max: 2n ** 63n - 1n }).map((v) => [v, 'timestamp'] as const),
  fc.uint8Array().map((v) => [v] as const),
  bytes(8).map((v) => [v, 'decimal64'] as const),
  fc.uuid().map((v) => [new Uuid(v)] as const),
  fc.string({ unit: 'grapheme', minLength: 1 }).map((v) => [v, 'symbol'] as const),
);
const headers = fc.uniqueArray(
  fc
    .tuple(
      fc.string().filter((n) => n !== typesHeader),
      value,
    )
    .map(([name, v]): Header => (v.length === 1 ? [name, v[0]] : [name, v[0], v[1]])),
  { selector: ([name]) => name },
);

describe('headers as text', () => {
  it('come back with their types and in their order', () => {
    fc.assert(fc.property(headers, (all) => assert.deepEqual(fromTextHeaders(toTextHeaders(all)), all)));
  });

  it('are plain pairs where all are strings, repeats included', () => {
    const pairs: Header[] = [
      ['a', '1'],
      ['a', '2'],
      ['b', ''],
    ];
    assert.deepEqual(toTextHeaders(pairs), pairs);
  });

  it('keep a text that does not fit its declared type', () => {
    assert.deepEqual(
      fromTextHeaders([
        ['n', 'x'],
        [typesHeader, 'n=int;;=;n=;b=nonsense;%=int'],
      ]),
      [['n', 'x']],
    );
  });
});

describe('identifiers as text', () => {
  const identifier: fc.Arbitrary<Identifier> = fc.oneof(
    fc.string(),
    fc.constantFrom('AMQP_UUID:x', 'AMQP_ULONG:7', 'AMQP_STRING:', 'ID:1'),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    fc.uuid().map((v) => new Uuid(v)),
    fc.uint8Array(),
  );
  it('come back as they were', () => {
    fc.assert(
      fc.property(identifier, (id) => assert.deepEqual(identifierFromText(identifierToText(id)), id)),
    );
  });
});
