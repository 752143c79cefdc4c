// Messages as bytes: read and generated here by the tables of the specification (§1.6, §3.2), by no AMQP library.
import fc from 'fast-check';
import { readUint, skip } from '../../bench/load/amqp-frames.ts';

/** Each section as it was encoded, by its number, e.g. 0x73 for the properties (§3.2). */
export interface Sections {
  readonly header: Buffer | undefined;
  readonly annotations: Buffer | undefined;
  /** From the properties to the end of the body. */
  readonly bare: Buffer;
  readonly footer: Buffer | undefined;
}

const names = [
  'amqp:header:list',
  'amqp:delivery-annotations:map',
  'amqp:message-annotations:map',
  'amqp:properties:list',
  'amqp:application-properties:map',
  'amqp:data:binary',
  'amqp:amqp-sequence:list',
  'amqp:amqp-value:*',
  'amqp:footer:map',
];
const firstSection = 0x70;

function sectionAt(bytes: Buffer, at: number): number {
  if (bytes[at] !== 0) throw new Error(`no section at ${at}`);
  if (bytes[at + 1] !== 0xa3) return readUint(bytes, at + 1)!;
  return firstSection + names.indexOf(bytes.toString('latin1', at + 3, at + 3 + bytes[at + 2]!));
}

/** Takes a message apart. */
export function sections(bytes: Buffer): Sections {
  let [header, annotations, footer]: (Buffer | undefined)[] = [];
  const bare: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = skip(bytes, at);
    const part = bytes.subarray(at, end);
    const section = sectionAt(bytes, at);
    if (section === 0x70) header = part;
    else if (section === 0x72) annotations = part;
    else if (section === 0x78) footer = part;
    else if (section >= 0x73) bare.push(part);
    at = end;
  }
  return { header, annotations, bare: Buffer.concat(bare), footer };
}

type Bytes = fc.Arbitrary<Buffer>;

const fixed = (format: number, length: number): Bytes =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((content) => Buffer.from([format, ...content]));
const plain = (...formats: number[]): Bytes => fc.constantFrom(...formats.map((format) => Buffer.of(format)));

/** Content with its length before it, in one byte or in four, whichever the generator likes. */
function sized(formats: readonly [number, number], content: Bytes): Bytes {
  return fc.tuple(content, fc.boolean()).map(([bytes, wide]) => {
    if (!wide && bytes.length <= 0xff) return Buffer.concat([Buffer.of(formats[0], bytes.length), bytes]);
    const head = Buffer.alloc(5, formats[1]);
    head.writeUInt32BE(bytes.length, 1);
    return Buffer.concat([head, bytes]);
  });
}

/** Values with their count and size before them, in one byte each or in four. */
function compound(formats: readonly [number, number], items: fc.Arbitrary<readonly Buffer[]>): Bytes {
  return fc.tuple(items, fc.boolean()).map(([list, wide]) => {
    const content = Buffer.concat(list);
    if (!wide && content.length < 0xff && list.length <= 0xff)
      return Buffer.concat([Buffer.of(formats[0], content.length + 1, list.length), content]);
    const head = Buffer.alloc(9, formats[1]);
    head.writeUInt32BE(content.length + 4, 1);
    head.writeUInt32BE(list.length, 5);
    return Buffer.concat([head, content]);
  });
}

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.constantFrom('', '__proto__', 'constructor', 'junction-types', 'ü'.repeat(200), 'a\r\nb\0c'),
);
const str = sized(
  [0xa1, 0xb1],
  text.map((value) => Buffer.from(value)),
);
const sym = sized(
  [0xa3, 0xb3],
  fc.string({ unit: 'grapheme-ascii', maxLength: 12 }).map((value) => Buffer.from(value)),
);
const bin = sized(
  [0xa0, 0xb0],
  fc.uint8Array({ maxLength: 300 }).map((value) => Buffer.from(value)),
);
const nothing = plain(0x40);
const boolean = fc.oneof(plain(0x41, 0x42), fc.constantFrom(Buffer.of(0x56, 0), Buffer.of(0x56, 1)));
const uint = fc.oneof(plain(0x43), fixed(0x52, 1), fixed(0x70, 4));
const ulong = fc.oneof(plain(0x44), fixed(0x53, 1), fixed(0x80, 8));
const timestamp = fixed(0x83, 8);
const uuid = fixed(0x98, 16);
const char = fc.integer({ min: 0, max: 0xd7ff }).map((point) => {
  const bytes = Buffer.alloc(5, 0x73);
  bytes.writeUInt32BE(point, 1);
  return bytes;
});
/** Every simple type in each of its encodings (§1.6). */
const simple = fc.oneof(
  nothing,
  boolean,
  uint,
  ulong,
  timestamp,
  uuid,
  char,
  str,
  sym,
  bin,
  fixed(0x50, 1), // ubyte
  fixed(0x51, 1), // byte
  fixed(0x60, 2), // ushort
  fixed(0x61, 2), // short
  fixed(0x54, 1), // smallint
  fixed(0x71, 4), // int
  fixed(0x55, 1), // smalllong
  fixed(0x81, 8), // long
  fixed(0x72, 4), // float
  fixed(0x82, 8), // double
  fixed(0x74, 4), // decimal32
  fixed(0x84, 8), // decimal64
  fixed(0x94, 16), // decimal128
);

