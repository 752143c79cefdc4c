import { PatternIndex } from '../core/pattern-index.ts';
import type { Template } from '../core/template.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { canonicalPattern, readBy } from './address-sets.ts';
import { sameBrokers } from './brokers.ts';
import type { EndpointDefinition } from './endpoints.ts';
import type { Problems } from './problems.ts';
import type { RoutePlaces } from './route-places.ts';
import { quoted } from './words.ts';

/** Warns of targets to which another route, or the route itself, sends the same messages too. */
export function checkDuplicates(
  routes: readonly ResolvedRoute[],
  endpoints: ReadonlyMap<string, EndpointDefinition>,
  places: RoutePlaces,
  problems: Problems,
): void {
  const brokers = sameBrokers(endpoints);
  /** By where messages come from and go to: who reads there. */
  const senders = new Map<string, PatternIndex<ResolvedRoute>>();
  for (const route of routes) {
    const { endpoint, pattern } = route.from;
    const syntax = endpoints.get(endpoint)?.protocol.address;
    if (syntax === undefined) continue;
    for (const target of route.to.filter((each) => isPlain(route, each))) {
      const way = wayOf(route, target, brokers);
      const known = senders.get(way) ?? new PatternIndex<ResolvedRoute>(syntax);
      senders.set(way, known);
      const [other] = known.overlapping(readBy(pattern, syntax));
      known.add(canonicalPattern(pattern, syntax), route);
      if (other === undefined) continue;
      const what = `${quoted(target.template.text)} of ${quoted(target.endpoint)}`;
      problems.warning(
        places.target(route, target),
        other === route
          ? `the route sends each message to ${what} more than once`
          : `${quoted(other.name)} (${other.file}:${other.line}) sends to ${what} too: messages that both routes read arrive there twice`,
        'remove one of them, or read addresses that do not meet',
      );
    }
  }
}

/** Whether all messages of the route go to the target, and as they are. */
const isPlain = (route: ResolvedRoute, { when, group, mirror, edits, steps }: RouteTarget): boolean =>
  [route.when, route.from.decode, when, group, mirror, edits, steps].every((each) => each === undefined);

/** Alike for routes and targets between the same two brokers by which a message of one address gets the same address. */
function wayOf({ from }: ResolvedRoute, { endpoint, template }: RouteTarget, brokers: ReadonlyMap<string, string>): string {
  return JSON.stringify([
    brokers.get(from.endpoint) ?? from.endpoint,
    brokers.get(endpoint) ?? endpoint,
    template.parts.map((part) => partOf(part, from)),
  ]);
}

/** Captures by their place in the address rather than by their names. */
function partOf(part: Template['parts'][number], { pattern }: ResolvedRoute['from']): unknown {
  if ('text' in part) return part.text;
  if ('value' in part) return part.value;
  const place = pattern.segments.findIndex(
    (segment) => segment.kind !== 'literal' && segment.capture === part.capture,
  );
  return [place, pattern.segments[place]?.kind];
}
