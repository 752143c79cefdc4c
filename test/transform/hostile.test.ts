import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Envelope } from '../../src/core/envelope.ts';
import { apply, message, transformOf } from './support.ts';

const hex = (text: string) => Buffer.from(text, 'hex');
const many = (text: string, n: number) => hex(text.repeat(n));

describe('bodies that mean harm', () => {
  const json = { from: 'json' as const, to: 'cbor' as const };
  const cases: [string, Parameters<typeof transformOf>[0]['body'], Buffer | string, RegExp][] = [
    ['JSON, nested', json, '['.repeat(1_000_000) + ']'.repeat(1_000_000), /nested/],
    [
      'JSON, nested, with a large number',
      json,
      '['.repeat(100_000) + '12345678901234567890' + ']'.repeat(100_000),
      /nested/,
    ],
    [
      'JSON to JSON, nested',
      { from: 'json', jsonata: '{ "a": $ }' },
      '['.repeat(5_000) + ']'.repeat(5_000),
      /nested/,
    ],
    ['a JSON number of a million digits', json, '9'.repeat(1_000_000), /more than 1000 digits/],
    ['half a surrogate pair', json, '"\\ud800"', /half a surrogate pair/],
    ['no UTF-8', json, hex('22ff22'), /not UTF-8/],
    ['no JSON', json, '{"a":1,}', /not JSON/],
    ['no body', json, '', /not JSON/],
    ['CBOR, nested', { from: 'cbor', to: 'json' }, many('81', 1_000_000), /nested/],
    ['a CBOR list of 2^53 entries', { from: 'cbor', to: 'json' }, hex('9b001fffffffffffff'), /not CBOR/],
    ['a CBOR text of 4 GiB', { from: 'cbor', to: 'json' }, hex('7affffffff61'), /not CBOR/],
    [
      'a CBOR bignum of 1 MB',
      { from: 'cbor', to: 'json' },
      Buffer.concat([hex('c25a00100000'), Buffer.alloc(1 << 20, 1)]),
      /digits/,
    ],
    ['CBOR tags, nested', { from: 'cbor', to: 'json' }, many('c6', 1_000_000), /nested/],
    ['a CBOR key that is there twice', { from: 'cbor', to: 'json' }, hex('a2616101616102'), /repeat map key/],
    ['CBOR keys that are one text', { from: 'cbor', to: 'json' }, hex('a20101613102'), /keys are both "1"/],
    ['a CBOR number that JSON cannot hold', { from: 'cbor', to: 'json' }, hex('f97e00'), /NaN/],
    [
      'a CBOR decimal of a large exponent',
      { from: 'cbor', to: { avro: 'order.avsc' } },
      hex('a1626964c4821b7fffffffffffffff01'),
      /expected/,
    ],
    ['MessagePack, nested', { from: 'msgpack', to: 'json' }, many('91', 1_000_000), /nested/],
    [
      'MessagePack lists of 4 G entries',
      { from: 'msgpack', to: 'json' },
      many('ddffffffff', 100_000),
      /ends too early/,
    ],
    ['an unknown MessagePack extension', { from: 'msgpack', to: 'json' }, hex('d40500'), /extension type 5/],
    ['MessagePack and more', { from: 'msgpack', to: 'json' }, hex('0101'), /more follows/],
    [
      'a number too large for MessagePack',
      { from: 'json', to: 'msgpack' },
      '18446744073709551616',
      /64 bits/,
    ],
    [
      'a decimal for MessagePack',
      { from: 'json', to: 'msgpack' },
      '0.12345678901234567891',
      /numbers: double/,
    ],
    ['Avro that ends too early', { from: { avro: 'order.avsc' }, to: 'json' }, hex('02'), /ends too early/],
    [
      'an Avro text of 2 GiB',
      { from: { avro: 'order.avsc' }, to: 'json' },
      hex('0202feffffff0f'),
      /ends too early/,
    ],
    [
      'an Avro list of 2^62 entries',
      { from: { avro: 'order.avsc' }, to: 'json' },
      hex('0200000200' + '00' + 'feffffffffffffff7f'),
      /ends too early/,
    ],
    [
      'an Avro number without end',
      { from: { avro: 'order.avsc' }, to: 'json' },
      many('ff', 100),
      /more than 64 bits/,
    ],
    [
      'Protocol Buffers that end too early',
      { from: { protobuf: 'order.proto', message: 'acme.Order' }, to: 'json' },
      hex('32ffffffff0f'),
      /not a message acme.Order/,
    ],
    [
      'a field that a message has not',
      { from: 'json', to: { protobuf: 'order.proto', message: 'acme.Order' } },
      '{"nope":1}',
      /does not fit the message acme.Order/,
    ],
    [
      'a text that is none, for a message',
      { from: { protobuf: 'order.proto', message: 'acme.Cancel' }, to: 'json' },
      hex('08'),
      /not a message/,
    ],
  ];
  for (const [what, body, bytes, expected] of cases)
    it(`refuses ${what}`, async () => {
      const transform = await transformOf({ body });
      await assert.rejects(async () => apply(transform, message(bytes)), {
        code: 'invalid-message',
        message: expected,
      });
    });

  it('refuses a list of what takes no bytes', async () => {
    const { avroFormat } = await import('../../src/transform/avro.ts');
    const format = avroFormat([{ type: 'array', items: 'null' }]);
    assert.throws(() => format.decode(hex('feffffffffffffff7f')), {
      message: /more than 100000 entries of no bytes/,
    });
  });

  const bombs: [string, Buffer][] = [['gzip', gzipSync(Buffer.alloc(64 << 20))]];
  for (const [encoding, bomb] of bombs)
    it(`expands no bomb of ${encoding}`, async () => {
      const transform = await transformOf({ decompress: 'auto' });
      await assert.rejects(async () => apply(transform, message(bomb, { contentEncoding: encoding })), {
        code: 'invalid-message',
        message: /more than 16777216 bytes/,
      });
    });

  it('expands no bomb of zstd, whatever it says of its size', async () => {
    const { Zstd } = await import('@hpcc-js/wasm-zstd');
    const library = await Zstd.load();
    const zeros = new Uint8Array(20 << 20);
    library.reset();
    const silent = Buffer.concat([library.compressChunk(zeros), library.compressEnd()]);
    const two = Buffer.concat([library.compress(new Uint8Array(10)), library.compress(zeros)]);
    const transform = await transformOf({ decompress: 'auto' });
    for (const bomb of [Buffer.from(library.compress(zeros)), silent, two])
      await assert.rejects(async () => apply(transform, message(bomb, { contentEncoding: 'zstd' })), {
        message: /more than 16777216 bytes/,
      });
    const cut = Buffer.from(library.compress(zeros)).subarray(0, 100);
    await assert.rejects(async () => apply(transform, message(cut, { contentEncoding: 'zstd' })), {
      code: 'invalid-message',
    });
  });

  it('says what it cannot read', async () => {
    const transform = await transformOf({ body: { to: 'cbor' } });
    const refused = async (init: Partial<Envelope>, expected: RegExp) =>
      assert.rejects(async () => apply(transform, message('{}', init)), {
        code: 'invalid-message',
        message: expected,
      });
    await refused({ contentType: 'image/png' }, /"image\/png" tells no format/);
    await refused({ contentEncoding: 'gzip' }, /is compressed \(gzip\); "decompress: auto"/);
    await refused({ bodyType: 'sequence' }, /AMQP sequence/);
    const unknown = await transformOf({ decompress: 'auto' });
    await assert.rejects(
      async () => apply(unknown, message('x', { contentEncoding: 'snappy' })),
      /"snappy" is not known/,
    );
  });

  it('leaves what is no body, and the given message, as they are', async () => {
    const transform = await transformOf({ decompress: 'auto', body: { to: 'cbor' }, compress: 'gzip' });
    assert.equal((await apply(transform, message(null))).body, null);
    const given = Object.freeze(message('{}', { bodyType: 'string', origin: {} }));
    const made = await apply(transform, given);
    assert.deepEqual([made.bodyType, made.origin, given.body!.toString()], ['data', undefined, '{}']);
    const text = await transformOf({ body: { jsonata: '$' } });
    assert.equal((await apply(text, given)).bodyType, 'string');
  });
});