/** An array's elements have one constructor, which stands before them once (§1.6.24). */
const array = (formats: readonly [number, number], constructor: number, width: number): Bytes =>
  fc
    .tuple(fc.array(fc.uint8Array({ minLength: width, maxLength: width }), { maxLength: 5 }), fc.boolean())
    .map(([items, wide]) => {
      const content = Buffer.concat([Buffer.of(constructor), ...items]);
      if (!wide) return Buffer.concat([Buffer.of(formats[0], content.length + 1, items.length), content]);
      const head = Buffer.alloc(9, formats[1]);
      head.writeUInt32BE(content.length + 4, 1);
      head.writeUInt32BE(items.length, 5);
      return Buffer.concat([head, content]);
    });

/** Any value: simple, list, map, array or described, a few levels deep. */
const value: Bytes = fc.letrec<{ any: Buffer }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    simple,
    plain(0x45),
    compound([0xc0, 0xd0], fc.array(tie('any'), { maxLength: 4 })),
    compound(
      [0xc1, 0xd1],
      fc.array(fc.tuple(tie('any'), tie('any')), { maxLength: 3 }).map((pairs) => pairs.flat()),
    ),
    array([0xe0, 0xf0], 0x71, 4),
    array([0xe0, 0xf0], 0x84, 8),
    array([0xe0, 0xf0], 0x41, 0),
    fc.tuple(tie('any'), tie('any')).map(([descriptor, of]) => Buffer.concat([Buffer.of(0), descriptor, of])),
  ),
})).any;

/** A section behind one of the three ways to write its descriptor. */
function section(number: number, content: Bytes): Bytes {
  const name = Buffer.from(names[number - firstSection]!);
  const descriptors = [
    Buffer.of(0, 0x53, number),
    Buffer.of(0, 0x80, 0, 0, 0, 0, 0, 0, 0, number),
    Buffer.concat([Buffer.of(0, 0xa3, name.length), name]),
  ];
  return fc
    .tuple(fc.constantFrom(...descriptors), content)
    .map(([descriptor, bytes]) => Buffer.concat([descriptor, bytes]));
}

const list = (items: fc.Arbitrary<readonly Buffer[]>): Bytes => compound([0xc0, 0xd0], items);
const map = (key: Bytes, of: Bytes): Bytes =>
  compound(
    [0xc1, 0xd1],
    fc.array(fc.tuple(key, of), { maxLength: 5 }).map((pairs) => pairs.flat()),
  );

/** The first fields of a list; those after them are left out. */
const fields = (...all: Bytes[]): Bytes =>
  list(
    fc
      .tuple(fc.nat(all.length), ...all.map((one) => fc.oneof(nothing, one)))
      .map(([count, ...values]) => (values as Buffer[]).slice(0, count)),
  );
const identifier = fc.oneof(str, ulong, uuid, bin);
/** From 2286 on: what is generated must not expire on its way. */
const future = fc.bigInt(10_000_000_000_000n, 100_000_000_000_000n).map((ms) => {
  const bytes = Buffer.alloc(9, 0x83);
  bytes.writeBigInt64BE(ms, 1);
  return bytes;
});
const longLife = fixed(0x70, 4).map((bytes) => (bytes.writeUInt8(bytes[1]! | 0x10, 1), bytes));

const header = section(0x70, fc.oneof(plain(0x45), fields(boolean, fixed(0x50, 1), longLife, boolean, uint)));
const deliveryAnnotations = section(0x71, map(sym, value));
const messageAnnotations = section(0x72, map(fc.oneof(sym, ulong), value));
const properties = section(
  0x73,
  fc.oneof(
    plain(0x45),
    fields(identifier, bin, str, str, str, identifier, sym, sym, future, timestamp, str, uint, str),
  ),
);
const applicationProperties = section(0x74, map(str, simple));
const body = fc.oneof(
  fc.array(section(0x75, bin), { minLength: 1, maxLength: 3 }).map((all) => Buffer.concat(all)),
  fc
    .array(section(0x76, fc.oneof(plain(0x45), list(fc.array(value, { maxLength: 4 })))), {
      minLength: 1,
      maxLength: 3,
    })
    .map((all) => Buffer.concat(all)),
  section(0x77, value),
);
const footer = section(0x78, map(sym, value));

/** Any message: every section there or not, every type and every encoding of it. */
export const anyMessage: Bytes = fc
  .tuple(
    ...[header, deliveryAnnotations, messageAnnotations, properties, applicationProperties].map((one) =>
      fc.option(one, { nil: Buffer.alloc(0) }),
    ),
    body,
    fc.option(footer, { nil: Buffer.alloc(0) }),
  )
  .map((parts) => Buffer.concat(parts));
