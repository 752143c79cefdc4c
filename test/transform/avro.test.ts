import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import avsc from 'avsc';
import { avroFormat } from '../../src/transform/avro.ts';
import { decodeJson, encodeJson } from '../../src/transform/json.ts';

/** Through Avro and back to JSON. */
function round(schema: unknown, json: string): string {
  const format = avroFormat([schema]);
  const bytes = format.encode(decodeJson(Buffer.from(json))) as Uint8Array;
  return Buffer.from(encodeJson(format.decode(bytes))).toString();
}

const record = (...fields: unknown[]) => ({ type: 'record', name: 'acme.R', fields });

describe('Avro', () => {
  const cases: [string, unknown, string, string?][] = [
    [
      '64-bit numbers',
      { type: 'array', items: 'long' },
      '[9223372036854775807,-9223372036854775808,0,-1,1073741824]',
    ],
    ['texts of numbers', 'long', '"9223372036854775807"', '9223372036854775807'],
    ['bytes in base64', { type: 'map', values: 'bytes' }, '{"a":"AP8=","__proto__":""}'],
    ['fixed', { type: 'fixed', name: 'F', size: 2 }, '"AP8="'],
    ['enums', { type: 'enum', name: 'E', symbols: ['A', 'B'] }, '"B"'],
    ['a union with null', ['null', 'string'], '"x"'],
    ['null in a union', ['null', 'string'], 'null'],
    ['unions of two numbers', ['int', 'double'], '{"double":2}'],
    ['unions of two numbers, by their values', ['int', 'double'], '2.5', '{"double":2.5}'],
    [
      'decimals',
      { type: 'bytes', logicalType: 'decimal', precision: 30, scale: 4 },
      '-12345678901234567890.1234',
    ],
    [
      'fixed decimals',
      { type: 'fixed', name: 'D', size: 4, logicalType: 'decimal', precision: 8, scale: 2 },
      '-1.25',
    ],
    ['dates', { type: 'int', logicalType: 'date' }, '"1969-12-31"'],
    ['times', { type: 'long', logicalType: 'time-micros' }, '"23:59:59.000001"'],
    ['moments', { type: 'long', logicalType: 'timestamp-millis' }, '"1969-12-31T23:59:59.999Z"'],
    [
      'moments of microseconds',
      { type: 'long', logicalType: 'timestamp-micros' },
      '"2024-02-29T12:00:00.000001Z"',
    ],
    [
      'local moments',
      { type: 'long', logicalType: 'local-timestamp-nanos' },
      '"2024-02-29T12:00:00.000000001"',
    ],
    ['uuids', { type: 'string', logicalType: 'uuid' }, '"8f14e45f-ceea-467f-a0d2-000000000000"'],
    [
      'uuids of 16 bytes',
      { type: 'fixed', name: 'U', size: 16, logicalType: 'uuid' },
      '"8f14e45f-ceea-467f-a0d2-000000000000"',
    ],
    ['an unknown logical type', { type: 'string', logicalType: 'color' }, '"red"'],
    [
      'defaults',
      record(
        { name: 'a', type: 'long', default: 5 },
        { name: 'b', type: ['null', 'long'], default: null },
        {
          name: 'c',
          type: { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 2 },
          default: '\u0001',
        },
      ),
      '{}',
      '{"a":5,"b":null,"c":0.01}',
    ],
    [
      'records that hold themselves',
      record({ name: 'next', type: ['null', 'acme.R'] }),
      '{"next":{"next":{"next":null}}}',
    ],
    [
      'unions of two records',
      [record(), { type: 'record', name: 'S', fields: [{ name: 'x', type: 'int' }] }],
      '{"x":1}',
      '{"S":{"x":1}}',
    ],
    ['wrapped values of a union with null', ['null', 'string'], '{"string":"x"}', '"x"'],
  ];
  for (const [what, schema, json, expected] of cases)
    it(`keeps ${what}`, () => assert.equal(round(schema, json), expected ?? json));

  const misfits: [string, unknown, string, RegExp][] = [
    [
      'a field too many',
      record({ name: 'a', type: 'int', default: 1 }),
      '{"b":1}',
      /expected no field but a, got "b"/,
    ],
    [
      'a field too few',
      record({ name: 'a', type: 'int' }),
      '{}',
      /expected the field a, which has no default/,
    ],
    [
      'a wrong type far inside',
      record({ name: 'a', type: { type: 'array', items: ['null', 'int'] } }),
      '{"a":[null,"x"]}',
      /a\[1\]: expected a whole number of 32 bits, got "x"/,
    ],
    ['too large a number', 'int', '2147483648', /expected a whole number of 32 bits, got 2147483648/],
    [
      'a decimal of too many places',
      { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 1 },
      '1.25',
      /decimal\(4, 1\) cannot/,
    ],
    [
      'a time that would be cut',
      { type: 'long', logicalType: 'timestamp-millis' },
      '"2024-01-01T00:00:00.0001Z"',
      /more than 3 digits/,
    ],
  ];
  for (const [what, schema, json, expected] of misfits)
    it(`refuses ${what}`, () => {
      assert.throws(() => round(schema, json), { code: 'invalid-message', message: expected });
    });

  it('reads and writes what the avsc library does', () => {
    const schema = record(
      { name: 'id', type: 'long' },
      { name: 'name', type: ['null', 'string'] },
      { name: 'tags', type: { type: 'map', values: { type: 'array', items: 'double' } } },
      { name: 'flag', type: 'boolean' },
      { name: 'ratio', type: 'float' },
    );
    const peer = avsc.Type.forSchema(schema as avsc.Schema);
    const format = avroFormat([schema]);
    for (let n = 0; n < 200; n++) {
      const value: unknown = peer.random();
      const bytes = peer.toBuffer(value);
      assert.deepEqual(Buffer.from(format.encode(format.decode(bytes)) as Uint8Array), bytes);
    }
  });
});
