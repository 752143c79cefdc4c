import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import rhea, { type Message } from 'rhea';
import { envelope, Uuid, type Envelope, type Header } from '../../../src/core/envelope.ts';
import { JunctionError } from '../../../src/core/errors.ts';
import { readMessage } from '../../../src/protocols/amqp/codec/message-view.ts';
import { DecodeError } from '../../../src/protocols/amqp/codec/types.ts';
import { addressAnnotation, hopsAnnotation } from '../../../src/protocols/amqp/annotations.ts';
import { fromEnvelope, toEnvelope } from '../../../src/protocols/amqp/mapping.ts';

const now = 1_700_000_000_000;

/** As another implementation writes it. */
const encoded = (message: Message): Buffer => rhea.message.encode(message);
/** As another implementation reads it. */
const decoded = (bytes: Buffer): Message => rhea.message.decode(bytes) as unknown as Message;
const received = (message: Message, address = 'orders'): Envelope =>
  toEnvelope(readMessage(encoded(message)), address, now);
/** Without what is kept for AMQP targets: what any other protocol sees. */
const section = (bytes: string | readonly Buffer[]): object =>
  (typeof bytes === 'string'
    ? rhea.message.data_section(Buffer.from(bytes))
    : rhea.message.data_sections([...bytes])) as object;
const plain = (from: Envelope): Envelope => ({ ...from, origin: undefined });
const symbolic = (names: Record<string, unknown>): never => names as never;

describe('a received AMQP message', () => {
  it('becomes an envelope, field by field', () => {
    const got = received({
      durable: true,
      priority: 7,
      delivery_count: 3,
      message_id: 'ID:1',
      user_id: Buffer.from('guest') as never,
      to: 'orders',
      subject: 'created',
      reply_to: 'replies',
      correlation_id: 'c-1',
      content_type: 'application/json',
      content_encoding: 'gzip',
      absolute_expiry_time: new Date(now + 5000),
      creation_time: new Date(now - 5),
      group_id: 'customer-1',
      group_sequence: 9,
      application_properties: symbolic({
        text: 'a',
        flag: true,
        long: rhea.types.wrap_long(42),
        int: rhea.types.wrap_int(-7),
        when: rhea.types.wrap_timestamp(now),
        symbol: rhea.types.wrap_symbol('s'),
        float: rhea.types.wrap_float(1.5),
        double: rhea.types.wrap_double(2.5),
        nothing: null,
      }),
      message_annotations: symbolic({ [hopsAnnotation]: rhea.types.wrap_uint(4) }),
      body: section('{}'),
    });
    assert.deepEqual(
      plain(got),
      envelope({
        id: 'ID:1',
        address: 'orders',
        body: Buffer.from('{}'),
        headers: [
          ['text', 'a'],
          ['flag', true],
          ['long', 42n],
          ['int', -7, 'int'],
          ['when', now, 'timestamp'],
          ['symbol', 's', 'symbol'],
          ['float', 1.5, 'float'],
          ['double', 2.5],
          ['nothing', null],
          ['junction-user-id', 'guest'],
          ['junction-group-sequence', 9, 'uint'],
        ],
        contentType: 'application/json',
        contentEncoding: 'gzip',
        subject: 'created',
        correlationId: 'c-1',
        replyTo: 'replies',
        key: 'customer-1',
        priority: 7,
        durable: true,
        expiresAt: now + 5000,
        timestamp: now - 5,
        deliveryCount: 3,
        hops: 4,
      }),
    );
  });

  it('has the defaults of the specification where it has no header', () => {
    const got = received({ body: section('x') });
    assert.equal(got.durable, false);
    assert.equal(got.priority, undefined);
    assert.equal(got.deliveryCount, 0);
    assert.equal(got.expiresAt, undefined);
  });

  it('expires its time to live after it came', () => {
    assert.equal(received({ ttl: 1500, body: 'x' }).expiresAt, now + 1500);
  });

  it('keeps the kind of its body', () => {
    assert.deepEqual(kindOf(received({ body: 'héllo' })), ['string', 'héllo']);
    assert.deepEqual(kindOf(received({ body: section('d') })), ['data', 'd']);
    assert.deepEqual(kindOf(received({ body: Buffer.from('b') })), ['binary', 'b']);
    assert.equal(received({ body: symbolic({ a: 1 }) }).bodyType, 'value');
    assert.equal(
      received({ body: rhea.message.sequence_section(symbolic([1, 'x'] as never)) as object }).bodyType,
      'sequence',
    );
    assert.equal(received({ body: null }).body, null);
  });

  it('is refused where it is malformed', () => {
    const readBroken = (hex: string) => () => toEnvelope(readMessage(Buffer.from(hex, 'hex')), 'a', now);
    assert.throws(readBroken('005373c00301ff00'), DecodeError); // properties: message-id of unknown format
    assert.throws(readBroken('005374d0ffffffff00000002'), DecodeError); // map longer than the message
    assert.throws(readBroken('005377a102fffe'), JunctionError); // a string body that is not UTF-8
    assert.throws(readBroken('005375a00161005375'), DecodeError); // cut off
  });
});

