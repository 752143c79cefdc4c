import type { AddressPattern, AddressSyntax } from '../../core/address.ts';
import type { Envelope } from '../../core/envelope.ts';
import { PatternIndex } from '../../core/pattern-index.ts';
import { Passage, type Part, type Passed } from './passage.ts';
import type { Requests } from './requests.ts';
import type { ResolvedRoute } from '../route/route.ts';
import type { Target } from '../targets/target.ts';

/** A route that lets each message through once. */
export interface Guard {
  /** What tells a message apart; undefined where it lacks a part of that. */
  readonly valueOf: (message: Envelope) => string | undefined;
  /** What is behind it; undefined where that is the route's spool. */
  readonly part: Part | undefined;
}

/** What becomes of messages published to one address. */
export interface Plan extends Part {
  /** The first route that reads the address, for messages to people. */
  readonly reader: string;
  /** Every route that reads it. */
  readonly routes: readonly string[];
  /** What the spools of routes hand over later, by route. */
  readonly spooled: ReadonlyMap<string, Part>;
  /** Routes with deduplication, by name; those of its own part have none. */
  readonly guards: ReadonlyMap<string, Guard>;
  /** Where a message goes, if that is one target and nothing else is to be done: the fast path. */
  readonly only: Target | undefined;
  /**
   * The plan for one message, where not all messages of the address have the same; undefined: this is it, and is kept.
   * @param admitted a route that is not to be asked any more whether it wants the message
   */
  readonly choose: ((message: Envelope, admitted?: string) => Plan) | undefined;
}

/** The plan of a message. */
export const planFor = (plan: Plan, message: Envelope, admitted?: string): Plan =>
  plan.choose ? plan.choose(message, admitted) : plan;

/** How many addresses' plans are kept. Addresses come from outside, so the number has a bound. */
const cacheLimit = 10_000;

/** The routes that read from one endpoint. */
class Readers {
  readonly patterns: AddressPattern[] = [];
  readonly #index: PatternIndex<ResolvedRoute>;
  readonly #syntaxOf: (endpoint: string) => AddressSyntax;
  readonly #requests: Requests | undefined;
  readonly #now: () => number;
  #plans = new Map<string, Plan | undefined>();

  constructor(
    syntax: AddressSyntax,
    syntaxOf: (endpoint: string) => AddressSyntax,
    requests: Requests | undefined,
    now: () => number,
  ) {
    this.#index = new PatternIndex(syntax);
    this.#syntaxOf = syntaxOf;
    this.#requests = requests;
    this.#now = now;
  }

  add(route: ResolvedRoute): void {
    this.patterns.push(route.from.pattern);
    this.#index.add(route.from.pattern, route);
  }

  plan(address: string): Plan | undefined {
    const known = this.#plans.get(address);
    if (known !== undefined || this.#plans.has(address)) return known;
    if (this.#plans.size >= cacheLimit) this.#plans = new Map();
    const plan = this.#make(address);
    this.#plans.set(address, plan);
    return plan;
  }

  #make(address: string): Plan | undefined {
    const matches = this.#index.match(address);
    if (matches.length === 0) return undefined;
    const reader = matches[0]!.value.name;
    const passages = matches.map(({ value, captures }) => ({
      name: value.name,
      passage: new Passage(value, captures, this.#syntaxOf, this.#requests, this.#now),
    }));
    const fixed = passages.flatMap(({ passage }) => passage.fixed ?? []);
    if (fixed.length === passages.length) return compose(reader, fixed);
    return {
      ...compose(reader, []),
      routes: passages.map(({ name }) => name),
      choose: (message, admitted) =>
        compose(
          reader,
          passages.flatMap(({ name, passage }) => passage.of(message, name === admitted) ?? []),
          admitted,
        ),
    };
  }
}

const noSpools: Plan['spooled'] = new Map();
const noGuards: Plan['guards'] = new Map();

/**
 * What some routes do together.
 * @param admitted the route whose spool has the message already, or that is sent it again
 */
function compose(reader: string, passed: readonly Passed[], admitted?: string): Plan {
  const direct: Passed[] = [];
  const later: Passed[] = [];
  const once: Passed[] = [];
  for (const each of passed) {
    const { name, spool, dedup } = each.route;
    // What a route cannot judge is not kept for later, when nobody asks its condition again.
    const kept = name === admitted || !isWhollyRefused(each);
    if (kept && spool) later.push(each);
    if (kept && dedup) once.push(each);
    if (!kept || (!spool && !dedup)) direct.push(each);
  }
  const now = together(direct);
  const spooled = later.length === 0 ? noSpools : new Map(later.map((part) => [part.route.name, part]));
  const guards =
    once.length === 0
      ? noGuards
      : new Map(
          once.map(({ valueOf, ...part }) => [
            part.route.name,
            { valueOf, part: part.route.spool ? undefined : part },
          ]),
        );
  const first = now.targets.length === 1 ? now.targets[0]! : undefined;
  const single = first?.mode === 'one' && now.refused.length === 0 && spooled.size === 0 && guards.size === 0;
  return {
    reader,
    routes: passed.map(({ route }) => route.name),
    spooled,
    guards,
    only: single ? first.targets[0] : undefined,
    targets: now.targets,
    refused: now.refused,
    refusal: now.refusal,
    choose: undefined,
  };
}

const isWhollyRefused = ({ refused, refusal }: Passed): boolean =>
  refusal !== undefined || refused.some(({ to }) => to === undefined);

const nothing: Part = { targets: [], refused: [], refusal: undefined };

function together(parts: readonly Passed[]): Part {
  if (parts.length <= 1) return parts[0] ?? nothing;
  return {
    targets: parts.flatMap(({ targets }) => targets),
    refused: parts.flatMap(({ refused }) => refused),
    refusal: parts.find(({ refusal }) => refusal)?.refusal,
  };
}

/** All routes, compiled once: a lookup costs the same however many there are. */
export class RoutingTable {
  readonly routes: readonly ResolvedRoute[];
  readonly requests: Requests | undefined;
  readonly #readers = new Map<string, Readers>();

  /**
   * @param syntaxOf the address syntax of an endpoint, by its name
   * @param requests what waits for answers; must be there where a route has a way back
   * @param now the clock by which targets give messages a time to live, ms since the epoch
   */
  constructor(
    routes: readonly ResolvedRoute[],
    syntaxOf: (endpoint: string) => AddressSyntax,
    requests?: Requests,
    now: () => number = Date.now,
  ) {
    this.routes = routes;
    this.requests = requests;
    for (const route of routes) {
      const endpoint = route.from.endpoint;
      let readers = this.#readers.get(endpoint);
      if (!readers)
        this.#readers.set(endpoint, (readers = new Readers(syntaxOf(endpoint), syntaxOf, requests, now)));
      readers.add(route);
    }
  }

  /** What the routes read from this endpoint. */
  patternsOf(endpoint: string): readonly AddressPattern[] {
    return this.#readers.get(endpoint)?.patterns ?? [];
  }

  /** What becomes of a message published to this address; undefined where no route reads it. */
  plan(endpoint: string, address: string): Plan | undefined {
    return this.#readers.get(endpoint)?.plan(address);
  }
}
