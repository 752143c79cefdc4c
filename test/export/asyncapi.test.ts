import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import type { Configuration } from '../../src/config/load.ts';
import { asyncApi } from '../../src/export/asyncapi.ts';
import { protocols } from '../../src/protocols/index.ts';
import { load } from '../config/support.ts';
import { root, runCommand } from '../e2e/gateway.ts';

/** The official schema of AsyncAPI 3.0. */
const official = createRequire(import.meta.url)('@asyncapi/specs/schemas/3.0.0.json') as object;
const fits = new Ajv({
  strict: false,
  validateFormats: false,
  logger: false,
  meta: false,
  validateSchema: false,
}).compile(official);

interface Document {
  readonly servers: Record<string, Record<string, unknown>>;
  readonly channels: Record<
    string,
    { address: string | null; parameters?: Record<string, { location?: string }>; servers: Reference[] }
  >;
  readonly operations: Record<string, Record<string, unknown> & { channel: Reference }>;
}
interface Reference {
  readonly $ref: string;
}

/** As JSON, since that is what a schema judges; every reference must lead somewhere. */
function judged(document: unknown): Document {
  assert.ok(fits(document), JSON.stringify(fits.errors?.slice(0, 5)));
  const text = JSON.stringify(document);
  for (const [, path] of text.matchAll(/"\$ref":"#\/([^"]+)"/g)) {
    const [section, key] = path!.split('/') as ['servers' | 'channels', string];
    assert.ok(Object.hasOwn((document as Document)[section], key), path);
  }
  for (const { address, parameters } of Object.values((document as Document).channels))
    assert.deepEqual(
      [...(address ?? '').matchAll(/\{([^}]*)\}/g)].map(([, name]) => name!).sort(),
      Object.keys(parameters ?? {}).sort(),
    );
  return document as Document;
}

const exported = (configuration: Configuration): Document =>
  judged(JSON.parse(JSON.stringify(asyncApi(configuration, { title: 'T', version: '2.0.0' }))));