const kindOf = (from: Envelope): [string, string] => [from.bodyType, Buffer.from(from.body!).toString()];

describe('an envelope for AMQP', () => {
  for (const field of ['contentType', 'contentEncoding'])
    it(`is refused where its ${field} is not ASCII, as symbols are`, () => {
      for (const text of ['text/é', 'text/€'])
        assert.throws(
          () => fromEnvelope(envelope({ address: 'a', body: null, [field]: text }), 0, 'a', now),
          (error: unknown) =>
            error instanceof JunctionError && error.code === 'invalid-message' && /ASCII/.test(error.message),
        );
    });

  it('is read by another implementation, field by field', () => {
    const bytes = fromEnvelope(
      envelope({
        id: 'ID:1',
        address: 'orders',
        body: Buffer.from('body'),
        headers: [
          ['text', 'a'],
          ['repeated', 'first'],
          ['repeated', 'second'],
          ['int', -7, 'int'],
          ['big', 2n ** 60n],
          ['flag', false],
        ],
        contentType: 'text/plain',
        contentEncoding: 'gzip',
        subject: 's',
        correlationId: 'c',
        replyTo: 'r',
        key: 'k',
        priority: 9,
        durable: true,
        expiresAt: now + 1000,
        timestamp: now,
        hops: 2,
      }),
      2,
      undefined,
      now,
    );
    const message = decoded(bytes);
    assert.equal(message.message_id, 'ID:1');
    assert.equal(message.to, 'orders');
    assert.equal(message.subject, 's');
    assert.equal(message.reply_to, 'r');
    assert.equal(message.correlation_id, 'c');
    assert.equal(message.content_type, 'text/plain');
    assert.equal(message.content_encoding, 'gzip');
    assert.equal(message.group_id, 'k');
    assert.equal(message.priority, 9);
    assert.equal(message.durable, true);
    assert.equal(message.ttl, 1000);
    assert.equal(message.delivery_count, 2);
    assert.equal(Number(message.absolute_expiry_time), now + 1000);
    assert.equal(Number(message.creation_time), now);
    assert.deepEqual({ ...message.message_annotations }, { [hopsAnnotation]: 2 });
    const { big, ...rest } = message.application_properties as Record<string, unknown>;
    assert.deepEqual(rest, { text: 'a', repeated: 'first', int: -7, flag: false });
    assert.equal(Buffer.from(big as Uint8Array).readBigInt64BE(), 2n ** 60n);
    const body = message.body as { typecode: number; content: Buffer };
    assert.deepEqual([body.typecode, body.content.toString()], [0x75, 'body']);
  });

  it('is the null value where it is a tombstone, and comes back as one', () => {
    const bytes = fromEnvelope(envelope({ address: 'a', body: null }), 0, undefined, now);
    assert.equal(decoded(bytes).body, null);
    assert.equal(toEnvelope(readMessage(bytes), 'a', now).body, null);
    const empty = fromEnvelope(envelope({ address: 'a', body: Buffer.alloc(0) }), 0, undefined, now);
    assert.equal(toEnvelope(readMessage(empty), 'a', now).body?.length, 0);
  });

  it('is refused where AMQP cannot hold it', () => {
    const refused = (over: Partial<Envelope>) => () =>
      fromEnvelope(envelope({ address: 'a', body: Buffer.of(0xff), ...over }), 0, undefined, now);
    const invalid = (error: unknown) => error instanceof JunctionError && error.code === 'invalid-message';
    assert.throws(refused({ bodyType: 'string' }), invalid);
    assert.throws(refused({ bodyType: 'value' }), invalid);
    assert.throws(refused({ bodyType: 'sequence' }), invalid);
    assert.throws(refused({ headers: [['n', 300, 'ubyte']] }), invalid);
    assert.throws(refused({ contentType: 'text/\u{1f600}' }), invalid);
  });
});

