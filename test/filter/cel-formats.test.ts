import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode as encodeMsgpack } from '@msgpack/msgpack';
import { encode as encodeCbor } from 'cborg';
import type { EnvelopeInit } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { compileCondition, type ConditionSetting } from '../../src/filter/schema.ts';
import { bodyReader } from '../../src/transform/index.ts';
import { message } from '../helpers.ts';

const readers = {
  'application/cbor': await bodyReader('cbor'),
  'application/msgpack': await bodyReader('msgpack'),
};
const decoders = (type: string) => readers[type as keyof typeof readers];

const judge = (
  cel: string | ConditionSetting,
  body: Uint8Array,
  contentType: string | undefined,
  over: Partial<EnvelopeInit> = {},
): boolean =>
  compileCondition(typeof cel === 'string' ? { cel } : cel, decoders).matches(
    message('a', undefined, { body, contentType, ...over }),
  );

const cannot = (run: () => unknown, says: RegExp): void =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof JunctionError && error.code === 'invalid-message', String(error));
    assert.match(error.message, says);
    return true;
  });

/** As many bytes of the same, with a length before them that says so, or lies. */
const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

const order = {
  amount: 150,
  total: 21.5,
  customer: { name: 'Änn', vip: true },
  lines: [{ qty: 0 }, { qty: 3 }],
  nothing: null,
  constructor: 5,
  id: 9007199254740993n,
  least: -(2n ** 63n),
  raw: new Uint8Array([255, 1]),
};

const formats: [name: string, contentType: string, body: Uint8Array][] = [
  ['CBOR', 'application/cbor', encodeCbor(order)],
  ['MessagePack', 'application/msgpack', encodeMsgpack(order, { useBigInt64: true })],
];

for (const [name, contentType, body] of formats)
  describe(`CEL over ${name}`, () => {
    it('sees what it sees of JSON, and bytes', () => {
      for (const text of [
        'body.amount > 100 && body.total == 21.5 && body.amount * 2 == 300',
        'body.customer.vip && body.customer.name.startsWith("Ä")',
        'body.lines.exists(line, line.qty > 2) && !body.lines.all(line, line.qty > 0) && size(body.lines) == 2',
        'body.nothing == null && !has(body.missing) && has(body.nothing)',
        'body.constructor == 5 && !("toString" in body)',
        'body.raw == b"\\xff\\x01"',
      ])
        assert.equal(judge(text, body, contentType), true, text);
      assert.equal(judge('body.amount > 150', body, contentType), false);
      assert.equal(judge('body.amount > 100', body, `${contentType.toUpperCase()}; x=y`), true);
    });

    it('tells whole numbers of 64 bits apart', () => {
      for (const text of [
        'body.id == 9007199254740993 && body.id != 9007199254740992 && body.id > 9007199254740992',
        'body.least == -9223372036854775808 && body.least < -9223372036854775807',
      ])
        assert.equal(judge(text, body, contentType), true, text);
    });

    it('cannot judge what is none, as with JSON that is none', () => {
      cannot(() => judge('body.amount > 1', body.subarray(0, -1), contentType), /body cannot be decoded/);
      cannot(
        () => judge('body.amount > 1', Buffer.concat([body, body]), contentType),
        /body cannot be decoded/,
      );
      cannot(() => judge('body.missing > 1', body, contentType), /No such key: missing/);
      cannot(() => judge('body.a', body, contentType, { contentEncoding: 'gzip' }), /encoding is gzip/);
      cannot(() => judge('body.a', Buffer.alloc((1 << 20) + 1, 0x80), contentType), /more than 1048576/);
      const nested = name === 'CBOR' ? 0x81 : 0x91;
      for (const depth of [129, 1_000_000])
        cannot(
          () => judge('body.a', Buffer.concat([Buffer.alloc(depth, nested), hex('01')]), contentType),
          /body cannot be decoded/,
        );
      assert.equal(judge('priority == 4', hex('ff'), contentType), true, 'it is not asked for');
    });

    it('reads bodies that say nothing, or something else, where the condition says what they are', () => {
      const setting = { cel: 'body.amount > 100', body: name === 'CBOR' ? 'cbor' : 'msgpack' } as const;
      for (const type of [undefined, 'application/octet-stream', 'application/json'])
        assert.equal(judge(setting, body, type), true);
      cannot(() => judge(setting, Buffer.from('{"amount":150}'), 'application/json'), /cannot be decoded/);
      cannot(() => judge('body.amount > 100', body, undefined), /body\.amount/);
      const json = { cel: 'body.amount > 100', body: 'json' } as const;
      assert.equal(judge(json, Buffer.from('{"amount":150}'), contentType), true);
      cannot(() => judge({ cel: 'body == "x"', body: 'text' }, hex('ff'), contentType), /not UTF-8/);
    });
  });

describe('what only these formats have', () => {
  it('is a timestamp, a double or a text where it can be, or cannot be judged', () => {
    const cbor = (text: string, body: string) => judge(text, hex(body), 'application/cbor');
    const msgpack = (text: string, body: string) => judge(text, hex(body), 'application/msgpack');
    // {"t": timestamp 32} of 2024-05-06T07:08:09Z
    const at = (0x6638_8189).toString(16);
    assert.equal(new Date(parseInt(at, 16) * 1000).toISOString().slice(0, 10), '2024-05-06');
    assert.equal(msgpack('body.t > timestamp("2024-05-06T00:00:00Z")', `81 a174 d6ff ${at}`), true);
    assert.equal(msgpack('body.t > timestamp("2024-05-07T00:00:00Z")', `81 a174 d6ff ${at}`), false);
    cannot(() => msgpack('body.t', '81 a174 c70cff 00000000 7fffffffffffffff'), /moment/);
    cannot(() => msgpack('body.t', '81 a174 d405 00'), /extension type 5/);
    // 4([-2, 2715]) is 27.15, 2(h'0100…') a bignum of 65 bits
    assert.equal(cbor('body > 27.1 && body < 27.2', 'c4 82 21 190a9b'), true);
    assert.equal(
      cbor('body > 18446744073709549567.0 && body < 18446744073709559999.0', 'c2 49 010000000000000000'),
      true,
    );
    // {1: "one"} has a key that is a text in JSON, {1: 1, "1": 2} two of one text, {h'': 1} none
    assert.equal(cbor('body["1"] == "one"', 'a1 01 636f6e65'), true);
    cannot(() => cbor('body["1"] == 1', 'a2 01 01 6131 02'), /as text/);
    cannot(() => cbor('size(body) == 1', 'a1 40 01'), /neither text nor a number/);
  });

  it('does not count on lengths that are declared', () => {
    cannot(() => judge('body.a', hex('9b 7fffffffffffffff'), 'application/cbor'), /cannot be decoded/);
    cannot(() => judge('body.a', hex('bb ffffffffffffffff'), 'application/cbor'), /cannot be decoded/);
    cannot(() => judge('body.a', hex('dd ffffffff'), 'application/msgpack'), /cannot be decoded/);
    cannot(() => judge('body.a', hex('c6 ffffffff'), 'application/msgpack'), /cannot be decoded/);
  });
});