describe('junction export asyncapi', () => {
  for (const config of ['config/junction.yaml', 'config/compose.yaml'])
    it(`${config} in YAML and in JSON, as the official schema has it`, async (t) => {
      const folder = await mkdtemp(join(tmpdir(), 'junction-export-'));
      t.after(() => rm(folder, { recursive: true }));
      const file = join(folder, 'api.yaml');
      const run = (...args: string[]) =>
        runCommand(process.execPath, [
          '--import',
          'tsx',
          'src/main.ts',
          'export',
          'asyncapi',
          '-c',
          config,
          ...args,
        ]);
      const [yaml, json] = await Promise.all([
        run('-o', file, '--title', 'Ours'),
        run('--json', '--title', 'Ours'),
      ]);
      assert.deepEqual([yaml.code, json.code, yaml.stdout], [0, 0, ''], yaml.stderr + json.stderr);
      const written = judged(parse(await readFile(file, 'utf8')));
      assert.deepEqual(written, JSON.parse(json.stdout));
      const routes = parse(await readFile(join(root, 'routes/quickstart.yaml'), 'utf8')) as {
        routes: { name: string; to: object[] }[];
      };
      for (const { name, to } of routes.routes)
        assert.equal(
          Object.keys(written.operations).filter((key) => key.startsWith(`${name}.send`)).length,
          to.length,
        );
    });

  it('says where, by what, and how all of it is routed, and no secret', async () => {
    const configuration = await load(
      {
        'junction.yaml': `endpoints:
  shop: { type: mqtt, listen: "0.0.0.0:1883", websocket: { listen: ":8083", path: /ws } }
  office: { type: amqp, listen: ":5672", users: { ada: "\${WORD}" } }
  k: { type: kafka, brokers: ["k1:9092", "k2:9092"], tls: true, sasl: { mechanism: plain, username: ada, password: "\${WORD}" } }
  r: { type: rabbitmq, url: "amqps://r/v", username: ada, password: "\${WORD}" }
  far: { type: stomp, url: "wss://far/stomp" }
routes: [r.yaml]
`,
        'r.yaml': `owner: sales
routes:
  - name: a
    description: All that shops say
    from: { endpoint: shop, address: "+/{any}/+/{more...}" }
    when: "size > 5"
    dead_letter: { endpoint: office, address: dead }
    to:
      - { endpoint: k, address: "t.{any}.{header.a/b}", key: "{id}" }
      - { endpoint: r, address: "/queues/{body./a/b}-{{x}}" }
      - { endpoint: far, address: "/topic/{more}", mirror: 10% }
  - { name: b, from: { endpoint: shop, address: "#" }, to: [{ endpoint: office, address: dead }] }
`,
      },
      { protocols, env: { WORD: 'hunter2' } },
    );
    const { servers, channels, operations } = exported(configuration);
    assert.doesNotMatch(JSON.stringify({ servers, channels, operations }), /hunter2|ada/);
    assert.deepEqual(
      Object.entries(servers).map(([name, { host, pathname, protocol, protocolVersion }]) => [
        name,
        host,
        pathname,
        protocol,
        protocolVersion,
      ]),
      [
        ['shop', '0.0.0.0:1883', undefined, 'mqtt', undefined],
        ['shop-2', '127.0.0.1:8083', '/ws', 'ws', undefined],
        ['office', '127.0.0.1:5672', undefined, 'amqp1', '1.0'],
        ['k', 'k1:9092', undefined, 'kafka-secure', undefined],
        ['k-2', 'k2:9092', undefined, 'kafka-secure', undefined],
        ['r', 'r:5671', '/v', 'amqps', '0-9-1'],
        ['far', 'far:443', '/stomp', 'wss', undefined],
      ],
    );
    assert.ok(
      !fits({ asyncapi: '3.0.0', info: { title: 'T' }, servers, channels, operations }),
      'the schema looks',
    );
    const at = (operation: string) =>
      channels[operations[operation]!.channel.$ref.slice('#/channels/'.length)]!;
    assert.equal(at('a.receive').address, '{any2}/{any}/{any3}/{more}');
    assert.deepEqual(at('a.receive').servers, [{ $ref: '#/servers/shop' }, { $ref: '#/servers/shop-2' }]);
    assert.equal(at('a.send.1').parameters!['header-a-b']!.location, '$message.header#/a~1b');
    assert.equal(at('a.send.2').address, '/queues/{body-a-b}-%7Bx%7D');
    assert.equal(at('a.send.2').parameters!['body-a-b']!.location, '$message.payload#/a/b');
    assert.equal(at('b.receive').address, '{rest}');
    const retry = { deadline: '30s', backoff: { from: '200ms', to: '30s' } };
    assert.deepEqual(operations['a.receive'], {
      action: 'receive',
      channel: operations['a.receive']!.channel,
      title: 'a',
      summary: 'All that shops say',
      tags: [{ name: 'sales' }],
      'x-junction-route': {
        name: 'a',
        owner: 'sales',
        file: 'r.yaml',
        from: { endpoint: 'shop', address: '+/{any}/+/{more...}' },
        when: 'size > 5',
        to: [
          { endpoint: 'k', address: 't.{any}.{header.a/b}', key: '{id}', retry },
          { endpoint: 'r', address: '/queues/{body./a/b}-{{x}}', retry },
          { endpoint: 'far', address: '/topic/{more}', mirror: '10%' },
        ],
        dead_letter: { endpoint: 'office', address: 'dead' },
      },
    });
  });

  it('says what targets change, and where answers go, and no value of a header', async () => {
    const configuration = await load(
      {
        'junction.yaml': `endpoints:
  shop: { type: mqtt, listen: ":1883" }
  office: { type: amqp, listen: ":5672" }
routes: [r.yaml]
`,
        'r.yaml': `routes:
  - name: ask
    from: { endpoint: shop, address: "ask/{x}" }
    reply: { address: answers, allow: ["back/#"] }
    to:
      - endpoint: office
        address: asked
        ttl: 5m
        headers: { set: { token: "\${WORD}" }, remove: [debug] }
        format: cloudevents
        retry: { attempts: 3 }
`,
      },
      { protocols, env: { WORD: 'hunter2' } },
    );
    const { channels, operations } = exported(configuration);
    assert.doesNotMatch(JSON.stringify(operations), /hunter2/);
    const [target] = (operations['ask.receive']!['x-junction-route'] as { to: Record<string, unknown>[] }).to;
    assert.deepEqual(target, {
      endpoint: 'office',
      address: 'asked',
      headers: { set: ['token'], remove: ['debug'] },
      ttl: '5m',
      steps: ['makes them cloudevents'],
      retry: { attempts: 3, backoff: { from: '200ms', to: '30s' } },
      reply: { address: 'answers', timeout: '30s', answers: 'first' },
    });
    const { channel } = operations['ask.send']!['reply'] as { channel: Reference };
    assert.equal(channels[channel.$ref.slice('#/channels/'.length)]!.address, 'answers');
    assert.deepEqual(channel, operations['ask.reply@office.receive']!.channel);
    const back = operations['ask.reply@office.send']!.channel.$ref;
    assert.equal(channels[back.slice('#/channels/'.length)]!.address, null);
  });
});