describe('a message that passes through unchanged', () => {
  const original: Message = {
    message_id: 'ID:1',
    user_id: Buffer.from('me') as never,
    to: 'orders',
    group_id: 'g',
    group_sequence: 3,
    reply_to_group_id: 'rg',
    application_properties: symbolic({ deep: rhea.types.wrap_ushort(3) }),
    message_annotations: symbolic({ 'x-opt-jms-msg-type': rhea.types.wrap_byte(5), 'x-own': 'kept' }),
    body: section([Buffer.from('a'), Buffer.from('b')]),
  };
  /** Written by hand, since rhea puts it before the body: a map of `sum` to the int 1. */
  const footer = Buffer.from('005378c10802a30373756d5401', 'hex');
  const withFooter = (): Envelope =>
    toEnvelope(readMessage(Buffer.concat([encoded(original), footer])), 'orders', now);
  const bareOf = (bytes: Buffer): string => readMessage(bytes).bare.toString('hex');

  it('keeps its bare message byte for byte, with our header before it', () => {
    const from = withFooter();
    const onward = fromEnvelope({ ...from, hops: 3 }, 5, 'orders', now);
    assert.equal(bareOf(onward), bareOf(encoded(original)));
    const message = decoded(onward);
    assert.equal(message.delivery_count, 5);
    assert.deepEqual(
      { ...message.message_annotations },
      { 'x-opt-jms-msg-type': 5, 'x-own': 'kept', [hopsAnnotation]: 3 },
    );
    assert.deepEqual({ ...(message.footer as unknown as object) }, { sum: 1 });
  });

  it('keeps its bare message, `to` included, on the way to another address', () => {
    const from = withFooter();
    const onward = fromEnvelope({ ...from, address: 'elsewhere' }, 0, 'elsewhere', now);
    assert.equal(bareOf(onward), bareOf(encoded(original)));
    assert.deepEqual(
      { ...decoded(onward).message_annotations },
      { 'x-opt-jms-msg-type': 5, 'x-own': 'kept' },
    );
  });

  it('has what else it had where a route changed it, and is then addressed to where it goes', () => {
    const from = withFooter();
    const message = decoded(
      fromEnvelope({ ...from, subject: 'changed', address: 'elsewhere' }, 0, 'elsewhere', now),
    );
    assert.equal(message.to, 'elsewhere');
    assert.equal(message.group_sequence, 3);
    assert.equal(message.reply_to_group_id, 'rg');
    assert.equal(String(message.user_id), 'me');
    assert.deepEqual({ ...message.application_properties }, { deep: 3 });
    assert.deepEqual({ ...message.message_annotations }, { 'x-opt-jms-msg-type': 5, 'x-own': 'kept' });
  });

  it('is written anew where a field was changed on the way', () => {
    const from = received(original);
    const headers: readonly Header[] = [['new', 'value']];
    const message = decoded(fromEnvelope({ ...from, headers, subject: 'changed' }, 0, 'orders', now));
    assert.deepEqual({ ...message.application_properties }, { new: 'value' });
    assert.equal(message.subject, 'changed');
    const otherwise = (body: Buffer, bodyType: Envelope['bodyType']): object => ({
      ...decoded(fromEnvelope({ ...from, body, bodyType }, 0, 'orders', now)).message_annotations,
    });
    const other = Buffer.from('other');
    assert.deepEqual(otherwise(other, 'string'), { 'x-opt-jms-msg-type': 5, 'x-own': 'kept' });
    assert.deepEqual(otherwise(other, 'binary'), { 'x-own': 'kept' }, 'no JMS text has a binary body');
  });

  it('tells its address to a link that reads many, outside the bare message', () => {
    const from = received({ body: 'x' }, 'events.a');
    const annotated = (bytes: Buffer): unknown => decoded(bytes).message_annotations?.[addressAnnotation];
    assert.equal(annotated(fromEnvelope(from, 0, 'events.a', now)), undefined);
    const told = fromEnvelope(from, 0, 'events.*', now);
    assert.equal(annotated(told), 'events.a');
    assert.equal(decoded(told).to, undefined);
    // Sent again, it tells the address of its new journey only.
    const again = toEnvelope(readMessage(told), 'events.b', now);
    assert.equal(annotated(fromEnvelope(again, 0, 'events.*', now)), 'events.b');
    const named = received({ to: 'events.a', body: 'x' }, 'events.a');
    assert.equal(annotated(fromEnvelope(named, 0, 'events.*', now)), undefined);
    const fresh = fromEnvelope(envelope({ address: 'events.c', body: null }), 0, 'events.*', now);
    assert.equal(decoded(fresh).to, 'events.c');
  });
});

