import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { endpoints, load, mistakes } from './support.ts';

const files = (target: string, more: Record<string, string> = {}, configuration = '') => ({
  'junction.yaml': `${endpoints}${configuration}routes: [routes.yaml]\n`,
  'routes.yaml': `routes:
  - name: r
    from: { endpoint: mqtt, address: a }
    to:
      - endpoint: amqp
        address: b
        ${target}
`,
  ...more,
});

const steps = async (target: string, more?: Record<string, string>) =>
  (await load(files(target, more))).routes[0]!.to[0]!.steps;

describe('transforms in routes', () => {
  it('are steps of their targets, known by what is written and by the files they are made of', async () => {
    const target = 'body: { to: { avro: o.avsc } }';
    const [first] = (await steps(target, { 'o.avsc': '"int"' }))!;
    const [same] = (await steps(target, { 'o.avsc': '"int"' }))!;
    const [other] = (await steps(target, { 'o.avsc': '"long"' }))!;
    assert.deepEqual(first, same);
    assert.notEqual(first!.identity, other!.identity);
    assert.equal(await steps('priority: 5'), undefined);
  });

  const wrong: [string, string, Record<string, string>?][] = [
    [
      `body: { jsonata: "{ 'a': b[ }" }`,
      'routes.yaml:7:37: the JSONata expression cannot be read: The symbol "}" cannot be used as a unary operator; see https://docs.jsonata.org',
    ],
    [
      'body: { to: { avro: o.avsc } }',
      'routes.yaml:7:29: the schema o.avsc cannot be used: there is no such file; the path is relative to the folder of this file',
    ],
    [
      'body: { to: { avro: o.avsc } }',
      'routes.yaml:7:29: the schema o.avsc cannot be used: undefined type name: nope',
      { 'o.avsc': '"nope"' },
    ],
    [
      'body: { from: { protobuf: o.proto, message: M } }',
      'routes.yaml:7:53: the schema o.proto cannot be used: it has no message M; its messages are a.N',
      { 'o.proto': 'syntax = "proto3"; package a; message N {}' },
    ],
    [
      'body: { from: { protobuf: o.proto } }',
      "routes.yaml:7:35: the schema o.proto cannot be used: o.proto imports x.proto, which is not there",
      { 'o.proto': 'syntax = "proto3"; import "x.proto";' },
    ],
    [
      'body: { to: avro }',
      'routes.yaml:7:21: avro needs its schema: write { avro: FILE }, or { registry: NAME }',
    ],
    ['body: {}', 'routes.yaml:7:15: say what becomes of the body: jsonata, to, or both'],
    [
      'body: { from: { registry: main } }',
      'routes.yaml:7:35: unknown schema registry "main"; the configuration has none; add it to "registries:"',
    ],
    ['body: { to: { registry: main } }', 'routes.yaml:7:21: a registry needs the subject whose schema bodies are written with; add "subject: …"'],
    ['body: { to: xml }', 'routes.yaml:7:21: expected json, cbor, msgpack, text, binary, avro, protobuf or a map, got "xml"'],
    ['compress: lz4', 'routes.yaml:7:19: expected one of gzip, deflate, br, zstd, got "lz4"'],
    [
      'content_type: x/y\n        body: { to: cbor }',
      'routes.yaml:8:15: the content type is changed before the body is read, so that it does not tell the format; say by "from:" what bodies come in',
    ],
  ];
  for (const [target, expected, more] of wrong)
    it(`has ${target.replace(/\n */, ' ')}`, async () => {
      assert.deepEqual(await mistakes(files(target, more)), [expected]);
    });

  it('name registries, which are checked', async () => {
    const registry = (text: string) => `registries: { main: ${text} }\n`;
    const [step] = (
      await load(files('body: { from: { registry: main } }', {}, registry('{ url: "http://r:8081", token: x }')))
    ).routes[0]!.to[0]!.steps!;
    assert.match(step!.identity, /registry/);
    const found = await mistakes(files('priority: 5', {}, registry('{ url: "r:8081", username: u }')));
    assert.equal(found.length, 2);
    assert.match(found[0]!, /username and password belong together/);
    assert.match(found[1]!, /expected http:\/\/host:port/);
  });
});
