import { hostname } from 'node:os';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { HostPort } from '../core/units.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';
import { routeFileSchema } from '../routing/route/schema.ts';
import { withAccessPoints } from './access-point.ts';
import { decodersFor } from './body-decoders.ts';
import type { RouteLosses } from './check-losses.ts';
import { checkRoutes, type ReadRouteFile } from './check-routes.ts';
import { checkTogether } from './check-together.ts';
import { checkEndpoints, type EndpointDefinition, type ProtocolRegistry } from './endpoints.ts';
import type { Environment } from './environment.ts';
import { expandGlob, isGlob } from './glob.ts';
import type { Inputs } from './inputs.ts';
import { Problems, type Place, type Problem } from './problems.ts';
import { readFileTree } from './read-file.ts';
import { configurationSchema, type ConfigurationFile } from './schema.ts';
import { checkTransforms, registriesOf } from './transforms.ts';
import type { Tree } from './tree.ts';
import { validate } from './validate.ts';
import { quoted } from './words.ts';

/** Everything the gateway is built from, checked. */
export interface Configuration {
  /** The configuration file, as it was named. */
  readonly file: string;
  readonly endpoints: ReadonlyMap<string, EndpointDefinition>;
  readonly routes: readonly ResolvedRoute[];
  /** What messages may lose, by the names of the routes that are written: the ways back of answers are not among them. */
  readonly losses: ReadonlyMap<string, RouteLosses>;
  readonly admin: HostPort;
  readonly log: ConfigurationFile['log'];
  readonly store: ConfigurationFile['store'];
  readonly reload: ConfigurationFile['reload'];
  /** Ms for what was taken to be settled when the gateway, or an endpoint, stops. */
  readonly drain: number;
  /** Every file that was read, the configuration file first. */
  readonly files: readonly string[];
  /** What is odd but no mistake. */
  readonly warnings: readonly Problem[];
}

export interface LoadOptions {
  readonly env: Environment;
  readonly protocols: ProtocolRegistry;
  /** Route files to read in place of those that the configuration names, relative to the working directory. */
  readonly routesOverride?: readonly string[];
  /** Is told what the configuration depends on, also where it is faulty. */
  readonly inputs?: Inputs;
}

/**
 * Reads a configuration and its route files and checks all that can be known before running. Opens nothing else.
 * @throws ConfigError with every mistake of every file
 */
export async function loadConfiguration(file: string, options: LoadOptions): Promise<Configuration> {
  const problems = new Problems();
  const start: Place = { file, line: 1, column: 1 };
  const tree = withAccessPoints(await readFileTree(file, start, options, problems, 'endpoints'), problems);
  const content = tree && validate(configurationSchema, tree, problems);
  const written = tree?.kind === 'map' ? tree.entries.get('endpoints')?.node : undefined;
  const endpoints =
    written?.kind === 'map' ? await checkEndpoints(written, options.protocols, problems) : undefined;

  const wanted = options.routesOverride?.map((path) => ({ path, written: path, at: { file: path, line: 1, column: 1 } }));
  const paths = await findRouteFiles(
    wanted ?? namedRouteFiles(tree, dirname(file)),
    problems,
    options.inputs,
  );
  const routeFiles: ReadRouteFile[] = [];
  for (const { path, at } of paths) {
    const routeTree = await readFileTree(path, at, options, problems, 'routes');
    if (routeTree)
      routeFiles.push({ tree: routeTree, content: validate(routeFileSchema, routeTree, problems) });
  }
  // Without a faultless configuration nobody knows which registries there are.
  const transforms = content && { registries: registriesOf(content.registries), inputs: options.inputs };
  const steps = transforms && (await checkTransforms(routeFiles, transforms, problems));
  const decoders = await decodersFor(routeFiles);
  const id = content?.id ?? hostname().replace(/[^A-Za-z0-9_-]/g, '-').slice(0, 64);
  const { routes, losses } = checkRoutes(routeFiles, endpoints, problems, id, { steps, decoders });
  const complete = options.routesOverride === undefined;
  if (endpoints) checkTogether({ tree, content, files: routeFiles, routes, endpoints, complete }, problems);

  problems.throwErrors();
  return {
    file,
    endpoints: endpoints!.definitions,
    routes,
    losses,
    admin: content!.admin.listen,
    log: content!.log,
    store: content!.store,
    reload: content!.reload,
    drain: content!.drain,
    files: [file, ...paths.map(({ path }) => path)],
    warnings: problems.list,
  };
}

/** `admin.listen` of a configuration of which other parts may be faulty; undefined where it cannot be told. */
export async function adminOf(file: string, env: Environment): Promise<HostPort | undefined> {
  const unheard = new Problems();
  const tree = await readFileTree(file, { file, line: 1, column: 1 }, { env }, unheard, 'endpoints');
  const entry = tree?.kind === 'map' ? tree.entries.get('admin') : undefined;
  const admin = validate(
    configurationSchema.shape.admin,
    entry?.node ?? { kind: 'map', at: { file, line: 1, column: 1 }, flow: false, entries: new Map() },
    unheard,
  );
  return tree && admin?.listen;
}

interface Wanted {
  readonly path: string;
  readonly written: string;
  /** Where it is named. */
  readonly at: Place;
}

/** What stands below `routes:`, relative to the configuration file's folder. */
function namedRouteFiles(tree: Tree | undefined, folder: string): Wanted[] {
  const list = tree?.kind === 'map' ? tree.entries.get('routes')?.node : undefined;
  if (list?.kind !== 'list') return [];
  return list.items.flatMap((item) =>
    item.kind === 'scalar' && typeof item.value === 'string' && item.value !== ''
      ? [
          {
            path: isAbsolute(item.value) ? item.value : join(folder, item.value),
            written: item.value,
            at: item.at,
          },
        ]
      : [],
  );
}

/** The files that are meant, each once. */
async function findRouteFiles(
  wanted: readonly Wanted[],
  problems: Problems,
  inputs: Inputs | undefined,
): Promise<Wanted[]> {
  const found = new Map<string, Wanted>();
  for (const { path, written, at } of wanted) {
    const all = isGlob(path) ? await expandGlob(path) : [path];
    if (isGlob(path)) inputs?.addPattern(path, all);
    // Tests of routes stand beside them.
    const matches = isGlob(path) ? all.filter((match) => !match.endsWith('.test.yaml')) : all;
    if (matches.length === 0) 
      problems.warning(
        at,
        `no file matches ${quoted(written)}`,
        isAbsolute(written) ? undefined : 'a path is relative to the folder of this file',
      );
    for (const match of matches)
      if (!found.has(resolve(match))) found.set(resolve(match), { path: match, written, at });
  }
  return [...found.values()];
}
