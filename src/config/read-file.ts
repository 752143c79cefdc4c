import type { Environment } from './environment.ts';
import type { Inputs } from './inputs.ts';
import type { Place, Problems } from './problems.ts';
import { readSource, Source } from './source.ts';
import { readTree, type Tree } from './tree.ts';

/**
 * Reads a YAML file; undefined where nothing can be said about its content, and a problem tells why.
 * @param at where a file that cannot be read is reported, unless a place within it is known
 * @param expected the key with which such a file begins
 */
export async function readFileTree(
  file: string,
  at: Place,
  { env, inputs }: { readonly env: Environment; readonly inputs?: Inputs | undefined },
  problems: Problems,
  expected: string,
): Promise<Tree | undefined> {
  inputs?.addFile(file);
  const source = await readSource(file);
  if (source instanceof Source)
    return readTree(source, env, problems, expected, (path) => inputs?.addFile(path));
  const { reason, hint, line, column, named } = source;
  if (named) problems.error(at, at.file === file ? reason : `${file}: ${reason}`, hint);
  else problems.error({ file, line, column }, reason, hint);
  return undefined;
}
