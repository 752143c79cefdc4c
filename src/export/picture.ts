import type { Configuration } from '../config/load.ts';
import { plain } from '../core/plain-text.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { conditionText } from '../routing/route/compiled.ts';

/** How a message goes from a route to a target: with all others, under a condition, to one of several, … */
export type EdgeKind = 'all' | 'some' | 'any' | 'failover' | 'mirror' | 'dead';

/** An endpoint with the addresses that are read there, or sent to. */
export interface PictureEndpoint {
  readonly name: string;
  readonly protocol: string;
  readonly role: 'listener' | 'client';
  readonly addresses: readonly string[];
}

export interface PictureTarget {
  readonly endpoint: string;
  readonly address: string;
  readonly kind: EdgeKind;
  /** The condition or share, for people. */
  readonly note: string | undefined;
}

export interface PictureRoute {
  readonly name: string;
  readonly description: string | undefined;
  readonly when: string | undefined;
  readonly source: { readonly endpoint: string; readonly address: string };
  readonly targets: readonly PictureTarget[];
}

/** What a picture of the routes shows, each text safe for one line. */
export interface Picture {
  readonly sources: readonly PictureEndpoint[];
  /** Routes by owner; those without come last, under undefined. */
  readonly groups: readonly {
    readonly owner: string | undefined;
    readonly routes: readonly PictureRoute[];
  }[];
  readonly targets: readonly PictureEndpoint[];
}

export function pictureOf(configuration: Configuration): Picture {
  const owners = new Map<string | undefined, PictureRoute[]>();
  for (const route of configuration.routes) {
    const owner = route.owner === undefined ? undefined : plain(route.owner);
    owners.set(owner, [...(owners.get(owner) ?? []), routeOf(route)]);
  }
  const groups = [...owners]
    .map(([owner, routes]) => ({ owner, routes }))
    .sort(
      (a, b) => Number(a.owner === undefined) - Number(b.owner === undefined) || byName(a.owner, b.owner),
    );
  const routes = groups.flatMap((group) => group.routes);
  return {
    sources: endpointsOf(
      routes.map(({ source }) => source),
      configuration,
    ),
    groups,
    targets: endpointsOf(
      routes.flatMap(({ targets }) => targets),
      configuration,
    ),
  };
}

const byName = (a = '', b = ''): number => (a < b ? -1 : a > b ? 1 : 0);

function routeOf({ name, description, when, from, to, deadLetter }: ResolvedRoute): PictureRoute {
  const targets = to.map(targetOf);
  if (typeof deadLetter === 'object')
    targets.push({
      endpoint: deadLetter.endpoint,
      address: plain(deadLetter.address),
      kind: 'dead',
      note: 'dead letters',
    });
  return {
    name,
    description: description === undefined ? undefined : plain(description),
    when: when && plain(conditionText(when)),
    source: { endpoint: from.endpoint, address: plain(from.pattern.text) },
    targets,
  };
}

function targetOf({ endpoint, template, when = [], mirror, group }: RouteTarget): PictureTarget {
  const conditions = when.map((each) => plain(conditionText(each))).join(' AND ');
  const [kind, own]: [EdgeKind, string] =
    mirror !== undefined
      ? ['mirror', `mirror of ${mirror * 100}%`]
      : group
        ? [group.mode, group.mode]
        : [conditions === '' ? 'all' : 'some', ''];
  const note = [own, conditions === '' ? '' : `when ${conditions}`].filter((each) => each !== '').join(', ');
  return { endpoint, address: plain(template.text), kind, note: note === '' ? undefined : note };
}

/** Each endpoint with each of its addresses once, in the order in which they are met. */
function endpointsOf(
  ends: readonly { readonly endpoint: string; readonly address: string }[],
  { endpoints }: Configuration,
): PictureEndpoint[] {
  const addresses = new Map<string, Set<string>>();
  for (const { endpoint, address } of ends)
    addresses.set(endpoint, (addresses.get(endpoint) ?? new Set<string>()).add(address));
  return [...addresses].map(([name, all]) => {
    const { protocol, role } = endpoints.get(name)!;
    return { name, protocol: protocol.name, role, addresses: [...all] };
  });
}
