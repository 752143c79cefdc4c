import { isDeepStrictEqual } from 'node:util';
import type { EndpointDefinition } from '../config/endpoints.ts';
import type { Configuration } from '../config/load.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';

/** Names of what there is more, less, or otherwise. */
export interface Difference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
  readonly changed: readonly string[];
}

export interface EndpointDifference extends Difference {
  /** Those that are replaced: also clients of which routes want other addresses. */
  readonly changed: readonly string[];
  /** Those that stay open and go on by other settings, e.g. certificates. */
  readonly renewed: readonly string[];
}

/** What is different in a configuration that was read again. */
export interface Changes {
  readonly endpoints: EndpointDifference;
  readonly routes: Difference;
}

export function changesBetween(before: Configuration, after: Configuration): Changes {
  const patternsBefore = patternsOf(before.routes);
  const patternsAfter = patternsOf(after.routes);
  const routesOf = ({ routes }: Configuration): Map<string, ResolvedRoute> =>
    new Map(routes.map((route) => [route.name, route]));
  const endpoints = difference(before.endpoints, after.endpoints, (old, now) => {
    if (!sameEndpoint(old, now)) return false;
    return now.role === 'listener' || patternsBefore.get(now.name) === patternsAfter.get(now.name);
  });
  const renewed = new Set(
    endpoints.changed.filter((name) => renews(before.endpoints.get(name)!, after.endpoints.get(name)!)),
  );
  return {
    endpoints: {
      ...endpoints,
      changed: endpoints.changed.filter((name) => !renewed.has(name)),
      renewed: [...renewed],
    },
    routes: difference(routesOf(before), routesOf(after), sameRoute),
  };
}

/** Sections that are different and hold from the next start on. */
export function sectionsForRestart(before: Configuration, after: Configuration): string[] {
  const sections: string[] = (['store', 'admin', 'reload'] as const).filter(
    (key) => !isDeepStrictEqual(before[key], after[key]),
  );
  if (before.log.format !== after.log.format) sections.push('log.format');
  return sections;
}

/** Whether anything is different at all. */
export const isEmpty = ({ endpoints, routes }: Changes): boolean =>
  endpoints.renewed.length === 0 &&
  [endpoints, routes].every(
    ({ added, removed, changed }) => added.length + removed.length + changed.length === 0,
  );

function difference<Value>(
  before: ReadonlyMap<string, Value>,
  after: ReadonlyMap<string, Value>,
  same: (before: Value, after: Value) => boolean,
): Difference {
  const names = [...after.keys()];
  return {
    added: names.filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed: names.filter((name) => before.has(name) && !same(before.get(name)!, after.get(name)!)),
  };
}

/** By what the files mean, not by how or where they say it. */
const sameEndpoint = (before: EndpointDefinition, after: EndpointDefinition): boolean =>
  sameKind(before, after) && isDeepStrictEqual(before.config, after.config);

const sameKind = (before: EndpointDefinition, after: EndpointDefinition): boolean =>
  before.protocol === after.protocol && before.role === after.role;

const renews = (before: EndpointDefinition, after: EndpointDefinition): boolean =>
  sameKind(before, after) && (after.definition.renews?.(before.config, after.config) ?? false);

const sameRoute = (before: ResolvedRoute, after: ResolvedRoute): boolean =>
  isDeepStrictEqual({ ...before, file: '', line: 0 }, { ...after, file: '', line: 0 });

/** What the routes read from each endpoint; the order in which they stand in the files does not matter. */
function patternsOf(routes: readonly ResolvedRoute[]): ReadonlyMap<string, string> {
  const patterns = new Map<string, string[]>();
  for (const { from } of routes) {
    const there = patterns.get(from.endpoint);
    if (there) there.push(from.pattern.text);
    else patterns.set(from.endpoint, [from.pattern.text]);
  }
  return new Map([...patterns].map(([name, texts]) => [name, JSON.stringify([...new Set(texts)].sort())]));
}
