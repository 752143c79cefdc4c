import { compileTransform, Registry, TransformError, type Transform } from '../transform/index.ts';
import type { RegistrySettings, TransformSettings } from '../transform/index.ts';
import type { Problems } from './problems.ts';
import type { Tree } from './tree.ts';

type Context = Parameters<typeof compileTransform>[1];

/**
 * Makes what the keys of a target say of the body; a mistake is reported at its place.
 * @param target the target as written
 * @param settings the same as its schema understood it
 * @returns undefined where it says nothing, or where a mistake was reported
 */
export async function checkTransform(
  target: Tree,
  settings: TransformSettings,
  context: Context,
  problems: Problems,
): Promise<Transform | undefined> {
  try {
    return await compileTransform(settings, context);
  } catch (error) {
    if (!(error instanceof TransformError)) throw error;
    const node = locate(target, error.path);
    const exact = node.kind === 'scalar' && error.offset !== undefined;
    problems.error(exact ? node.place(error.offset!) : node.at, error.message, error.hint);
    return undefined;
  }
}

/** The innermost node on the way that is written. */
function locate(tree: Tree, path: readonly string[]): Tree {
  let node = tree;
  for (const key of path) node = (node.kind === 'map' ? node.entries.get(key)?.node : undefined) ?? node;
  return node;
}

/** The schema registries of the configuration, none of which is asked anything yet. */
export const registriesOf = (
  settings: Readonly<Record<string, RegistrySettings>>,
): ReadonlyMap<string, Registry> =>
  new Map(Object.entries(settings).map(([name, each]) => [name, new Registry(name, each)]));
