import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Uuid } from '../../../../src/core/envelope.ts';
import { Cursor } from '../../../../src/protocols/amqp/codec/cursor.ts';
import { decodeValue } from '../../../../src/protocols/amqp/codec/decode.ts';
import { encodeValue } from '../../../../src/protocols/amqp/codec/encode.ts';
import {
  AmqpArray,
  AmqpMap,
  DecodeError,
  Described,
  symbol,
  Typed,
  type AmqpValue,
} from '../../../../src/protocols/amqp/codec/types.ts';
import { Writer } from '../../../../src/protocols/amqp/codec/writer.ts';
import { types } from '../raw.ts';
import { anyValue } from './values.ts';

const encode = (value: AmqpValue): Buffer => {
  const writer = new Writer(16);
  encodeValue(writer, value);
  return writer.take();
};
const decode = (bytes: Buffer): AmqpValue => {
  const cursor = new Cursor(bytes);
  const value = decodeValue(cursor);
  assert.equal(cursor.pos, bytes.length);
  return value;
};
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('AMQP values', () => {
  it('come back equal, whatever their type', () => {
    fc.assert(
      fc.property(anyValue, (value) => assert.deepEqual(decode(encode(value)), value)),
      { numRuns: 2_000 },
    );
  });

  it('are skipped by as many bytes as they take', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        const bytes = encode(value);
        const cursor = new Cursor(bytes);
        cursor.skip();
        assert.equal(cursor.pos, bytes.length);
      }),
    );
  });

  it('cut short anywhere are refused, never read beyond their end', () => {
    fc.assert(
      fc.property(anyValue, fc.nat(), (value, cut) => {
        const bytes = encode(value);
        const end = cut % bytes.length;
        assert.throws(() => decodeValue(new Cursor(bytes, 0, end)), DecodeError);
      }),
    );
  });

  // AMQP 1.0 §1.6: every encoding, with the bytes that the specification gives for it.
  const encodings: [string, AmqpValue, canonical?: string][] = [
    ['40', null],
    ['41', true],
    ['42', false],
    ['56 01', true, '41'],
    ['56 00', false, '42'],
    ['50 ff', new Typed('ubyte', 255)],
    ['60 ffff', new Typed('ushort', 65_535)],
    ['70 ffffffff', new Typed('uint', 0xffff_ffff)],
    ['52 ff', new Typed('uint', 255)],
    ['70 000000ff', new Typed('uint', 255), '52 ff'],
    ['43', new Typed('uint', 0)],
    ['80 ffffffffffffffff', new Typed('ulong', 0xffff_ffff_ffff_ffffn)],
    ['53 80', new Typed('ulong', 128n)],
    ['44', new Typed('ulong', 0n)],
    ['51 80', new Typed('byte', -128)],
    ['61 8000', new Typed('short', -32_768)],
    ['71 80000000', new Typed('int', -0x8000_0000)],
    ['54 80', new Typed('int', -128)],
    ['81 7fffffffffffffff', 0x7fff_ffff_ffff_ffffn],
    ['81 8000000000000000', -0x8000_0000_0000_0000n],
    ['55 ff', -1n],
    ['72 3fc00000', new Typed('float', 1.5)],
    ['82 bff8000000000000', -1.5],
    ['74 01020304', new Typed('decimal32', new Uint8Array([1, 2, 3, 4]))],
    ['84 0102030405060708', new Typed('decimal64', new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]))],
    [
      '94 000102030405060708090a0b0c0d0e0f',
      new Typed('decimal128', new Uint8Array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])),
    ],
    ['73 0001f600', new Typed('char', '😀')],
    ['83 00000136 19d0ab68'.replaceAll(' ', ''), new Typed('timestamp', 0x136_19d0_ab68)],
    ['98 00112233445566778899aabbccddeeff', new Uuid('00112233-4455-6677-8899-aabbccddeeff')],
    ['a0 02 00ff', new Uint8Array([0, 255])],
    ['b0 00000002 00ff', new Uint8Array([0, 255]), 'a0 02 00ff'],
    ['a1 02 c3a9', 'é'],
    ['b1 00000002 c3a9', 'é', 'a1 02 c3a9'],
    ['a3 01 61', symbol('a')],
    ['b3 00000001 61', symbol('a'), 'a3 01 61'],
    ['45', []],
    ['c0 01 00', [], '45'],
    ['c0 03 02 41 40', [true, null]],
    ['d0 00000006 00000002 41 40', [true, null], 'c0 03 02 41 40'],
    ['c1 01 00', new AmqpMap([])],
    ['c1 04 02 43 a1 00', new AmqpMap([[new Typed('uint', 0), '']])],
    ['d1 00000006 00000002 41 42', new AmqpMap([[true, false]]), 'c1 03 02 41 42'],
    [
      'e0 04 02 50 01 02',
      new AmqpArray('ubyte', [new Typed('ubyte', 1), new Typed('ubyte', 2)]),
      'f0 00000007 00000002 50 01 02',
    ],
    ['f0 00000009 00000002 a3 01 61 01 62', new AmqpArray('symbol', [symbol('a'), symbol('b')])],
    [
      'f0 00000009 00000001 00 53 05 50 07',
      new AmqpArray('ubyte', [new Typed('ubyte', 7)], [new Typed('ulong', 5n)]),
    ],
    ['e0 02 03 40', new AmqpArray('null', [null, null, null]), 'f0 00000005 00000003 40'],
    ['00 a3 01 75 a1 01 78', new Described(symbol('u'), 'x')],
  ];
  for (const [bytes, value, canonical] of encodings)
    it(`${bytes} is read, and written as ${canonical ?? 'it is'}`, () => {
      assert.deepEqual(decode(hex(bytes)), value);
      assert.equal(encode(value).toString('hex'), hex(canonical ?? bytes).toString('hex'));
    });

  const malformed: [string, string][] = [
    ['an unknown format code', '46'],
    ['a boolean of 2', '56 02'],
    ['a string that is not UTF-8', 'a1 01 ff'],
    ['a char beyond Unicode', '73 00110000'],
    ['a map with an odd count', 'c1 02 01 40'],
    ['a list longer than its size says', 'c0 02 02 41 41'],
    ['a list shorter than its size says', 'c0 03 01 41 41'],
    ['a list of four billion', 'd0 00000004 ffffffff'],
    ['an array of four billion nulls', 'f0 00000005 ffffffff 40'],
    ['an array of four billion empty lists', 'f0 00000005 ffffffff 45'],
    ['an array of four billion ulongs', 'f0 00000005 ffffffff 80'],
    ['an array in an array without end', 'f0 00000005 ffffffff f0'],
    ['a binary of four gigabytes', 'b0 ffffffff 00'],
    ['lists nested 33 deep', nested(33)],
    ['descriptors nested 40 deep', `${'00 '.repeat(40)}40 ${'40 '.repeat(40)}`],
  ];
  for (const [what, bytes] of malformed)
    it(`refuses ${what}`, () => {
      assert.throws(() => decodeValue(new Cursor(hex(bytes))), DecodeError);
    });

  it('takes lists nested 32 deep', () => {
    assert.ok(Array.isArray(decode(hex(nested(32)))));
  });

  const unfit: [string, AmqpValue][] = [
    ['a uint of -1', new Typed('uint', -1)],
    ['a byte of 200', new Typed('byte', 200)],
    ['an int of 1.5', new Typed('int', 1.5)],
    ['a ulong of 2^64', new Typed('ulong', 1n << 64n)],
    ['a long of 2^63', 1n << 63n],
    ['a char of two characters', new Typed('char', 'ab')],
    ['a symbol beyond one byte', symbol('€')],
    ['a symbol beyond ASCII', symbol('é')],
    ['an array with a symbol beyond ASCII', new AmqpArray('symbol', [symbol('a'), symbol('é')])],
    ['a decimal32 of five bytes', new Typed('decimal32', new Uint8Array(5))],
    ['a UUID that is none', new Uuid('zzz')],
    ['an array of mixed types', new AmqpArray('uint', [new Typed('int', 1)])],
  ];
  for (const [what, value] of unfit)
    it(`cannot write ${what}`, () => {
      assert.throws(() => encode(value), { code: 'invalid-message' });
    });
});

