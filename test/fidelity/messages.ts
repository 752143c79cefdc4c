import fc from 'fast-check';
import { envelope, Uuid, type BodyType, type Envelope, type Header } from '../../src/core/envelope.ts';
import { latest, type MessageField, type Narrowed, type Traits } from '../../src/core/protocol.ts';
import { symbol, Typed, type AmqpValue } from '../../src/protocols/amqp/codec/types.ts';
import { encodeValue } from '../../src/protocols/amqp/codec/encode.ts';
import { Writer } from '../../src/protocols/amqp/codec/writer.ts';

/** Any Unicode, also what protocols cannot write as it is. */
const anyText = fc.oneof(
  { weight: 4, arbitrary: fc.string({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', ' ', 'a\nb', 'c\r', '\0', 'a:b\\c', ' x ', 'AMQP_ULONG:5', 'AMQP_x'),
  },
);
const mostlyAscii = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom('text/plain', 'application/json; charset=utf-8', 'gzip', 'a b') },
  { weight: 1, arbitrary: anyText },
);
const bytes = fc.uint8Array({ maxLength: 20 }).map((each) => new Uint8Array(each));
const uuid = fc.uuid().map((each) => new Uuid(each));
const ulong = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const identifier = fc.oneof(anyText, ulong, uuid, bytes, fc.constant(new Uint8Array(Buffer.from('text'))));

const whole = (least: number, most: number, type: Header[2]) =>
  fc.integer({ min: least, max: most }).map((each) => [each, type]);
const exactly = (length: number, type: Header[2]) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((each) => [new Uint8Array(each), type]);

/** Values of every type, with the type where the value does not tell it. */
const values = fc.oneof(
  { weight: 5, arbitrary: anyText.map((each) => [each]) },
  {
    weight: 10,
    arbitrary: fc.oneof(
      fc.constant([null]),
      fc.boolean().map((each) => [each]),
      fc.double().map((each) => [each]),
      fc.float().map((each) => [each, 'float']),
      long.map((each) => [each]),
      ulong.map((each) => [each, 'ulong']),
      whole(0, 0xff, 'ubyte'),
      whole(0, 0xffff, 'ushort'),
      whole(0, 0xffff_ffff, 'uint'),
      whole(-0x80, 0x7f, 'byte'),
      whole(-0x8000, 0x7fff, 'short'),
      whole(-0x8000_0000, 0x7fff_ffff, 'int'),
      fc.maxSafeInteger().map((each) => [each, 'timestamp']),
      fc.integer({ min: 0, max: 2e9 }).map((each) => [each * 1000, 'timestamp']),
      fc.constant([2n ** 63n - 1n, 'timestamp']),
      bytes.map((each) => [each]),
      uuid.map((each) => [each]),
      exactly(4, 'decimal32'),
      exactly(8, 'decimal64'),
      exactly(16, 'decimal128'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }).map((each) => [each, 'char']),
      fc.string({ unit: 'grapheme-ascii', maxLength: 10 }).map((each) => [each, 'symbol']),
    ),
  },
);

