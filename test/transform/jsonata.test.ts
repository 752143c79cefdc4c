import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileTransform, TransformError, transformSchema } from '../../src/transform/index.ts';
import { z } from 'zod';
import { apply, message, textIn, transformOf } from './support.ts';

const invalid = (text: RegExp) => ({ code: 'invalid-message', message: text });

const run = async (jsonata: string, body: string, more: object = {}, init: object = {}) => {
  const transform = await transformOf({ body: { from: 'json', jsonata, ...more } });
  return textIn(await apply(transform, message(body, init)));
};

describe('JSONata', () => {
  it('passes numbers on that no double holds', async () => {
    const body = '{"id":18446744073709551615,"price":0.12345678901234567891,"n":1}';
    assert.equal(await run('$merge([$, { "n": n + 1 }])', body), body.replace('"n":1', '"n":2'));
    assert.equal(await run('$ ~> |$|{ "n": 2 }|', body), body.replace('"n":1', '"n":2'));
  });

  it('computes with them where they are rounded', async () => {
    await assert.rejects(
      run('id + 1', '{"id":9007199254740993}'),
      invalid(/failed at character 4: The left side/),
    );
    await assert.rejects(
      run('id & ""', '{"id":9007199254740993}'),
      invalid(/only pass on; "numbers: double"/),
    );
    assert.equal(await run('id + 1', '{"id":9007199254740993}', { numbers: 'double' }), '9007199254740992');
  });

  it('passes bytes on, and sees moments as text', async () => {
    const there = await transformOf({ body: { from: 'json', to: 'msgpack' } });
    const back = await transformOf({
      body: { from: 'msgpack', jsonata: '{ "b": b, "all": $count(**) }', to: 'cbor' },
    });
    const made = await apply(back, await apply(there, message('{"b":"x"}')));
    assert.equal(Buffer.from(made.body!).toString('hex'), 'a261626178' + '63616c6c02');
    const bytes = await apply(
      await transformOf({ body: { from: 'msgpack', jsonata: '{ "b": b, "t": $toMillis(t) }', to: 'cbor' } }),
      message(Buffer.from('82a162c40200ffa174d6ff65e07140', 'hex')),
    );
    assert.equal(Buffer.from(bytes.body!).toString('hex'), 'a261624200ff61741b0000018df4ba6200');
  });

  it('knows the message and the captures', async () => {
    const transform = await transformOf({
      body: { jsonata: '{ "a": $message.address, "h": $message.headers.x, "c": $captures.shop }' },
    });
    const given = message('{}', {
      headers: [
        ['x', 5n],
        ['x', 'second'],
      ],
      address: 'shops/b',
    });
    const made = await transform.apply(given, new Map([['shop', 'b']]));
    assert.equal(textIn(made), '{"a":"shops/b","h":"5","c":"b"}');
  });

  it('makes no message of nothing', async () => {
    await assert.rejects(run('missing', '{}'), invalid(/gave nothing/));
    assert.equal(await run('[missing]', '{}'), '[]');
    assert.equal(await run('{ "f": $sum, "n": null }', '{}'), '{"n":null}');
  });

  it('ends an expression that does not end, while other work goes on', async () => {
    let turns = 0;
    let ended = false;
    const turn = (): void => {
      turns++;
      if (!ended) setImmediate(turn);
    };
    setImmediate(turn);
    const endless = '($f := function($n) { $f($n + 1) }; $f(0))';
    await assert.rejects(run(endless, '{}', { timeout: '100ms' }), invalid(/took more than 100 ms/));
    ended = true;
    assert.ok(turns > 0);
    assert.equal(await run('1 + 1', '{}'), '2');
  });

  it('bounds calls, lists and what a text makes of a regular expression', async () => {
    await assert.rejects(run('($f := function($n) { 1 + $f($n) }; $f(0))', '{}'), invalid(/Stack overflow/));
    await assert.rejects(run('[1..2000000]', '{}'), invalid(/maximum sequence length/));
    const slow = `{"s":"${'a'.repeat(50_000)}!"}`;
    assert.equal(await run('$contains(s, /(a+)+$/)', slow), 'false');
  });

  it('has regular expressions as JavaScript does', async () => {
    assert.equal(await run('$replace(s, /(\\d+)-(\\d+)/, "$2-$1")', '{"s":"1-2 3-4"}'), '"2-1 4-3"');
    assert.equal(
      await run('$match(s, /B/i).{"m": match, "i": index}', '{"s":"ab😀b"}'),
      '[{"m":"b","i":1},{"m":"b","i":4}]',
    );
    assert.equal(await run('$split(s, /\\s*,\\s*/)', '{"s":"a , b,c"}'), '["a","b","c"]');
  });

  const target = z.strictObject(transformSchema);
  const mistakes: [string, number | undefined, RegExp][] = [
    ["{ 'a': b[ }", 10, /cannot be used as a unary operator/],
    ['$foo(', 5, /Expected "\)" before end/],
    ['$match(s, /(?=a)/)', 10, /regular expression .* cannot be used/],
  ];
  for (const [jsonata, offset, expected] of mistakes)
    it(`finds the mistake in ${jsonata}`, async () => {
      await assert.rejects(
        compileTransform(target.parse({ body: { jsonata } }), { folder: '.' }),
        (error) => {
          assert.ok(error instanceof TransformError);
          assert.match(error.message, expected);
          assert.deepEqual([error.path, error.offset], [['body', 'jsonata'], offset]);
          return true;
        },
      );
    });
});
