import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import {
  Uuid,
  type Header,
  type HeaderType,
  type HeaderValue,
  type Identifier,
} from '../../src/core/envelope.ts';
import { typeOf, valueFromText } from '../../src/core/header-values.ts';
import { identifierFromText, identifierToText } from '../../src/core/identifier-text.ts';
import { typesHeader } from '../../src/core/reserved-headers.ts';
import { fromTextHeaders, toTextHeaders } from '../../src/core/text-headers.ts';

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

describe('a text that does not fit its declared type stays a string', () => {
  const uuid = '00000000-0000-4000-8000-00000000000';
  const cases: Partial<Record<HeaderType, { fits: [string, HeaderValue][]; not: string[] }>> = {
    ubyte: { fits: [['255', 255]], not: ['256', '-1', '1.5', ''] },
    ushort: { fits: [['65535', 65_535]], not: ['65536', '-1'] },
    uint: { fits: [['4294967295', 4_294_967_295]], not: ['4294967296', '-1'] },
    ulong: {
      fits: [
        ['0', 0n],
        ['18446744073709551615', 2n ** 64n - 1n],
      ],
      not: ['18446744073709551616', '-1', '9'.repeat(1000)],
    },
    byte: {
      fits: [
        ['-128', -128],
        ['127', 127],
      ],
      not: ['-129', '128'],
    },
    short: { fits: [['-32768', -32_768]], not: ['-32769', '32768'] },
    int: { fits: [['-2147483648', -(2 ** 31)]], not: ['-2147483649', '2147483648', '1e3', 'x'] },
    long: {
      fits: [['-9223372036854775808', -(2n ** 63n)]],
      not: ['-9223372036854775809', '9223372036854775808'],
    },
    timestamp: { fits: [['9223372036854775807', 2n ** 63n - 1n]], not: ['9223372036854775808', 'now'] },
    uuid: { fits: [[`${uuid}a`, new Uuid(`${uuid}a`)]], not: [uuid, `${uuid}g`, 'x', ''] },
    char: {
      fits: [
        ['a', 'a'],
        ['\u{1f600}', '\u{1f600}'],
      ],
      not: ['', 'ab', 'a\u0301'],
    },
    binary: { fits: [['AQI=', Uint8Array.of(1, 2)]], not: ['%%', 'AQI', 'A QI='] },
    decimal32: { fits: [['AQIDBA==', Uint8Array.of(1, 2, 3, 4)]], not: ['AQI=', ''] },
    decimal64: { fits: [['AQIDBAUGBwg=', Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]], not: ['AQIDBA=='] },
    decimal128: { fits: [[`${'A'.repeat(22)}==`, new Uint8Array(16)]], not: ['AQIDBAUGBwg='] },
  };
  for (const [type, { fits, not }] of Object.entries(cases) as [
    HeaderType,
    NonNullable<(typeof cases)['int']>,
  ][])
    it(type, () => {
      for (const [text, value] of fits) {
        const [, got, declared] = valueFromText('n', text, type);
        assert.deepEqual(got, value);
        assert.equal(typeOf(got, declared), type);
      }
      for (const text of not) assert.deepEqual(valueFromText('n', text, type), ['n', text]);
    });
});

describe('identifiers as text', () => {
  it('stay as they are where they do not fit their prefix', () => {
    for (const text of [
      'AMQP_UUID:x',
      'AMQP_UUID:',
      `AMQP_ULONG:${2n ** 64n}`,
      'AMQP_ULONG:-1',
      'AMQP_BINARY:0',
    ])
      assert.equal(identifierFromText(text), text);
    assert.equal(identifierFromText('AMQP_ULONG:18446744073709551615'), 2n ** 64n - 1n);
  });

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