/** A list in a list, so many in all; the innermost is empty. */
function nested(levels: number): string {
  let bytes = hex('45');
  for (let i = 1; i < levels; i++) bytes = Buffer.concat([Buffer.from([0xc0, bytes.length + 1, 1]), bytes]);
  return bytes.toString('hex');
}

describe('rhea, as an independent codec', () => {
  interface RheaValue {
    value: unknown;
    type: { name: string };
  }
  const read = (bytes: Buffer): RheaValue => {
    const Reader = types.Reader as unknown as new (b: Buffer) => { read(): RheaValue };
    return new Reader(bytes).read();
  };
  const write = (value: unknown): Buffer => {
    const RheaWriter = types.Writer as unknown as new () => { write(v: unknown): void; toBuffer(): Buffer };
    const writer = new RheaWriter();
    writer.write(value);
    return Buffer.from(writer.toBuffer());
  };

  const both: [string, AmqpValue, unknown][] = [
    ['wrap_ubyte', new Typed('ubyte', 200), 200],
    ['wrap_ushort', new Typed('ushort', 60_000), 60_000],
    ['wrap_uint', new Typed('uint', 4_000_000_000), 4_000_000_000],
    ['wrap_uint', new Typed('uint', 7), 7],
    ['wrap_uint', new Typed('uint', 0), 0],
    ['wrap_ulong', new Typed('ulong', 9_007_199_254_740_991n), 9_007_199_254_740_991],
    ['wrap_byte', new Typed('byte', -5), -5],
    ['wrap_short', new Typed('short', -500), -500],
    ['wrap_int', new Typed('int', -70_000), -70_000],
    ['wrap_int', new Typed('int', -7), -7],
    ['wrap_long', -9_007_199_254_740_000n, -9_007_199_254_740_000],
    ['wrap_long', -7n, -7],
    ['wrap_float', new Typed('float', 1.5), 1.5],
    ['wrap_double', 2.25, 2.25],
    ['wrap_boolean', true, true],
    ['wrap_boolean', false, false],
    ['wrap_char', new Typed('char', 'A'), 65],
    ['wrap_string', 'häuser', 'häuser'],
    ['wrap_string', 'x'.repeat(300), 'x'.repeat(300)],
    ['wrap_symbol', symbol('amqp:x'), 'amqp:x'],
  ];
  for (const [wrap, ours, theirs] of both)
    it(`reads and writes ${wrap.slice(5)} ${String(theirs).slice(0, 20)} as we do`, () => {
      assert.deepEqual(read(encode(ours)).value, theirs);
      assert.deepEqual(decode(write(types[wrap]!(theirs))), ours);
    });

  it('reads the lists, maps and arrays that we write, and we its', () => {
    const list = encode(['a', [true], new AmqpMap([[symbol('k'), 'v']])]);
    assert.deepEqual((types.unwrap as (v: unknown) => unknown)(read(list)), ['a', [true], { k: 'v' }]);
    assert.deepEqual(decode(write(types.wrap_list!(['a', [true]]))), ['a', [true]]);
    assert.deepEqual(decode(write(types.wrap_symbolic_map!({ k: 'v' }))), new AmqpMap([[symbol('k'), 'v']]));
    const array = new AmqpArray('symbol', [symbol('a'), symbol('b')]);
    assert.deepEqual((types.unwrap as (v: unknown) => unknown)(read(encode(array))), ['a', 'b']);
    assert.deepEqual(decode(write(types.wrap_array!(['a', 'b'], 0xa3))), array);
  });
});
