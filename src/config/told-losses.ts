import type { OlderPeers } from '../core/protocol.ts';
import { lossesOf, type Loss } from '../routing/route/losses.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { listed, type DeclaredLoss, type RouteLosses } from './check-losses.ts';
import { traitsIn } from './endpoints.ts';
import type { Configuration } from './load.ts';

/** What becomes of a loss when a configuration is checked. */
export type Told = 'accepted' | 'error' | 'warning' | 'note';

const order: readonly Told[] = ['accepted', 'error', 'warning', 'note'];

export const toldAs = ({ accepted, severity }: DeclaredLoss): Told => (accepted ? 'accepted' : severity);

/** What messages of a route may lose. Nobody is told of what answers lose on their way back: these are notes. */
export function lossesOfRoute({ losses, endpoints }: Configuration, route: ResolvedRoute): RouteLosses {
  const known = losses.get(route.name);
  if (known) return known;
  const source = traitsIn(endpoints.get(route.from.endpoint)!);
  const targets = route.to.map((to) =>
    lossesOf(source, traitsIn(endpoints.get(to.endpoint)!), to).map(
      (each): DeclaredLoss => ({ ...each, severity: 'note', accepted: false }),
    ),
  );
  return { targets, letters: [] };
}

/** What peers of an older version at this target lose beside what all do; undefined where they lose no more. */
export function lossesOfOlder(
  { endpoints }: Configuration,
  route: ResolvedRoute,
  to: RouteTarget,
): (OlderPeers & { readonly losses: readonly Loss[] }) | undefined {
  const source = traitsIn(endpoints.get(route.from.endpoint)!);
  const { definition, config } = endpoints.get(to.endpoint)!;
  const { older } = definition;
  if (!older) return undefined;
  // A field that others lose in part is lost whole here.
  const known = new Set(lossesOf(source, traitsIn({ definition, config }), to).map(({ what }) => what));
  const further = lossesOf(source, older.traits, to).filter(({ what }) => !known.has(what));
  return further.length === 0 ? undefined : { ...older, losses: further };
}

/** Losses as a sentence lists them, each with how it was told: `keys and priorities (warning), headers (accepted)`. */
export function lossesInWords(losses: readonly DeclaredLoss[]): string {
  const parts = order.flatMap((told) => {
    const here = losses.filter((each) => toldAs(each) === told).map(({ what }) => what);
    return here.length === 0 ? [] : [`${listed(here)} (${told})`];
  });
  return parts.length === 0 ? 'nothing' : parts.join(', ');
}
