import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decode as decodePeer, encode as encodePeer } from '@msgpack/msgpack';
import * as cborg from 'cborg';
import fc from 'fast-check';
import { decodeCbor, encodeCbor } from '../../src/transform/cbor.ts';
import { avroFormat } from '../../src/transform/avro.ts';
import { decodeJson, encodeJson } from '../../src/transform/json.ts';
import { decodeMsgpack, encodeMsgpack } from '../../src/transform/msgpack.ts';
import { numberFromText } from '../../src/transform/values.ts';

const text = fc.string({ unit: 'binary' });
const double = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const whole = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })
  .map((value) => numberFromText(String(value)));
const large = fc
  .bigInt({ min: -(2n ** 300n), max: 2n ** 300n })
  .map((value) => numberFromText(String(value)));
const digits = fc
  .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: -50, max: 50 }))
  .map(([mantissa, exponent]) => numberFromText(`${mantissa}e${exponent}`));

/** Whatever JSON can hold of these values, names that mean something to JavaScript included. */
const anything = (...leaves: fc.Arbitrary<unknown>[]) =>
  fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      ...leaves,
      fc.array(tie('value')),
      fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', 'constructor', '')), tie('value')),
    ),
  })).value;

const common = [text, double, fc.boolean(), fc.constant(null)];
const written = (value: unknown): string => Buffer.from(encodeJson(value)).toString();
const read = (json: string): unknown => decodeJson(Buffer.from(json));

const ints = anything(...common, fc.maxSafeInteger(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }));

describe('formats, there and back', () => {
  it('keep all of JSON in CBOR', () => {
    fc.assert(
      fc.property(anything(...common, whole, large, digits), (value) => {
        const json = written(value);
        assert.equal(numeric(written(decodeCbor(encodeCbor(read(json))))), numeric(json));
      }),
    );
  });

  it('are CBOR as another library reads and writes it', () => {
    fc.assert(
      fc.property(ints, (value) => {
        const bytes = encodeCbor(value);
        const peer: unknown = cborg.decode(bytes);
        assert.deepEqual(Buffer.from(encodeCbor(peer)), Buffer.from(bytes));
        assert.equal(written(decodeCbor(cborg.encode(peer, { float64: true }))).length, written(peer).length);
      }),
    );
  });

  it('keep all of JSON but decimals in MessagePack, which another library reads and writes', () => {
    fc.assert(
      fc.property(anything(...common, whole), (value) => {
        const json = written(value);
        const bytes = encodeMsgpack(read(json));
        assert.equal(written(decodeMsgpack(bytes)), json);
        if (!json.includes('"__proto__"')) {
          const peer = decodePeer(bytes, { useBigInt64: true });
          assert.equal(written(decodeMsgpack(encodePeer(peer, { useBigInt64: true }))), written(peer));
        }
      }),
    );
  });

  it('keep bytes and keys that are no text between CBOR and MessagePack', () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value));
    const map = fc
      .uniqueArray(fc.tuple(fc.oneof(fc.integer(), text), bytes), { selector: ([key]) => key, maxLength: 20 })
      .map((entries) => new Map<unknown, unknown>([[-1, null], ...entries.filter(([key]) => key !== -1)]));
    fc.assert(
      fc.property(map, (value) => {
        const cbor = encodeCbor(value);
        assert.deepEqual(encodeCbor(decodeMsgpack(encodeMsgpack(decodeCbor(cbor)))), cbor);
      }),
    );
  });

  it('keep JSON numbers as they are, or exactly what they are', () => {
    fc.assert(
      fc.property(fc.oneof(double, whole, large, digits), (value) => {
        const json = written(value);
        assert.equal(written(read(json)), json);
      }),
    );
    for (const same of ['-0', '0.1', '9007199254740993', '1.00000000000000000001', '1e400'])
      assert.equal(written(read(same)), same);
    assert.equal(written(read('0.10000000000000000')), '0.1');
    assert.equal(written(read('1E2')), '100');
  });

  it('keep what an Avro schema describes', () => {
    const format = avroFormat([
      {
        type: 'record',
        name: 'R',
        fields: [
          { name: 'l', type: 'long' },
          { name: 'u', type: ['null', 'double', 'string', { type: 'array', items: 'bytes' }] },
          { name: 'm', type: { type: 'map', values: ['boolean', 'R'] } },
          { name: 'd', type: { type: 'bytes', logicalType: 'decimal', precision: 40, scale: 10 } },
        ],
      },
    ]);
    const leaf = {
      l: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => numberFromText(String(value))),
      u: fc.oneof(
        fc.constant(null),
        double,
        text,
        fc.array(fc.uint8Array().map((value) => Buffer.from(value).toString('base64'))),
      ),
      d: fc
        .bigInt({ min: -(10n ** 40n) + 1n, max: 10n ** 40n - 1n })
        .map((value) => numberFromText(`${value}e-10`)),
    };
    const record = fc.letrec((tie) => ({
      r: fc.record({
        ...leaf,
        m: fc.dictionary(text, fc.oneof({ depthSize: 'small' }, fc.boolean(), tie('r')), { maxKeys: 3 }),
      }),
    })).r;
    fc.assert(
      fc.property(record, (value) => {
        const json = numeric(written(value));
        const back = numeric(written(format.decode(format.encode(read(written(value))) as Uint8Array)));
        assert.deepEqual(JSON.parse(back), JSON.parse(json));
      }),
    );
  });
});

/** Numbers in one way of writing, so that those that are equal are the same text. */
function numeric(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (found) => {
    if (found.startsWith('"')) return found;
    const [, sign, whole, fraction = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(
      found,
    )!;
    const all = `${whole}${fraction}`.replace(/^0+/, '');
    const digits = all.replace(/0+$/, '');
    return digits === ''
      ? '0'
      : `"${sign}${digits}e${Number(exponent) - fraction.length + all.length - digits.length}"`;
  });
}