describe('any envelope', () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  const ascii = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 });
  const bytes = fc.uint8Array({ maxLength: 40 }).map((b) => new Uint8Array(b));
  const uuid = fc.uuid().map((u) => new Uuid(u));
  const identifier = fc.oneof(text, bytes, uuid, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
  const optional = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: undefined });
  const value = fc.oneof(
    text.map((v) => [v] as const),
    fc.double().map((v) => [v] as const),
    fc.boolean().map((v) => [v] as const),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((v) => [v] as const),
    bytes.map((v) => [v] as const),
    uuid.map((v) => [v] as const),
    fc.constant([null] as const),
    fc.integer({ min: 0, max: 255 }).map((v) => [v, 'ubyte'] as const),
    fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((v) => [v, 'int'] as const),
    fc.integer({ min: -32768, max: 32767 }).map((v) => [v, 'short'] as const),
    fc.float().map((v) => [v, 'float'] as const),
    fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((v) => [v, 'ulong'] as const),
    fc.integer().map((v) => [v, 'timestamp'] as const),
    ascii.map((v) => [v, 'symbol'] as const),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((v) => [new Uint8Array(v), 'decimal128'] as const),
  );
  const headers = fc
    .uniqueArray(fc.tuple(ascii, value), { selector: ([name]) => name, maxLength: 5 })
    .map((pairs) => pairs.map(([name, v]) => [name, ...v] as unknown as Header));
  const any = fc
    .record({
      id: optional(identifier),
      address: ascii,
      body: fc.oneof(bytes, fc.constant(null)),
      headers,
      contentType: optional(ascii),
      contentEncoding: optional(ascii),
      subject: optional(text),
      correlationId: optional(identifier),
      replyTo: optional(text),
      key: optional(text),
      priority: optional(fc.constantFrom(0, 1, 2, 3, 5, 6, 7, 8, 9)),
      durable: fc.boolean(),
      expiresAt: optional(fc.integer({ min: now, max: now + 2 ** 50 })),
      timestamp: optional(fc.integer({ min: 0, max: 2 ** 50 })),
      deliveryCount: fc.integer({ min: 0, max: 2 ** 31 }),
      hops: fc.integer({ min: 0, max: 16 }),
    })
    .map((init) => envelope(init));

  it('comes back equal, field by field', () => {
    fc.assert(
      fc.property(any, (from) => {
        const bytesOut = fromEnvelope(from, from.deliveryCount, undefined, now);
        const back = plain(toEnvelope(readMessage(bytesOut), from.address, now));
        assert.deepEqual(comparable(back), comparable(from));
      }),
      { numRuns: 500 },
    );
  });
});

/** Buffers and plain byte arrays alike. */
function comparable(from: Envelope): unknown {
  const bytes = (value: unknown): unknown => (value instanceof Uint8Array ? [...value] : value);
  return {
    ...from,
    id: bytes(from.id),
    correlationId: bytes(from.correlationId),
    body: bytes(from.body),
    headers: from.headers.map((header) => header.map(bytes)),
  };
}
