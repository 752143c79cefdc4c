import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { loadConfiguration } from '../src/config/load.ts';
import { protocols } from '../src/protocols/index.ts';
import { findTests, loadTests } from '../src/trial/load-tests.ts';
import { runTest } from '../src/trial/run-tests.ts';

/** Pages whose blocks are files (```yaml path) or, without a path, route files beside those. */
const pages = [
  'routes.md',
  'filters.md',
  'transforms.md',
  'cloudevents.md',
  'openmessaging.md',
  'request-reply.md',
];

for (const page of pages)
  describe(`docs/${page}`, async () => {
    const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8');
    const blocks = [...text.matchAll(/^```(?:yaml|json|proto) ?([^\n]*)\n([^]*?)^```$/gm)].map((found) => ({
      path: found[1]!,
      content: found[2]!,
    }));
    let folder: string;
    before(async () => {
      folder = await mkdtemp(join(tmpdir(), 'junction-docs-routes-'));
      for (const [n, { path, content }] of blocks.entries()) {
        const at = join(folder, path === '' ? `routes/block-${n}.yaml` : path);
        await mkdir(dirname(at), { recursive: true });
        await writeFile(at, content);
      }
    });
    after(() => rm(folder, { recursive: true }));

    it('has only routes that are right, and tests that pass', async () => {
      const configuration = await loadConfiguration(join(folder, 'config/junction.yaml'), {
        env: {},
        protocols,
      });
      assert.deepEqual(configuration.warnings, []);
      assert.ok(configuration.routes.length > 0);
      const tests = await loadTests(await findTests(configuration), configuration, {});
      assert.ok(tests.length > 0);
      for (const test of tests)
        assert.deepEqual((await runTest(configuration, test)).problems, [], test.test.name);
    });
  });

/** What stands beside the examples of pages that show parts of a configuration, and routes to endpoints that they do not show. */
const listener = (...names: string[]): string =>
  names.map((name) => `  ${name}: { type: ${name}, listen: "127.0.0.1:0" }\n`).join('');
const partly: [page: string, endpoints: string][] = [
  [
    'reliability.md',
    `${listener('mqtt')}  analytics: { type: kafka, brokers: ["127.0.0.1:9092"] }
  shop: { type: amqp, url: "amqp://127.0.0.1:5673" }
`,
  ],
  ['losses.md', `${listener('amqp')}  bench: { type: mqtt, url: "mqtt://127.0.0.1:1884", version: 4 }\n`],
  ['request-reply.md', ''],
];

for (const [page, endpoints] of partly)
  it(`docs/${page} shows parts of files that are right`, async (t) => {
    const text = await readFile(new URL(`../docs/${page}`, import.meta.url), 'utf8');
    const blocks = [...text.matchAll(/^```(?:yaml|yml)\n([^]*?)^```$/gm)].map(([, block]) => block!);
    const configurations = blocks.filter((block) => /^endpoints:/m.test(block));
    const routes = blocks.filter((block) => /^routes:/m.test(block));
    assert.ok(blocks.length > 0);
    assert.equal(configurations.length + routes.length, blocks.length, 'a block of neither kind');
    const folder = await mkdtemp(join(tmpdir(), 'junction-docs-parts-'));
    t.after(() => rm(folder, { recursive: true }));
    const own = configurations.map((block) => block.replace(/^(?:#.*\n)*endpoints:\n/, ''));
    const config = join(folder, 'junction.yaml');
    await writeFile(config, `endpoints:\n${endpoints}${own.join('')}`);
    const options = { env: { HOSTNAME: 'host-1' }, protocols };
    await loadConfiguration(config, { ...options, routesOverride: [] });
    // each by itself: a name may stand for another route in another example
    for (const [n, content] of routes.entries()) {
      const file = join(folder, `routes-${n}.yaml`);
      await writeFile(file, content);
      const { warnings } = await loadConfiguration(config, { ...options, routesOverride: [file] });
      // The example of losses.md allows what would be a mistake, and leaves what is a warning.
      const others = warnings.filter(({ message: said }) => !said.includes('this is lost'));
      assert.deepEqual(others, [], content);
    }
  });

it('every page that shows YAML is in a test', async () => {
  const elsewhere = ['departments.md', 'guarantees.md', 'policy.md', 'README.md'];
  // a line of comment
  const none = ['cli.md'];
  const tested = new Set([...pages, ...partly.map(([page]) => page), ...elsewhere, ...none]);
  const docs = new URL('../docs/', import.meta.url);
  for (const name of (await readdir(docs)).filter((each) => each.endsWith('.md')))
    if (/^```ya?ml/m.test(await readFile(new URL(name, docs), 'utf8')))
      assert.ok(tested.has(name), `docs/${name} shows YAML that no test reads`);
});
