import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Configuration } from '../config/load.ts';
import { expandGlob } from '../config/glob.ts';
import { Problems } from '../config/problems.ts';
import { readFileTree } from '../config/read-file.ts';
import { child, items, text } from '../config/tree.ts';
import { validate } from '../config/validate.ts';
import { hintOf, nearest, quoted } from '../config/words.ts';
import { JunctionError } from '../core/errors.ts';
import type { LocatedTest } from './run-tests.ts';
import { testFileSchema } from './test-file.ts';

/** The ending of files with tests; a pattern of route files never means them. */
export const testEnding = '.test.yaml';

/** The test files beside the route files of a configuration. */
export async function findTests({ files }: Configuration): Promise<string[]> {
  const folders = new Set(files.slice(1).map((file) => dirname(file)));
  const found = await Promise.all([...folders].map((folder) => expandGlob(join(folder, `*${testEnding}`))));
  return [...new Set(found.flat())].sort();
}

/**
 * The test files that are meant: a folder means all that are below it.
 * @throws JunctionError where there are none in a folder
 */
export async function testsIn(paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    paths.map(async (path) => {
      const isFolder = await stat(path).then(
        (there) => there.isDirectory(),
        () => false, // reading it tells why
      );
      if (!isFolder) return [path];
      const all = await expandGlob(join(path, '**', `*${testEnding}`));
      if (all.length === 0) throw new JunctionError('invalid-message', `no *${testEnding} is below ${path}`);
      return all;
    }),
  );
  return [...new Set(found.flat())];
}

/**
 * Reads test files.
 * @throws ConfigError with every mistake of every file
 */
export async function loadTests(
  files: readonly string[],
  { endpoints }: Configuration,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LocatedTest[]> {
  const problems = new Problems();
  const known = [...endpoints.keys()];
  const tests: LocatedTest[] = [];
  for (const file of files) {
    const tree = await readFileTree(file, { file, line: 1, column: 1 }, { env }, problems, 'tests');
    const content = tree && validate(testFileSchema, tree, problems);
    items(child(tree, 'tests')).forEach((node, index) => {
      const given = child(node, 'given');
      const named = [...(given?.kind === 'list' ? given.items : [given]), ...items(child(node, 'expect'))];
      for (const at of [
        ...named.map((each) => text(child(each, 'endpoint'))),
        ...['down', 'refusing'].flatMap((key) => items(child(node, key)).map((each) => text(each))),
      ]) {
        const name = at === undefined ? undefined : String(at.value);
        if (at && name !== undefined && !endpoints.has(name))
          problems.error(
            at.at,
            `unknown endpoint ${quoted(name)}`,
            hintOf(nearest(name, known), known, 'known endpoints'),
          );
      }
      const test = content?.tests[index];
      if (test) tests.push({ test, file, line: node.at.line });
    });
  }
  problems.throwErrors();
  return tests;
}
