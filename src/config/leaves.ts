import type { RouteEntry } from '../routing/route/schema.ts';
import type { TargetEntry, TargetItem } from '../routing/route/target-schema.ts';
import type { TargetGroup } from '../routing/route/route.ts';
import { child, items, type Tree } from './tree.ts';

/** One target of a route, wherever in `to:` it is written. */
export interface Leaf {
  readonly node: Tree;
  /** What must hold of a message, and what must not, before its own `when`. */
  readonly branch: readonly { readonly when: Tree; readonly negated: boolean }[];
  readonly group: TargetGroup | undefined;
  /** Of a `failover`: it is not the last. */
  readonly hasNext: boolean;
}

/** The targets of a route, those of groups and branches included, in the order in which they are written. */
export function leavesOf(route: Tree): Leaf[] {
  let groups = 0;
  const targets = (list: Tree | undefined, branch: Leaf['branch']): Leaf[] =>
    items(list).flatMap((node): Leaf[] => {
      for (const mode of ['any', 'failover'] as const) {
        const members = child(node, mode);
        if (!members) continue;
        const group = { mode, number: groups++ };
        const all = items(members);
        return all.map((each, index) => ({
          node: each,
          branch,
          group,
          hasNext: mode === 'failover' && index < all.length - 1,
        }));
      }
      const branches = child(node, 'switch');
      if (!branches) return [{ node, branch, group: undefined, hasNext: false }];
      const before: Leaf['branch'][number][] = [];
      return items(branches).flatMap((each) => {
        const when = child(each, 'when');
        const holds = when ? [...before, { when, negated: false }] : [...before];
        if (when) before.push({ when, negated: true });
        return targets(child(each, 'to'), [...branch, ...holds]);
      });
    });
  return targets(child(route, 'to'), []);
}

/** The same targets as the schema understood them, in the same order. */
export function entriesOf(to: RouteEntry['to']): TargetEntry[] {
  return to.flatMap((item: TargetItem): TargetEntry[] => {
    if ('any' in item) return item.any;
    if ('failover' in item) return item.failover;
    return 'switch' in item ? item.switch.flatMap((branch) => entriesOf(branch.to)) : [item];
  });
}