/** Names that mean something to some protocol or language, and any others. Those from `junction-` on are the gateway's. */
const names = fc.oneof(
  fc.constantFrom(
    ...['a', 'b', 'traceparent', 'grün', '', '12', '3', 'a:b', 'a\nb', ' x', '__proto__', 'constructor'],
    ...[
      'message-id',
      'content-type',
      'content-encoding',
      'subject',
      'correlation-id',
      'reply-to',
      'priority',
    ],
    ...[
      'expires-at',
      'group-id',
      'timestamp',
      'destination',
      'type',
      'persistent',
      'expires',
      'ack',
      'receipt',
    ],
    ...[
      'JMSXGroupID',
      'JMSXGroupSeq',
      'JMSType',
      'redelivered',
      'CC',
      'BCC',
      'x-group-id',
      'x-message-id',
      'TAGS',
    ],
    ...['timestamp_in_ms', 'x-delivery-count', 'expiration', 'user-id', 'app-id', 'transaction', 'KEYS'],
  ),
  fc.string({ minLength: 1, maxLength: 8 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  fc.string({ minLength: 300, maxLength: 300 }),
);
const reserved = /^(junction|rocketmq)-/;
const header = fc
  .tuple(
    names.filter((name) => !reserved.test(name)),
    values,
  )
  .map(([name, value]) => [name, ...value] as unknown as Header);
const fewNames = fc
  .tuple(fc.constantFrom('a', 'b', 'priority', 'subject', '7'), values)
  .map(([name, value]) => [name, ...value] as unknown as Header);

function encoded(...parts: AmqpValue[]): Uint8Array {
  const writer = new Writer(256);
  for (const part of parts) encodeValue(writer, part);
  return new Uint8Array(writer.take());
}

const bodies: fc.Arbitrary<readonly [Uint8Array | null, BodyType]> = fc.oneof(
  bytes.map((each) => [each, 'data'] as const),
  fc.constant([new Uint8Array(), 'data'] as const),
  fc.constant([null, 'data'] as const),
  fc.constant([new Uint8Array(1), 'data'] as const),
  anyText.map((each) => [new Uint8Array(Buffer.from(each)), 'string'] as const),
  bytes.map((each) => [each, 'binary'] as const),
  long.map((each) => [encoded(['x', each, new Typed('int', 5)]), 'value'] as const),
  fc.constant([encoded(symbol('s')), 'value'] as const),
  anyText.map((each) => [encoded([each], [null, true]), 'sequence'] as const),
);

const timesFrom = (start: number, { range, step = 1 }: Narrowed, least: number, most: number) =>
  fc
    .integer({
      min: Math.ceil(Math.max(least, range?.[0] ?? least) / step),
      max: Math.floor(Math.min(most, range?.[1] ?? most) / step),
    })
    .map((each) => start + each * step);

/**
 * Messages that an endpoint with these traits can hold whole, so that they come from it as they were sent.
 * @param now ms since the epoch
 */
export function messagesOf(traits: Traits, address: string, now: number): fc.Arbitrary<Envelope> {
  const { narrows = {}, supplies = [], ascii = [] } = traits;
  const field = <T>(name: MessageField, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => {
    if (traits.loses.includes(name)) return fc.constant(undefined);
    const held = ascii.includes(name) ? arbitrary.filter((each) => isAscii(each as string)) : arbitrary;
    return supplies.includes(name) ? held : fc.option(held, { nil: undefined });
  };
  const fits = ([name]: Header): boolean =>
    Buffer.byteLength(name) <= (traits.limits?.headerName ?? Infinity);
  const headers =
    traits.headers === 'none'
      ? fc.constant([])
      : traits.repeatedHeaders
        ? fc.array(fc.oneof(header, fewNames).filter(fits), { maxLength: 6 })
        : fc.uniqueArray(header.filter(fits), { selector: ([name]) => name, maxLength: 6 });
  return fc
    .record({
      id: field('id', identifier),
      body: bodies.filter(([each]) => each !== null || traits.nullBody === undefined),
      headers,
      contentType: field('contentType', mostlyAscii),
      contentEncoding: field('contentEncoding', mostlyAscii),
      subject: field('subject', anyText),
      correlationId: field('correlationId', identifier),
      replyTo: field('replyTo', fc.oneof(anyText, fc.constantFrom('answers', '/queue/answers', 'a/b'))),
      key: field('key', anyText),
      priority: field('priority', fc.integer({ min: 0, max: 9 })),
      durable: traits.loses.includes('durable') ? fc.constant(true) : fc.boolean(),
      expiresAt: field(
        'expiresAt',
        fc.oneof(
          timesFrom(now, narrows.expiresAt ?? {}, 1, 100_000),
          timesFrom(now, narrows.expiresAt ?? {}, 1, 4e9),
          timesFrom(now, narrows.expiresAt ?? {}, 1, 4e12),
        ),
      ),
      timestamp: field(
        'timestamp',
        fc.oneof(
          timesFrom(0, narrows.timestamp ?? {}, 1_600_000_000_000, 1_700_000_000_000),
          timesFrom(0, narrows.timestamp ?? {}, -latest, latest),
        ),
      ),
      deliveryCount: traits.loses.includes('deliveryCount') ? fc.constant(0) : fc.nat({ max: 5 }),
      hops: traits.loses.includes('hops') ? fc.constant(0) : fc.nat({ max: 7 }),
      retain: traits.loses.includes('retain') ? fc.constant(false) : fc.boolean(),
    })
    .map(({ body: [body, bodyType], ...rest }) =>
      envelope({
        ...rest,
        address,
        body,
        bodyType: traits.loses.includes('bodyType') ? 'data' : bodyType,
      }),
    );
}

/** Those of no protocol, which hold everything. */
export const everything: Traits = {
  headers: 'typed',
  repeatedHeaders: true,
  loses: [],
  redelivers: true,
};

export const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);
