import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
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
