import { dirname } from 'node:path';
import { Step } from '../routing/route/compiled.ts';
import type { TargetEntry } from '../routing/route/target-schema.ts';
import { compileTransform, Registry, TransformError } from '../transform/index.ts';
import type { BodyTransform, CompileContext, RegistrySettings } from '../transform/index.ts';
import { checkCaptures } from './captures.ts';
import type { ReadRouteFile } from './check-routes.ts';
import type { Inputs } from './inputs.ts';
import { entriesOf, leavesOf } from './leaves.ts';
import type { Problems } from './problems.ts';
import { bodyStepText } from './step-text.ts';
import { child, items, text, type Tree } from './tree.ts';

/** What all transforms of a configuration have in common. */
export interface TransformContext {
  readonly registries: ReadonlyMap<string, Registry>;
  readonly inputs: Inputs | undefined;
}

/** The steps of targets, by the nodes of these. */
export type TargetSteps = ReadonlyMap<Tree, readonly Step[]>;

/** Makes what the targets of all files say of bodies; mistakes are reported at their places. */
export async function checkTransforms(
  files: readonly ReadRouteFile[],
  { registries, inputs }: TransformContext,
  problems: Problems,
): Promise<TargetSteps> {
  const steps = new Map<Tree, readonly Step[]>();
  for (const { tree, content } of files) {
    const context = {
      folder: dirname(tree.at.file),
      registries,
      onFile: (path: string) => inputs?.addFile(path),
    };
    for (const [index, route] of items(child(tree, 'routes')).entries()) {
      const written = content?.routes[index];
      const entries = written && entriesOf(written.to);
      for (const [n, { node }] of leavesOf(route).entries()) {
        const entry = entries?.[n];
        const transform = entry && (await checkTransform(node, entry, context, problems));
        if (!entry || !transform) continue;
        steps.set(node, [new Step(transform, bodyStepText(entry))]);
        const jsonata = text(child(child(node, 'body'), 'jsonata'));
        const address = text(child(child(route, 'from'), 'address'));
        if (jsonata && address) await checkCaptures(jsonata, address, problems);
      }
    }
  }
  return steps;
}

async function checkTransform(
  target: Tree,
  entry: TargetEntry,
  context: CompileContext,
  problems: Problems,
): Promise<BodyTransform | undefined> {
  try {
    return await compileTransform(entry, { ...context, keepsContentType: entry.content_type !== undefined });
  } catch (error) {
    if (!(error instanceof TransformError)) throw error;
    const node = locate(target, error.path);
    const exact = node.kind === 'scalar' && error.offset !== undefined;
    problems.error(exact ? node.place(error.offset) : node.at, error.message, error.hint);
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
