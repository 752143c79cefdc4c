import type { ResolvedRoute } from '../routing/route/route.ts';
import type { ReadRouteFile } from './check-routes.ts';
import { checkSecrets } from './check-secrets.ts';
import { checkCircles } from './circles.ts';
import { checkDuplicates } from './duplicates.ts';
import { checkListens } from './check-listens.ts';
import type { CheckedEndpoints } from './endpoints.ts';
import { checkOwners } from './owners.ts';
import { checkPolicy } from './policy/check-policy.ts';
import type { Problems } from './problems.ts';
import { RoutePlaces } from './route-places.ts';
import type { ConfigurationFile } from './schema.ts';
import { child, type Tree } from './tree.ts';

/** A configuration of which each part has been checked; parts that are faulty may be missing. */
export interface ReadConfiguration {
  readonly tree: Tree | undefined;
  readonly content: ConfigurationFile | undefined;
  readonly files: readonly ReadRouteFile[];
  readonly routes: readonly ResolvedRoute[];
  readonly endpoints: CheckedEndpoints;
  /** Whether these are all of the configuration's route files. */
  readonly complete: boolean;
}

/** Checks what only all files together tell. */
export function checkTogether(read: ReadConfiguration, problems: Problems): void {
  const { tree, content, files, routes, endpoints, complete } = read;
  const places = new RoutePlaces(files);
  checkOwners(files, problems);
  const policy = child(tree, 'policy');
  if (content?.policy && policy)
    checkPolicy({ settings: content.policy, tree: policy, files, routes, endpoints, places, complete }, problems);
  checkCircles(routes, endpoints.definitions, places, problems);
  checkDuplicates(routes, endpoints.definitions, places, problems);
  checkSecrets(tree, problems);
  checkListens(tree, content?.admin.listen, endpoints.definitions, problems);
}
