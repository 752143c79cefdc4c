import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { loadConfiguration } from '../src/config/load.ts';
import { protocols } from '../src/protocols/index.ts';
import { keysOf } from '../src/config/validate.ts';
import { duplicateDetection } from '../src/client/duplicate-id.ts';

const text = await readFile(new URL('../docs/guarantees.md', import.meta.url), 'utf8');

/** The rows of the table below a heading, by their first cell. */
function rowsOf(heading: string): Map<string, readonly string[]> {
  const section = text.slice(text.indexOf(`## ${heading}`)).split('\n## ')[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return new Map(
    rows
      .map((row) =>
        row
          .split('|')
          .slice(1, -1)
          .map((cell) => cell.trim()),
      )
      .map((row) => [row[0]!, row]),
  );
}

describe('docs/guarantees.md', async () => {
  const roles = (
    await Promise.all(
      Object.values(protocols).map(async (load) => {
        const { default: protocol } = await load();
        return (['listener', 'client'] as const).flatMap((role) =>
          protocol[role]
            ? [
                {
                  name: `\`${protocol.name}\` ${role === 'listener' ? 'clients' : 'broker'}`,
                  ...protocol[role],
                },
              ]
            : [],
        );
      }),
    )
  ).flat();

  it('says what holds from each source, and whether its messages have ids, as the traits do', () => {
    const rows = rowsOf('From');
    assert.deepEqual([...rows.keys()].sort(), roles.map(({ name }) => name).sort());
    for (const { name, traits } of roles)
      assert.equal(rows.get(name)![3]!.startsWith('none of its own'), traits.ids === 'header', name);
  });

  it('says what holds to each target, and which may drop repeats, as the settings do', () => {
    const rows = rowsOf('To');
    assert.deepEqual([...rows.keys()].sort(), roles.map(({ name }) => name).sort());
    for (const { name, config } of roles) {
      const has = (config as { shape?: object }).shape;
      const offers = Object.values(has ?? {}).includes(duplicateDetection);
      assert.equal(rows.get(name)![2]!.includes('`duplicate_detection: true`'), offers, name);
      assert.equal(keysOf(config).includes('duplicate_detection'), offers, name);
    }
  });

  it('has an example that junction check accepts', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'junction-guarantees-'));
    t.after(() => rm(folder, { recursive: true, force: true }));
    const [endpoints, routes] = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(([, yaml]) => yaml!);
    await writeFile(join(folder, 'junction.yaml'), `${endpoints}routes: [routes.yaml]\n`);
    await writeFile(join(folder, 'routes.yaml'), routes!);
    const loaded = await loadConfiguration(join(folder, 'junction.yaml'), { env: {}, protocols });
    assert.equal(loaded.routes[0]!.dedup?.by.text, '{order}');
  });
});
