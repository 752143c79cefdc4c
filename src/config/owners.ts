import type { ReadRouteFile } from './check-routes.ts';
import type { Problems } from './problems.ts';
import { child, items, text } from './tree.ts';
import { quoted } from './words.ts';

/** Reports routes whose owner is not that of their file. */
export function checkOwners(files: readonly ReadRouteFile[], problems: Problems): void {
  for (const { tree } of files) {
    const owner = text(child(tree, 'owner'));
    if (owner === undefined) continue;
    for (const route of items(child(tree, 'routes'))) {
      const own = text(child(route, 'owner'));
      if (own !== undefined && own.value !== owner.value)
        problems.error(
          own.at,
          `the route belongs to ${quoted(String(own.value))}, but its file to ${quoted(String(owner.value))}`,
          'move it to a file of its owner, or write the owner at each route instead of at the file',
        );
    }
  }
}
