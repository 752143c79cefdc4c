import type { BodyDecoders } from '../filter/body.ts';
import { Step } from '../routing/route/compiled.ts';
import type { ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import type { RouteFile } from '../routing/route/schema.ts';
import { answerRoutesOf, withStrays } from './answer-routes.ts';
import { checkDedup } from './check-dedup.ts';
import { EndsChecker } from './check-ends.ts';
import { Allowance, checkLosses, LettersPlace, type RouteLosses } from './check-losses.ts';
import { ReplyChecker } from './check-reply.ts';
import { checkWhen } from './check-when.ts';
import { deliveryOf } from './delivery.ts';
import { checkIncomingFormat } from './check-format.ts';
import type { CheckedEndpoints } from './endpoints.ts';
import { entriesOf, leavesOf } from './leaves.ts';
import { formatPlace, Problems, type Place } from './problems.ts';
import { child, items, text, type ScalarNode, type Tree } from './tree.ts';
import { quoted } from './words.ts';

/** A route file as written, and as its schema understood it where it had nothing to complain of. */
export interface ReadRouteFile {
  readonly tree: Tree;
  readonly content: RouteFile | undefined;
}

/** What was made beforehand for the bodies of messages. */
export interface Bodies {
  /** What targets do with them, by the nodes of the targets. */
  readonly steps?: ReadonlyMap<Tree, RouteTarget['steps']> | undefined;
  /** What conditions read them with. */
  readonly decoders?: BodyDecoders | undefined;
}

/**
 * Checks the routes of all files against each other and the endpoints: names, addresses, captures.
 * Works on what is written, so that one mistake does not hide the others.
 * @param endpoints every endpoint as far as it is known; undefined where no endpoint could be read
 * @param id what tells this gateway from others
 * @returns the routes, complete only if no problem was reported, and what they lose, by the names of those that are written
 */
export function checkRoutes(
  files: readonly ReadRouteFile[],
  endpoints: CheckedEndpoints | undefined,
  problems: Problems,
  id: string,
  { steps, decoders }: Bodies = {},
): { readonly routes: ResolvedRoute[]; readonly losses: ReadonlyMap<string, RouteLosses> } {
  const names = new Map<string, Place>();
  const routes: ResolvedRoute[] = [];
  const answers: ResolvedRoute[] = [];
  const losses = new Map<string, RouteLosses>();
  for (const { tree, content } of files) {
    const defaults = child(tree, 'defaults');
    const shared = child(defaults, 'dead_letter');
    new EndsChecker(endpoints, problems, decoders).deadLetter(shared);
    let faultyDefault = false;
    const allowed = new Allowance(child(defaults, 'allow_loss'), 'by a route of this file');
    const sharedPlace = new LettersPlace(shared);
    items(child(tree, 'routes')).forEach((node, index) => {
      checkName(text(child(node, 'name')), names, problems);
      const checker = new EndsChecker(endpoints, problems, decoders);
      const read = checker.source(child(node, 'from'));
      const route = content?.routes[index];
      const entries = route && entriesOf(route.to);
      const leaves = leavesOf(node);
      const when = checkWhen(child(node, 'when'), problems, decoders);
      const source = read && endpoints?.definitions.get(read.endpoint);
      const format = child(child(node, 'from'), 'format');
      const decode = checkIncomingFormat(route?.from.format, format, source, problems);
      const from = read && { ...read, decode: decode && new Step(decode, route?.from.format) };
      const to = leaves.map((leaf, n) => checker.target(leaf, entries?.[n], source));
      const own = child(node, 'dead_letter');
      checker.deadLetter(own);
      if (content === undefined || route === undefined || from === undefined) return;
      const tried = leaves.map(({ hasNext }, n) => ({ entry: entries![n]!, hasNext }));
      const { policies, ...delivery } = deliveryOf(route, tried, content.defaults, source?.role);
      const ownDedup = child(node, 'dedup');
      // What is wrong with the defaults is told for the first route that has them.
      const unheard = ownDedup === undefined && faultyDefault ? new Problems() : problems;
      const before = unheard.count;
      const dedup = checkDedup(
        route.dedup ?? content.defaults?.dedup,
        ownDedup ?? child(defaults, 'dedup'),
        from.pattern.captures,
        source,
        unheard,
      );
      faultyDefault ||= ownDedup === undefined && unheard.count > before;
      checker.checkDelivery(node, own ?? shared, from, delivery);
      // The body first: a format is what the message is in when it leaves.
      const targets = leaves.map((leaf, n) => ({
        node: leaf.node,
        entry: entries![n]!,
        to: to[n] && withSteps(to[n], steps?.get(leaf.node)),
      }));
      const lettersPlace = own ? new LettersPlace(own) : sharedPlace;
      const { deadLetter } = delivery;
      losses.set(
        route.name,
        checkLosses(
          { route: node, source, targets, deadLetter, lettersPlace, defaults: allowed },
          endpoints,
          problems,
        ),
      );
      if (own) lettersPlace.report(problems);
      const definitions = endpoints?.definitions;
      const replies = new ReplyChecker({ node, route, from, definitions, id, problems });
      const resolved: ResolvedRoute = {
        name: route.name,
        description: route.description,
        owner: route.owner ?? content.owner,
        file: node.at.file,
        line: node.at.line,
        from,
        when,
        to: targets.flatMap(({ node: written, entry, to: target }, n) => {
          if (target === undefined) return [];
          const reply = replies.at(written, entry, target);
          return [{ ...target, retry: policies[n], ...(reply && { reply }) }];
        }),
        ...delivery,
        dedup,
      };
      routes.push(resolved);
      if (!definitions) return;
      const back = answerRoutesOf(resolved, definitions, (endpoint) =>
        deliveryOf(
          { ...route, spool: false },
          [{ entry: {}, hasNext: false }],
          content.defaults,
          definitions.get(endpoint)?.role,
        ),
      );
      for (const each of back) checker.checkDelivery(node, own ?? shared, each.from, each);
      answers.push(...back);
    });
    allowed.report(problems);
    sharedPlace.report(problems);
  }
  return { routes: [...routes, ...withStrays(answers)], losses };
}

function withSteps(target: RouteTarget, body: RouteTarget['steps']): RouteTarget {
  const all = [...(body ?? []), ...(target.steps ?? [])];
  return { ...target, steps: all.length === 0 ? undefined : all };
}

function checkName(node: ScalarNode | undefined, names: Map<string, Place>, problems: Problems): void {
  if (node === undefined) return;
  const name = String(node.value);
  const first = names.get(name);
  if (first === undefined) names.set(name, node.at);
  else
    problems.error(
      node.at,
      `the route name ${quoted(name)} is used twice; the first is at ${formatPlace(first)}`,
      'give each route its own name',
    );
}
