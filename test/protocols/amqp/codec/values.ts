// Generated AMQP values of every type, for property tests.
import fc from 'fast-check';
import { Uuid } from '../../../../src/core/envelope.ts';
import {
  AmqpArray,
  AmqpMap,
  Described,
  symbol,
  Typed,
  type AmqpType,
  type AmqpValue,
} from '../../../../src/protocols/amqp/codec/types.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((b) => new Uint8Array(b));
const long = (unsigned: boolean): fc.Arbitrary<bigint> =>
  unsigned
    ? fc.oneof(fc.bigInt(0n, 300n), fc.bigInt(0n, 0xffff_ffff_ffff_ffffn))
    : fc.oneof(fc.bigInt(-130n, 130n), fc.bigInt(-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn));
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.integer({ min: 250, max: 300 }).map((n) => 'é'.repeat(n)),
);
const ascii = fc.oneof(
  fc.uint8Array({ max: 127, maxLength: 20 }).map((b) => Buffer.from(b).toString('ascii')),
  fc.constant('s'.repeat(300)),
);

/** Values of each simple type. */
export const simple: Record<Exclude<AmqpType, 'list' | 'map' | 'array'>, fc.Arbitrary<AmqpValue>> = {
  null: fc.constant(null),
  boolean: fc.boolean(),
  ubyte: fc.integer({ min: 0, max: 255 }).map((n) => new Typed('ubyte', n)),
  ushort: fc.integer({ min: 0, max: 65_535 }).map((n) => new Typed('ushort', n)),
  uint: fc
    .oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 0xffff_ffff }))
    .map((n) => new Typed('uint', n)),
  ulong: long(true).map((n) => new Typed('ulong', n)),
  byte: fc.integer({ min: -128, max: 127 }).map((n) => new Typed('byte', n)),
  short: fc.integer({ min: -32_768, max: 32_767 }).map((n) => new Typed('short', n)),
  int: fc
    .oneof(fc.integer({ min: -130, max: 130 }), fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }))
    .map((n) => new Typed('int', n)),
  long: long(false),
  float: fc.float({ noNaN: false }).map((n) => new Typed('float', n)),
  double: fc.double({ noNaN: false }),
  decimal32: bytes(4).map((b) => new Typed('decimal32', b)),
  decimal64: bytes(8).map((b) => new Typed('decimal64', b)),
  decimal128: bytes(16).map((b) => new Typed('decimal128', b)),
  char: fc.integer({ min: 0, max: 0x10ffff }).map((n) => new Typed('char', String.fromCodePoint(n))),
  timestamp: long(false).map((n) => new Typed('timestamp', Number.isSafeInteger(Number(n)) ? Number(n) : n)),
  uuid: bytes(16).map((b) => {
    const hex = Buffer.from(b).toString('hex');
    return new Uuid(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
  }),
  binary: fc.uint8Array({ maxLength: 300 }).map((b) => new Uint8Array(b)),
  string: text,
  symbol: ascii.map(symbol),
};

export const simpleTypes = Object.keys(simple) as (keyof typeof simple)[];

const anySimple = fc.oneof(...Object.values(simple));

/** Any value, nested a few levels. */
export const anyValue: fc.Arbitrary<AmqpValue> = fc.letrec<{ value: AmqpValue }>((tie) => {
  const items = fc.array(tie('value'), { maxLength: 5 });
  const map = fc
    .array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 })
    .map((entries) => new AmqpMap(entries));
  const arrayOf = (type: AmqpType, item: fc.Arbitrary<AmqpValue>): fc.Arbitrary<AmqpValue> =>
    fc
      .tuple(fc.array(item, { maxLength: 5 }), fc.oneof(fc.constant([]), fc.tuple(anySimple)))
      .map(([values, descriptors]) => new AmqpArray(type, values, descriptors));
  const array = fc.oneof(
    ...simpleTypes.map((type) => arrayOf(type, simple[type])),
    arrayOf('list', items as fc.Arbitrary<AmqpValue>),
    arrayOf('map', map),
    arrayOf('array', arrayOf('uint', simple.uint)),
  );
  const described = fc.tuple(tie('value'), tie('value')).map(([d, v]) => new Described(d, v));
  return { value: fc.oneof({ maxDepth: 4, withCrossShrink: true }, anySimple, items, map, array, described) };
}).value;
