import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'node:test';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import { brokerPages } from '../../scripts/broker-pages.ts';
import { jsonSchemas } from '../../scripts/json-schemas.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const schemas = await jsonSchemas();

function validator(file: string): ValidateFunction {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false });
  // Read by editors.
  ajv.addKeyword('patternErrorMessage');
  ajv.addFormat('uri', (text) => URL.canParse(text));
  return ajv.compile(JSON.parse(schemas.get(file)!) as object);
}
const ofConfiguration = validator('junction.json');
const ofRoutes = validator('routes.json');
const validators = new Map([
  ['junction.json', ofConfiguration],
  ['routes.json', ofRoutes],
  ['tests.json', validator('tests.json')],
]);

/** What a schema complains of; none if all is well. */
function complaints(validate: ValidateFunction, text: string): string[] {
  validate(parse(text));
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

it('config/schema is what the schemas say (npm run docs makes it)', () => {
  for (const [file, text] of schemas)
    assert.equal(readFileSync(resolve(root, 'config/schema', file), 'utf8'), text, file);
});

describe('the examples', () => {
  const files = ['config', 'routes'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => join(folder, name)),
  );
  assert.ok(files.length >= 4);
  for (const file of files)
    it(`${file} names its schema and fits it`, () => {
      const text = readFileSync(resolve(root, file), 'utf8');
      const named = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1];
      assert.ok(named, 'the first line names the schema');
      const path = resolve(root, dirname(file), named);
      assert.ok(existsSync(path));
      assert.deepEqual(complaints(validators.get(basename(path))!, text), []);
    });

  it('those of the pages about brokers fit', async () => {
    for (const [page, text] of await brokerPages())
      for (const [, block] of text.matchAll(/^```yaml\n([^]*?)^```$/gm))
        assert.deepEqual(
          complaints(block!.startsWith('routes:') ? ofRoutes : ofConfiguration, block!),
          [],
          `${page}: ${block}`,
        );
  });
});

it('those of the page about routes fit', () => {
  const page = readFileSync(resolve(root, 'docs/routes.md'), 'utf8');
  const kinds: readonly [kind: RegExp, file: string][] = [
    [/^endpoints:/m, 'junction.json'],
    [/^routes:/m, 'routes.json'],
    [/^tests:/m, 'tests.json'],
  ];
  const told = [...page.matchAll(/^```yaml.*\n([^]*?)^```$/gm)].flatMap(([, block]) => {
    const file = kinds.find(([kind]) => kind.test(block!))?.[1];
    if (file !== undefined) assert.deepEqual(complaints(validators.get(file)!, block!), [], block);
    return file ?? [];
  });
  assert.deepEqual([...new Set(told)].sort(), [...validators.keys()].sort());
});

describe('what a schema can tell is refused', () => {
  const endpoint = (text: string): string => `endpoints:\n  e: ${text}\n`;
  const configurations = [
    'routes: []',
    'endpoints: {}',
    endpoint('{ listen: ":1" }'),
    endpoint('{ type: mqt, listen: ":1" }'),
    endpoint('{ type: mqtt }'),
    endpoint('{ type: mqtt, lisen: ":1" }'),
    endpoint('{ type: mqtt, listen: ":1", url: "mqtt://x" }'),
    endpoint('{ type: mqtt, listen: ":1", windw: 5 }'),
    endpoint('{ type: kafka, listen: ":1" }'),
    endpoint('{ type: kafka }'),
    endpoint('{ type: kafka, brokers: [] }'),
    endpoint('{ type: kafka, brokers: ["a:1"], sasl: { mechanism: plain } }'),
    endpoint('{ type: kafka, brokers: ["a:1"], sasl: { mechanism: kerberos, username: a, password: b } }'),
    endpoint('{ type: amqp, listen: x }'),
    endpoint('{ type: amqp, listen: ":1", grace: 5 }'),
    endpoint('{ type: amqp, listen: ":1", grace: 5 s }'),
    endpoint('{ type: amqp, listen: ":1", window: 0 }'),
    endpoint('{ type: amqp, listen: ":1", window: 1.5 }'),
    endpoint('{ type: amqp, listen: ":1", local: "true" }'),
    endpoint('{ type: amqp, listen: ":1", unrouted: rejct }'),
    endpoint('{ type: mqtt, url: "amqp://x" }'),
    endpoint('{ type: mqtt, url: "mqtt://user:word@x" }'),
    endpoint('{ type: mqtt, url: "mqtt://x", password: 5 }'),
    endpoint('{ type: mqtt, url: "mqtt://x", qos: 3 }'),
    endpoint('5'),
    'endpoints:\n  1e: { type: amqp, listen: ":1" }',
    endpoint('{ type: amqp, listen: ":1" }\nlog: { level: inf }'),
    endpoint('{ type: amqp, listen: ":1" }\ndrain: 5'),
  ];
  const routes = [
    '{}',
    'routes: [{ name: a, descripton: b, from: { endpoint: e, address: a }, to: [{ endpoint: e, address: b }] }]',
    'routes: [{ name: a, from: { endpoint: e, address: a }, to: amqp }]',
    'routes: [{ name: a, from: { endpoint: e, address: a }, to: [] }]',
    'routes: [{ name: a, from: { endpoint: e, address: a }, to: [{ endpoint: e, adress: b }] }]',
    'routes: [{ name: a b, from: { endpoint: e, address: a }, to: [{ endpoint: e, address: b }] }]',
    'routes: [{ name: a, from: { endpoint: e, address: "" }, to: [{ endpoint: e, address: b }] }]',
    'owner: [sales]\nroutes: []',
    'defaults: { dead_letter: true }\nroutes: []',
    'defaults: { dead_letter: shop }\nroutes: []',
    'defaults: { retry: true }\nroutes: []',
    'defaults: { retry: { deadline: 10 } }\nroutes: []',
    'defaults: { dedup: 5 }\nroutes: []',
    'defaults: { spool: { full: drop } }\nroutes: []',
  ];
  for (const text of configurations)
    it(text.replaceAll('\n', ' '), () => assert.notDeepEqual(complaints(ofConfiguration, text), []));
  for (const text of routes) it(text, () => assert.notDeepEqual(complaints(ofRoutes, text), []));
});

it('a variable may stand for any value', () => {
  const text = `endpoints:
  a: { type: amqp, listen: "\${AT}", window: "\${W:-5}", local: "\${L}", unrouted: "\${U}", grace: "\${G}s" }
  m: { type: mqtt, url: "mqtt://\${HOST}", qos: "\${Q}" }
  k: { type: kafka, brokers: ["\${B}"], tls: "\${T}", sasl: { mechanism: "\${M}", token_url: "\${T}", client_id: a, client_secret: b } }
log: { level: "\${LEVEL:-info}" }
`;
  assert.deepEqual(complaints(ofConfiguration, text), []);
  assert.deepEqual(complaints(ofRoutes, 'defaults: { spool: "${S}", dedup: "${D}", dead_letter: "${D}" }\nroutes: []'), []);
});
