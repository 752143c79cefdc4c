import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { z } from 'zod';
import type { transformSchema } from '../../src/transform/index.ts';
import { RegistryPeer } from './registry-peer.ts';
import { apply, message, registryAt, textIn, transformOf } from './support.ts';

interface Golden {
  readonly name: string;
  readonly format: string;
  readonly base64: string;
  readonly json: string | null;
  readonly order?: false;
  readonly length?: number;
  readonly subject?: string;
  readonly descriptors?: string;
}

// Made by golden.py: bodies as libraries of another language write them, and the answers of a real registry.
const golden = JSON.parse(await readFile(new URL('./golden.json', import.meta.url), 'utf8')) as {
  readonly registry: Record<string, unknown>;
  readonly bodies: readonly Golden[];
};

type Body = z.input<z.ZodObject<typeof transformSchema>>['body'];

const of = (...formats: string[]) => golden.bodies.filter(({ format }) => formats.includes(format));
const bytesOf = ({ base64 }: Golden) => Buffer.from(base64, 'base64');

describe('bodies of other implementations', () => {
  const peer = new RegistryPeer(golden.registry);
  let registries: ReturnType<typeof registryAt>;
  before(async () => {
    registries = registryAt(await peer.start());
  });
  after(() => peer.stop());

  const readings: Record<string, NonNullable<Body>['from']> = {
    cbor: 'cbor',
    msgpack: 'msgpack',
    avro: { avro: 'order.avsc' },
    protobuf: { protobuf: 'order.proto', message: 'acme.Order' },
    registry: { registry: 'main' },
  };
  for (const [format, from] of Object.entries(readings))
    for (const body of of(format))
      it(`reads ${format}: ${body.name}`, async () => {
        const transform = await transformOf({ body: { from, to: 'json' } }, registries);
        const read = textIn(await apply(transform, message(bytesOf(body))));
        if (body.order === false || format === 'protobuf' || body.json!.includes('"id":"'))
          assert.deepEqual(JSON.parse(read), JSON.parse(body.json!));
        else assert.equal(read, body.json);
      });

  it('reads what a compiled .proto file says', async () => {
    const [body] = of('protobuf');
    const folder = await mkdtemp(join(tmpdir(), 'junction-transform-'));
    try {
      const file = join(folder, 'order.binpb');
      await writeFile(file, Buffer.from(body!.descriptors!, 'base64'));
      const transform = await transformOf({ body: { from: { protobuf: file, message: 'acme.Order' } } });
      assert.deepEqual(
        JSON.parse(textIn(await apply(transform, message(bytesOf(body!))))),
        JSON.parse(body!.json!),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  // What they wrote is what we write of the same JSON, to the byte, where a format has one way for each value.
  const writings: Record<string, (body: Golden) => NonNullable<Body>['to']> = {
    avro: () => ({ avro: 'order.avsc' }),
    protobuf: () => ({ protobuf: 'order.proto', message: 'acme.Order' }),
    registry: ({ name, subject }) => ({
      registry: 'main',
      subject: subject!,
      ...(name.includes('second') && { message: 'acme.Cancel' }),
      ...(name.includes('within') && { message: 'acme.Order.Line' }),
    }),
  };
  for (const [format, to] of Object.entries(writings))
    for (const body of of(format))
      it(`writes ${format}: ${body.name}`, async () => {
        const transform = await transformOf({ body: { from: 'json', to: to(body) } }, registries);
        const written = await apply(transform, message(body.json));
        assert.equal(Buffer.from(written.body!).toString('hex'), bytesOf(body).toString('hex'));
      });

  for (const body of of('cbor', 'msgpack').filter(({ name }) => name === 'numbers'))
    it(`writes ${body.format}: ${body.name}`, async () => {
      const format = body.format as 'cbor' | 'msgpack';
      const there = await transformOf({ body: { from: format, jsonata: '$', to: format } });
      const written = await apply(there, message(bytesOf(body)));
      const back = await transformOf({ body: { from: format, to: 'json' } });
      assert.deepEqual(textIn(await apply(back, written)), textIn(await apply(back, message(bytesOf(body)))));
    });

  for (const body of of('gzip', 'deflate', 'br', 'zstd'))
    it(`expands ${body.format}: ${body.name}`, async () => {
      const transform = await transformOf({ decompress: 'auto' });
      const { body: expanded } = await apply(
        transform,
        message(bytesOf(body), { contentEncoding: body.format }),
      );
      if (body.json !== null) assert.equal(Buffer.from(expanded!).toString(), body.json);
      else assert.equal(expanded!.length, body.length);
    });
});
