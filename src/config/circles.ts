import type { AddressSyntax } from '../core/address.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import { canonicalPattern, sentTo } from './address-sets.ts';
import { sameBrokers } from './brokers.ts';
import type { EndpointDefinition } from './endpoints.ts';
import type { Problems } from './problems.ts';
import type { RoutePlaces } from './route-places.ts';
import { quoted } from './words.ts';

type Endpoints = ReadonlyMap<string, EndpointDefinition>;

/** What a route sends to a target may be read by another, or by itself. */
interface Step {
  readonly from: ResolvedRoute;
  readonly target: RouteTarget;
  readonly to: ResolvedRoute;
}

/**
 * Reports routes that feed each other: what one of them sends comes round to it again. That ends by itself where the
 * headers of messages, which tell how far they have come, are carried all the way; else never.
 */
export function checkCircles(
  routes: readonly ResolvedRoute[],
  endpoints: Endpoints,
  places: RoutePlaces,
  problems: Problems,
): void {
  const steps = inCircles(stepsOf(routes, endpoints));
  const told = new Set<ResolvedRoute>();
  for (const route of steps.keys()) {
    if (told.has(route)) continue;
    const circle = circleOf(route, steps);
    if (circle === undefined) continue;
    for (const { from } of circle) told.add(from);
    report(circle, endpoints, places, problems);
  }
}

function report(circle: readonly Step[], endpoints: Endpoints, places: RoutePlaces, problems: Problems): void {
  const [{ from, target }] = circle as [Step];
  const way = circle.map((step) => `${quoted(step.target.template.text)} of ${quoted(step.target.endpoint)}, which ${quoted(step.to.name)} reads`);
  const what = `what ${quoted(from.name)} sends comes round to it again: to ${way.join(' and sends to ')}`;
  const endless = circle.find(({ target }) => {
    const { definition, config } = endpoints.get(target.endpoint)!;
    return (definition.traitsOf?.(config) ?? definition.traits).loses.includes('hops');
  });
  const mend = 'send to addresses that these routes do not read';
  const at = places.target(from, target);
  const mayEnd = circle.some((step) => step.from.when !== undefined || step.target.when !== undefined);
  if (endless !== undefined)
    problems[mayEnd ? 'warning' : 'error'](
      at,
      `${what}; without end${mayEnd ? ' unless its conditions make one' : ''}, since ${quoted(endless.target.endpoint)} does not carry how far a message has come`,
      mend,
    );
  else if (circle.every((step) => endpoints.get(step.target.endpoint)!.role === 'listener'))
    problems.warning(at, `${what}, where it ends`, mend);
  else problems.warning(at, `${what}, and so on until it has passed eight routes`, mend);
}

function stepsOf(routes: readonly ResolvedRoute[], endpoints: Endpoints): Map<ResolvedRoute, Step[]> {
  const brokers = sameBrokers(endpoints);
  const readers = new Map<string, PatternIndex<ResolvedRoute>>();
  const syntaxOf = (endpoint: string): AddressSyntax | undefined => endpoints.get(endpoint)?.protocol.address;
  for (const route of routes) {
    const syntax = syntaxOf(route.from.endpoint);
    if (syntax === undefined) continue;
    const broker = brokers.get(route.from.endpoint)!;
    const index = readers.get(broker) ?? new PatternIndex(syntax);
    readers.set(broker, index);
    index.add(canonicalPattern(route.from.pattern, syntax), route);
  }
  const steps = new Map<ResolvedRoute, Step[]>();
  for (const from of routes) {
    const own = from.to.flatMap((target): Step[] => {
      const syntax = syntaxOf(target.endpoint);
      const index = syntax && readers.get(brokers.get(target.endpoint)!);
      const reached = index?.overlapping(sentTo(target.template, from.from.pattern, syntax!)) ?? [];
      return [...reached].map((to) => ({ from, target, to }));
    });
    if (own.length > 0) steps.set(from, own);
  }
  return steps;
}

/** Without the routes that lead nowhere, or to which none leads, so that mostly nothing is left. */
function inCircles(steps: ReadonlyMap<ResolvedRoute, readonly Step[]>): Map<ResolvedRoute, Step[]> {
  const all = [...steps.values()].flat();
  const fed = withoutStarts(all.map(({ from, to }) => [from, to]));
  const left = withoutStarts(all.map(({ from, to }) => [to, from]));
  const kept = new Map<ResolvedRoute, Step[]>();
  for (const [route, own] of steps)
    if (fed.has(route) && left.has(route)) kept.set(route, own.filter(({ to }) => fed.has(to) && left.has(to)));
  return kept;
}

/** The nodes of a graph without those that no other leads to, nor one that is left. */
function withoutStarts<Node>(edges: readonly (readonly [from: Node, to: Node])[]): ReadonlySet<Node> {
  const arriving = new Map<Node, number>();
  const leaving = new Map<Node, Node[]>();
  for (const [from, to] of edges) {
    arriving.set(from, arriving.get(from) ?? 0);
    arriving.set(to, (arriving.get(to) ?? 0) + 1);
    const next = leaving.get(from);
    if (next) next.push(to);
    else leaving.set(from, [to]);
  }
  const starts = [...arriving].filter(([, count]) => count === 0).map(([node]) => node);
  for (const start of starts) {
    arriving.delete(start);
    for (const to of leaving.get(start) ?? []) {
      const count = arriving.get(to)! - 1;
      arriving.set(to, count);
      if (count === 0) starts.push(to);
    }
  }
  return new Set(arriving.keys());
}

/** The shortest way from a route back to it. */
function circleOf(start: ResolvedRoute, steps: ReadonlyMap<ResolvedRoute, readonly Step[]>): Step[] | undefined {
  const cameBy = new Map<ResolvedRoute, Step>();
  const next = [start];
  for (const route of next)
    for (const step of steps.get(route) ?? []) {
      if (step.to === start) return [...wayTo(route, start, cameBy), step];
      if (cameBy.has(step.to)) continue;
      cameBy.set(step.to, step);
      next.push(step.to);
    }
  return undefined;
}

function wayTo(route: ResolvedRoute, start: ResolvedRoute, cameBy: ReadonlyMap<ResolvedRoute, Step>): Step[] {
  const way: Step[] = [];
  for (let at = route; at !== start; at = way[0]!.from) way.unshift(cameBy.get(at)!);
  return way;
}
