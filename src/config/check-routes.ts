import { parsePattern, splitAddress, type AddressPattern, type AddressSyntax } from '../core/address.ts';
import type { Protocol } from '../core/protocol.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import { invalidAddress, parseTemplate, type Template } from '../core/template.ts';
import { parseValueTemplate } from '../core/value-template.ts';
import type { BodyDecoders } from '../filter/body.ts';
import { Step } from '../routing/route/compiled.ts';
import type { DeadLetterTarget, ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import type { RouteFile } from '../routing/route/schema.ts';
import type { TargetEntry } from '../routing/route/target-schema.ts';
import { answerRoutesOf, withStrays } from './answer-routes.ts';
import { namesIn } from './captures.ts';
import { checkDedup } from './check-dedup.ts';
import { checkEdits } from './check-edits.ts';
import { Allowance, checkLosses, LettersPlace, type RouteLosses } from './check-losses.ts';
import { ReplyChecker } from './check-reply.ts';
import { checkLeafWhen, checkWhen } from './check-when.ts';
import { deliveryOf } from './delivery.ts';
import { checkFormat, checkIncomingFormat } from './check-format.ts';
import type { CheckedEndpoints, EndpointDefinition } from './endpoints.ts';
import { entriesOf, leavesOf, type Leaf } from './leaves.ts';
import { located } from './located.ts';
import { formatPlace, Problems, type Place } from './problems.ts';
import { formatStepText } from './step-text.ts';
import { child, items, text, type ScalarNode, type Tree } from './tree.ts';
import { hintOf, nearest, quoted } from './words.ts';

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
    new RouteChecker(endpoints, problems, decoders).deadLetter(shared);
    let faultyDefault = false;
    const allowed = new Allowance(child(defaults, 'allow_loss'), 'by a route of this file');
    const sharedPlace = new LettersPlace(shared);
    items(child(tree, 'routes')).forEach((node, index) => {
      checkName(text(child(node, 'name')), names, problems);
      const checker = new RouteChecker(endpoints, problems, decoders);
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

/** The addresses of one route. */
class RouteChecker {
  readonly #endpoints: ReadonlyMap<string, Protocol | undefined> | undefined;
  readonly #definitions: CheckedEndpoints['definitions'] | undefined;
  readonly #problems: Problems;
  readonly #decoders: BodyDecoders | undefined;
  /** What `from.address` binds; undefined where there is none. */
  #captures: readonly string[] | undefined;

  constructor(
    endpoints: CheckedEndpoints | undefined,
    problems: Problems,
    decoders: BodyDecoders | undefined,
  ) {
    this.#endpoints = endpoints?.names;
    this.#definitions = endpoints?.definitions;
    this.#problems = problems;
    this.#decoders = decoders;
  }

  source(node: Tree | undefined): { endpoint: string; pattern: AddressPattern } | undefined {
    const { endpoint, syntax, address } = this.#read(node);
    if (address !== undefined) this.#captures = namesIn(address);
    if (address === undefined || syntax === undefined) return undefined;
    const pattern = located(address, (written) => parsePattern(written, syntax), this.#problems);
    if (pattern === undefined) return undefined;
    const wrong =
      (pattern.literal ? invalidAddress(pattern.text, syntax) : undefined) ?? syntax.unreadable?.(pattern);
    if (wrong !== undefined)
      this.#problems.error(address.at, `${quoted(pattern.text)} cannot be read from: ${wrong}`);
    return { endpoint, pattern };
  }

  /** To be called after `source`. */
  target(
    leaf: Leaf,
    entry: TargetEntry | undefined,
    from: EndpointDefinition | undefined,
  ): RouteTarget | undefined {
    const { node, group } = leaf;
    const { endpoint, syntax, address } = this.#read(node);
    const when = checkLeafWhen(leaf, this.#problems, this.#decoders);
    if (address === undefined) return undefined;
    // Without from.address nobody knows what is bound: then only the way of writing is checked.
    const bound = this.#captures ?? namesIn(address);
    const template = located(address, (written) => parseTemplate(written, bound), this.#problems);
    const key = this.#key(text(child(node, 'key')));
    const edits = checkEdits(node, entry, bound, this.#problems);
    const format = checkFormat(entry?.format, child(node, 'format'), {
      bound,
      from,
      to: this.#definitions?.get(endpoint),
      problems: this.#problems,
    });
    if (syntax === undefined || this.#hasWildcard(address, syntax) || template === undefined) return undefined;
    const wrong = invalidAddress(example(template), syntax);
    if (wrong !== undefined)
      this.#problems.error(address.at, `${quoted(template.text)} cannot be sent to: ${wrong}`);
    return { endpoint, template, key, when, edits, steps: format && [new Step(format, formatStepText(entry!.format!))], mirror: entry?.mirror, group };
  }

  /** Where dead letters go: one address, for all routes that say so. */
  deadLetter(node: Tree | undefined): void {
    if (node?.kind !== 'map') return;
    const { syntax, address } = this.#read(node);
    if (address === undefined) return;
    const written = String(address.value);
    const brace = written.search(/[{}]/);
    if (brace >= 0)
      return this.#problems.error(
        address.place(brace),
        'dead letters go to one address, which cannot hold {…}',
        'what a message’s address was is in the header junction-dead-address',
      );
    if (syntax === undefined || this.#hasWildcard(address, syntax)) return;
    const wrong = invalidAddress(written, syntax);
    if (wrong !== undefined)
      this.#problems.error(address.at, `${quoted(written)} cannot be sent to: ${wrong}`);
  }

  /** What a route's spool and its dead letters mean together. */
  checkDelivery(
    route: Tree,
    letters: Tree | undefined,
    from: ResolvedRoute['from'],
    { deadLetter, spool }: Pick<ResolvedRoute, 'deadLetter' | 'spool'>,
  ): void {
    if (spool !== undefined && deadLetter === undefined)
      this.#problems.error(
        letters?.at ?? route.at,
        'a route with a spool tells its senders "accepted" before its targets have answered, so it needs dead letters',
        'write "dead_letter: store" or an endpoint, or leave dead_letter out',
      );
    if (typeof deadLetter === 'object' && this.#reads(from, deadLetter))
      this.#problems.error(
        letters?.at ?? route.at,
        `the route reads ${quoted(deadLetter.address)} itself, so its dead letters would come back to it`,
        'send them to an address that it does not read',
      );
  }

  #reads(from: ResolvedRoute['from'], { endpoint, address }: Exclude<DeadLetterTarget, 'store'>): boolean {
    const syntax = this.#endpoints?.get(endpoint)?.address;
    if (syntax === undefined || from.endpoint !== endpoint) return false;
    const index = new PatternIndex<true>(syntax);
    index.add(from.pattern, true);
    return index.match(address).length > 0;
  }

  #key(node: ScalarNode | undefined): RouteTarget['key'] {
    if (node === undefined) return undefined;
    const bound = this.#captures ?? namesIn(node);
    return located(node, (written) => parseValueTemplate(written, bound), this.#problems);
  }

  /** Reports a segment of a target that is a wildcard. */
  #hasWildcard(address: ScalarNode, { one, rest, separators }: AddressSyntax): boolean {
    const outside = String(address.value).replace(/\{[^{}]*\}/g, (held) => 'x'.repeat(held.length));
    let offset = 0;
    for (const part of splitAddress(outside, separators)) {
      const word = separators.includes(part[0] ?? ' ') ? part.slice(1) : part;
      if (one.includes(word) || rest.includes(word)) {
        this.#problems.error(
          address.place(offset + part.length - word.length),
          `a target is one address, it cannot hold the wildcard ${word}`,
          'capture {name} in from.address and write it here',
        );
        return true;
      }
      offset += part.length;
    }
    return false;
  }

  #read(node: Tree | undefined): {
    endpoint: string;
    syntax: AddressSyntax | undefined;
    address: ScalarNode | undefined;
  } {
    const named = text(child(node, 'endpoint'));
    const endpoint = named === undefined ? '' : String(named.value);
    if (named !== undefined && this.#endpoints !== undefined && !this.#endpoints.has(endpoint)) {
      const known = [...this.#endpoints.keys()];
      this.#problems.error(
        named.at,
        `unknown endpoint ${quoted(endpoint)}`,
        hintOf(nearest(endpoint, known), known, 'known endpoints'),
      );
    }
    const syntax = this.#endpoints?.get(endpoint)?.address;
    return { endpoint, syntax, address: text(child(node, 'address')) };
  }
}

/** The address that a template makes where each capture holds a harmless word. */
const example = (template: Template): string =>
  template.parts.map((part) => ('text' in part ? part.text : 'x')).join('');
