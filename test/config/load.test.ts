import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { substitute } from '../../src/config/environment.ts';
import { loadConfiguration } from '../../src/config/load.ts';
import { endpoints, load, mistakes, protocols } from './support.ts';

const route = (name: string): string =>
  `routes:\n  - name: ${name}\n    from: { endpoint: mqtt, address: "${name}" }\n    to: [{ endpoint: amqp, address: "x" }]\n`;

describe('loadConfiguration', () => {
  it('loads the quickstart as it ships', async () => {
    const file = fileURLToPath(new URL('../../config/junction.yaml', import.meta.url));
    const configuration = await loadConfiguration(file, { env: { JUNCTION_MQTT_PORT: '2883' }, protocols });
    assert.deepEqual(
      [...configuration.endpoints.values()].map(({ name, role, config }) => [
        name,
        role,
        (config as { listen: unknown }).listen,
      ]),
      [
        ['mqtt', 'listener', { host: '127.0.0.1', port: 2883 }],
        ['amqp', 'listener', { host: '127.0.0.1', port: 5672 }],
        ['stomp', 'listener', { host: '127.0.0.1', port: 61613 }],
      ],
    );
    assert.deepEqual(
      configuration.routes.map(({ name, from, to }) => [
        name,
        `${from.endpoint} ${from.pattern.text}`,
        ...to.map(({ endpoint, template }) => `${endpoint} ${template.text}`),
      ]),
      [
        [
          'telemetry',
          'mqtt plants/{plant}/telemetry',
          'amqp telemetry.{plant}',
          'stomp /topic/telemetry.{plant}',
        ],
        ['commands', 'amqp commands.{plant}', 'mqtt plants/{plant}/commands'],
        ['orders', 'stomp /queue/orders', 'amqp orders', 'mqtt orders/new'],
      ],
    );
    assert.deepEqual(configuration.admin, { host: '127.0.0.1', port: 8080 });
    assert.deepEqual(configuration.log, { level: 'info', format: 'auto' });
    assert.deepEqual(configuration.warnings, []);
  });

  it('keeps what a route says and where it says it', async () => {
    const { routes } = await load({
      'junction.yaml': `${endpoints}routes: [r.yaml]\n`,
      'r.yaml': `owner: sales
routes:
  - name: a
    description: What it is for
    from: { endpoint: mqtt, address: "a/{x}/{y...}" }
    to: [{ endpoint: amqp, address: "b.{x}" }]
`,
    });
    const [{ file, line, name, description, owner, from, to }] = routes as [(typeof routes)[number]];
    assert.match(file, /r\.yaml$/);
    assert.deepEqual(
      { line, name, description, owner, captures: from.pattern.captures, to: to.map((t) => t.template.text) },
      {
        line: 3,
        name: 'a',
        description: 'What it is for',
        owner: 'sales',
        captures: ['x', 'y'],
        to: ['b.{x}'],
      },
    );
  });

  it('finds route files by patterns, each once, and not hidden ones', async () => {
    const { routes, files } = await load({
      'junction.yaml': `${endpoints}routes: [b.yaml, routes/**/*.yaml, "routes/*/?.yaml", routes/../b.yaml]\n`,
      'b.yaml': route('b'),
      'routes/x.yaml': route('x'),
      'routes/sales/y.yaml': route('y'),
      'routes/sales/eu/z.yaml': route('z'),
      'routes/sales/readme.md': 'no route',
      'routes/..2024/x.yaml': route('x'),
    });
    assert.deepEqual(
      routes.map(({ name }) => name),
      ['b', 'z', 'y', 'x'],
    );
    assert.equal(files.length, 5);
  });

  it('a pattern that matches nothing is a warning', async () => {
    const { warnings } = await load({ 'junction.yaml': `${endpoints}routes: ["routes/*.yaml"]\n` });
    assert.deepEqual(
      warnings.map(({ severity, line, column }) => [severity, line, column]),
      [['warning', 5, 10]],
    );
    assert.equal(warnings[0]!.message, 'no file matches "routes/*.yaml"');
  });

  it('routesOverride replaces the route files', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'junction-routes-'));
    try {
      const other = join(folder, 'other.yaml');
      await writeFile(other, route('other'));
      const files = { 'junction.yaml': `${endpoints}routes: [gone.yaml]\n` };
      const { routes } = await load(files, { routesOverride: [other] });
      assert.deepEqual(
        routes.map(({ name, file }) => [name, file]),
        [['other', other]],
      );
      const missing = join(folder, 'missing.yaml');
      assert.deepEqual(await mistakes(files, { routesOverride: [missing] }), [
        `${missing}:1:1: the file cannot be read: there is no such file`,
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('environment', () => {
  const config = async (keys: string, env: Record<string, string>): Promise<Record<string, unknown>> => {
    const { endpoints } = await load({ 'junction.yaml': `endpoints:\n  e:\n    type: mqtt\n${keys}` }, { env });
    return endpoints.get('e')!.config as Record<string, unknown>;
  };

  const noFile = () => ({ reason: 'there is no such file' });

  it('replaces variables, defaults and dollars', () => {
    const env = { A: 'x', EMPTY: '', INNER: '${A}' };
    const result = (text: string): string => substitute(text, env, noFile).text;
    assert.equal(result('${A}-${B:-y}-${EMPTY:-z}-${EMPTY}|'), 'x-y-z-|');
    assert.equal(result('$$ $${A} $x $'), '$ ${A} $x $');
    assert.equal(result('${INNER}'), '${A}');
    assert.equal(result('${B:-}'), '');
  });

  it('what is not a variable is a mistake at its place', async () =>
    assert.deepEqual(
      await mistakes({ 'junction.yaml': `${endpoints}routes: ["a \${1X} \${X"]\n` }),
      [
        'junction.yaml:5:13: "${1X}" is not a variable; write ${NAME}, ${NAME:-default} or ${file:path}, or $$ for a dollar',
        'junction.yaml:5:19: "${X" is not a variable; write ${NAME}, ${NAME:-default} or ${file:path}, or $$ for a dollar',
      ],
    ));

  it('the content of a file is put in, without its last line break, relative to the file that names it', async () => {
    const { endpoints } = await load({
      'junction.yaml': 'endpoints:\n  e: { type: mqtt, url: "mqtt://${file:secrets/host}:1", password: "${file:secrets/pw}" }\n',
      'secrets/host': 'broker\n',
      'secrets/pw': '${A}: "line 1\nline 2"\r\n',
    });
    const { url, password } = endpoints.get('e')!.config as Record<string, unknown>;
    assert.deepEqual({ url, password }, { url: 'mqtt://broker:1', password: '${A}: "line 1\nline 2"' });
  });

  it('a file that cannot be read is a mistake at its place', async () =>
    assert.deepEqual(
      await mistakes({
        'junction.yaml': 'endpoints:\n  e: { type: mqtt, url: x, password: "${file:gone}${file:bytes}${file:.}" }\n',
        bytes: Uint8Array.of(0xff),
      }),
      [
        ['gone', 39, 'there is no such file'],
        ['bytes', 51, 'it is not UTF-8'],
        ['.', 64, 'it is a folder'],
      ].map(
        ([path, column, why]) =>
          `junction.yaml:2:${column}: the file ${path} cannot be read: ${why}; the path is relative to the folder of this file`,
      ),
    ));

  it('a plain scalar takes the type of what is put in', async () => {
    const { window, local } = await config(
      '    listen: ":1"\n    window: ${WINDOW}\n    local: ${LOCAL:-false}\n',
      {
        WINDOW: '64',
      },
    );
    assert.deepEqual({ window, local }, { window: 64, local: false });
  });

  it('a quoted scalar stays text', async () =>
    assert.deepEqual(
      await mistakes(
        { 'junction.yaml': 'endpoints:\n  e: { type: mqtt, listen: ":1", window: "${W}" }\n' },
        { env: { W: '64' } },
      ),
      ['junction.yaml:2:42: expected a number, got text; remove the quotes'],
    ));

  it('a password of digits stays the text it is', async () => {
    const { url, password } = await config('    url: x\n    password: ${PASSWORD}\n', { PASSWORD: '0815' });
    assert.deepEqual({ url, password }, { url: 'x', password: '0815' });
  });

  it('what is put in is never read as YAML', async () => {
    const hostile = 'a: {b} # "\' *x &y !z\n- $${A} ${A}';
    assert.equal((await config('    url: ${U}\n', { U: hostile }))['url'], hostile);
  });
});
