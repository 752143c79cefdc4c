import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { apply, message, textIn, transformOf } from './support.ts';

const json = { contentType: 'application/json' };

describe('body of a target', () => {
  it('is what a JSONata expression makes of it', async () => {
    const transform = await transformOf({ body: { jsonata: "{ 'id': id, 'lines': items[qty > 0] }" } });
    const order = '{"id": 9007199254740993, "items": [{"sku":"a","qty":1},{"sku":"b","qty":0}]}';
    const made = await apply(transform, message(order, json));
    assert.equal(textIn(made), '{"id":9007199254740993,"lines":{"sku":"a","qty":1}}');
    assert.equal(made.contentType, 'application/json');
    assert.equal(transform.async, true);
  });

  for (const to of ['cbor', 'msgpack'] as const)
    it(`comes back from ${to} as it was`, async () => {
      const there = await transformOf({ body: { to } });
      const back = await transformOf({ body: { to: 'json' } });
      const text =
        '{"b":1,"a":[18446744073709551615,-9223372036854775808,1.5,-7,true,null,"ä😀",{}],"__proto__":{"x":1}}';
      const between = await apply(there, message(text, json));
      assert.equal(between.contentType, `application/${to}`);
      assert.equal(textIn(await apply(back, between)), text);
      assert.equal(there.async, false);
    });

  for (const compress of ['gzip', 'deflate', 'br', 'zstd'] as const)
    it(`comes back from ${compress} as it was`, async () => {
      const transform = await transformOf({ compress });
      const body = 'abc'.repeat(100_000);
      const packed = await apply(transform, message(body, json));
      assert.equal(packed.contentEncoding, compress);
      assert.ok(packed.body!.length < 10_000);
      const back = await apply(await transformOf({ decompress: 'auto' }), packed);
      assert.equal(back.contentEncoding, undefined);
      assert.equal(textIn(back), body);
      await assert.rejects(async () => apply(await transformOf({ decompress: { max: '299999B' } }), packed), {
        code: 'invalid-message',
        message: 'the body is more than 299999 bytes when expanded',
      });
    });
});
