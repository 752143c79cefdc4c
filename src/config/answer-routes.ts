import { parsePattern } from '../core/address.ts';
import { placeOf, type ResolvedRoute, type RouteTarget } from '../routing/route/route.ts';
import type { RouteDelivery } from './delivery.ts';
import type { EndpointDefinition } from './endpoints.ts';

/** The address of an answer is what its request said. */
const wherever: RouteTarget['template'] = { text: '{reply-to}', parts: [], perMessage: true };

/**
 * The ways back of a route: from every address where its targets' answers are read to the endpoint that it reads. They are
 * named `NAME.reply@ENDPOINT`, as no route can be that is written.
 * @param deliveryFrom what becomes of answers from an endpoint that do not come through
 */
export function answerRoutesOf(
  route: ResolvedRoute,
  definitions: ReadonlyMap<string, EndpointDefinition>,
  deliveryFrom: (endpoint: string) => RouteDelivery,
): ResolvedRoute[] {
  const routes = new Map<string, ResolvedRoute>();
  for (const { endpoint, reply } of route.to) {
    if (!reply || routes.has(placeOf(endpoint, reply.address))) continue;
    const { policies, deadLetter } = deliveryFrom(endpoint);
    const before = [...routes.values()].filter(({ from }) => from.endpoint === endpoint).length;
    routes.set(placeOf(endpoint, reply.address), {
      name: `${route.name}.reply@${endpoint}${before === 0 ? '' : `:${before + 1}`}`,
      description: `Answers to requests of ${route.name}`,
      owner: route.owner,
      file: route.file,
      line: route.line,
      from: {
        endpoint,
        pattern: parsePattern(reply.address, definitions.get(endpoint)!.protocol.address, false),
      },
      to: [{ endpoint: route.from.endpoint, template: wherever, retry: policies[0] }],
      deadLetter,
      answers: { route: route.name, strays: false },
    });
  }
  return [...routes.values()];
}

/** Of ways back that read one address, the first is told of answers to no request. */
export function withStrays(routes: readonly ResolvedRoute[]): ResolvedRoute[] {
  const seen = new Set<string>();
  return routes.map((route) => {
    if (!route.answers) return route;
    const place = placeOf(route.from.endpoint, route.from.pattern.text);
    const strays = !seen.has(place);
    seen.add(place);
    return { ...route, answers: { ...route.answers, strays } };
  });
}
