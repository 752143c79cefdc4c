import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, beforeEach, describe, it } from 'node:test';
import { RegistryPeer } from './registry-peer.ts';
import { apply, message, registryAt, textIn, transformOf } from './support.ts';

const order = (n: number) => ({ type: 'record', name: `R${n}`, fields: [{ name: 'a', type: 'long' }] });
const described = (schema: unknown, more: object = {}) => ({ schema: JSON.stringify(schema), ...more });

describe('a schema registry', () => {
  let peer: RegistryPeer;
  let url: string;
  before(async () => {
    peer = new RegistryPeer({});
    url = await peer.start();
  });
  after(() => peer.stop());
  beforeEach(() => {
    peer.fails = peer.authorization = undefined;
    peer.asked.length = 0;
  });

  const framed = (id: number, hex: string) => {
    const head = Buffer.alloc(5);
    head.writeUInt32BE(id, 1);
    return Buffer.concat([head, Buffer.from(hex, 'hex')]);
  };
  const reader = (more?: object) =>
    transformOf({ body: { from: { registry: 'main' }, to: 'json' } }, registryAt(url, more));
  const writer = (more?: object) =>
    transformOf(
      { body: { from: 'json', to: { registry: 'main', subject: 's/1-value' } } },
      registryAt(url, more),
    );

  it('is asked once for each schema, however many messages come at once', async () => {
    peer.set('/schemas/ids/1', described(order(1)));
    const transform = await reader();
    const made = await Promise.all(
      Array.from({ length: 50 }, () => apply(transform, message(framed(1, '02')))),
    );
    assert.equal(textIn(made[49]!), '{"a":1}');
    assert.deepEqual(peer.asked, ['/schemas/ids/1']);
    const again = transform.apply(message(framed(1, '04')), new Map());
    assert.ok(!(again instanceof Promise), 'what is known is at once');
  });

  it('has no schema of that number: the message is at fault, and nobody asks again soon', async () => {
    const transform = await reader();
    for (let n = 0; n < 3; n++)
      await assert.rejects(async () => apply(transform, message(framed(99, '02'))), {
        code: 'invalid-message',
        message: 'the schema registry main has no schema 99',
      });
    assert.deepEqual(peer.asked, ['/schemas/ids/99']);
    await assert.rejects(async () => apply(transform, message('{}')), { code: 'invalid-message' });
  });

  for (const fails of [500, 'silent'] as const)
    it(`is away (${fails}): messages wait, and go on when it is back`, async () => {
      peer.set('/schemas/ids/2', described(order(2)));
      peer.fails = fails;
      const transform = await reader({ timeout: '200ms' });
      await assert.rejects(async () => apply(transform, message(framed(2, '02'))), {
        code: 'unavailable',
        retryable: true,
      });
      peer.fails = undefined;
      for (;;) {
        try {
          assert.equal(textIn(await apply(transform, message(framed(2, '02')))), '{"a":1}');
          return;
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'unavailable');
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    });

  it('is told who we are', async () => {
    peer.set('/schemas/ids/3', described(order(3)));
    peer.authorization = `Basic ${Buffer.from('u:p').toString('base64')}`;
    await assert.rejects(async () => apply(await reader(), message(framed(3, '02'))), {
      code: 'unavailable',
      message: /refuses us \(status 401\)/,
    });
    const known = await reader({ username: 'u', password: 'p' });
    assert.equal(textIn(await apply(known, message(framed(3, '02')))), '{"a":1}');
  });

  it('writes with the latest schema of a subject, and waits for a subject that is not there yet', async () => {
    await assert.rejects(async () => apply(await writer(), message('{"a":1}')), {
      code: 'unavailable',
      message: /has no subjects\/s%2F1-value|has no subjects\/s\/1-value/,
    });
    peer.set('/subjects/s%2F1-value/versions/latest', { id: 7, ...described(order(7)) });
    const transform = await writer({ refresh: '1ms' });
    const made = await apply(transform, message('{"a":1}'));
    assert.equal(Buffer.from(made.body!).toString('hex'), '000000000702');
    assert.equal(made.contentType, 'avro/binary');
    peer.set('/subjects/s%2F1-value/versions/latest', { id: 8, ...described(order(8)) });
    for (let id = 7; id !== 8;) {
      id = Buffer.from((await apply(transform, message('{"a":1}'))).body!).readUInt32BE(1);
      await new Promise(setImmediate);
    }
    peer.fails = 500;
    assert.equal(
      (await apply(transform, message('{"a":1}'))).body!.length,
      6,
      'the old one goes on being used',
    );
  });

  it('has Avro schemas that refer to others', async () => {
    const inner = { type: 'record', name: 'acme.Inner', fields: [{ name: 'x', type: 'int' }] };
    const outer = { type: 'record', name: 'Outer', fields: [{ name: 'in', type: 'acme.Inner' }] };
    peer.set('/subjects/inner/versions/3', described(inner));
    const references = [{ name: 'acme.Inner', subject: 'inner', version: 3 }];
    peer.set('/schemas/ids/4', described(outer, { references }));
    assert.equal(textIn(await apply(await reader(), message(framed(4, '0a')))), '{"in":{"x":5}}');
  });

  it('has Protocol Buffers as text, with imports', async () => {
    const text = await readFile(new URL('./schemas/order.proto', import.meta.url), 'utf8');
    const money = await readFile(new URL('./schemas/common/money.proto', import.meta.url), 'utf8');
    peer.set('/subjects/money/versions/1', { schema: money, schemaType: 'PROTOBUF' });
    const references = [{ name: 'common/money.proto', subject: 'money', version: 1 }];
    peer.set('/schemas/ids/5', { schema: text, schemaType: 'PROTOBUF', references });
    assert.equal(textIn(await apply(await reader(), message(framed(5, '0202' + '0807')))), '{"id":"7"}');
    assert.equal(textIn(await apply(await reader(), message(framed(5, '040000' + '0a0178')))), '{"sku":"x"}');
    await assert.rejects(async () => apply(await reader(), message(framed(5, '0212'))), {
      message: /which has none there/,
    });
  });

  it('has schemas that cannot be used, or are not schemas', async () => {
    peer.set('/schemas/ids/6', { schema: '{"type":"nope"}' });
    peer.set('/schemas/ids/7', { schema: '{}', schemaType: 'XML' });
    peer.set('/schemas/ids/8', 'hello');
    await assert.rejects(async () => apply(await reader(), message(framed(6, '02'))), {
      code: 'invalid-message',
      message: /schema 6 of the registry main cannot be used/,
    });
    await assert.rejects(async () => apply(await reader(), message(framed(7, '02'))), {
      message: /type XML is not known/,
    });
    await assert.rejects(async () => apply(await reader(), message(framed(8, '02'))), {
      code: 'unavailable',
    });
  });

  it('has JSON schemas: bodies are JSON behind the number', async () => {
    peer.set('/schemas/ids/9', { schema: '{}', schemaType: 'JSON' });
    assert.equal(
      textIn(await apply(await reader(), message(framed(9, Buffer.from('{"a":1}').toString('hex'))))),
      '{"a":1}',
    );
  });

  it('is one that the configuration names', async () => {
    await assert.rejects(transformOf({ body: { from: { registry: 'other' } } }, registryAt(url)), {
      name: 'TransformError',
      message: 'unknown schema registry "other"',
      hint: 'known registries: main',
    });
  });
});
