import type { AddressPattern, AddressSyntax } from '../core/address.ts';
import { JunctionError } from '../core/errors.ts';
import { PatternIndex, type Match } from '../core/pattern-index.ts';
import type { Envelope } from '../core/envelope.ts';
import { renderTemplate } from '../core/template.ts';
import { renderValue } from '../core/value-template.ts';
import type { ResolvedRoute, RouteTarget } from './route.ts';

/** Where one message goes on behalf of one route. */
export interface Target {
  readonly route: string;
  /** The target as the route has it. */
  readonly to: RouteTarget;
  readonly address: string;
  /** The ordering key there, in place of the message's own; undefined where the message lacks a part of it. */
  readonly keyOf: ((message: Envelope) => string | undefined) | undefined;
}

/** A target to which no message of an address can be carried, and why. */
export interface RefusedTarget {
  readonly route: string;
  readonly to: RouteTarget;
  readonly error: JunctionError;
}

/** What becomes of the messages of one address on behalf of some routes. */
export interface Part {
  readonly targets: readonly Target[];
  /** Those for which messages become dead letters. */
  readonly refused: readonly RefusedTarget[];
  /** Why the address cannot be carried to a target of a route without dead letters; then no target gets anything. */
  readonly refusal: JunctionError | undefined;
}

/** A route that lets each message through once. */
export interface Guard {
  /** What tells a message apart; undefined where it lacks a part of that. */
  readonly valueOf: (message: Envelope) => string | undefined;
  /** What is behind it; undefined where that is the route's spool. */
  readonly part: Part | undefined;
}

/** What becomes of every message published to one address: it depends on nothing but the address, so it is kept. */
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
}

/** How many addresses' plans are kept. Addresses come from outside, so the number has a bound. */
const cacheLimit = 10_000;

/** The routes that read from one endpoint. */
class Readers {
  readonly patterns: AddressPattern[] = [];
  readonly #index: PatternIndex<ResolvedRoute>;
  readonly #syntaxOf: (endpoint: string) => AddressSyntax;
  #plans = new Map<string, Plan | undefined>();

  constructor(syntax: AddressSyntax, syntaxOf: (endpoint: string) => AddressSyntax) {
    this.#index = new PatternIndex(syntax);
    this.#syntaxOf = syntaxOf;
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
    const now = matches.filter(({ value }) => value.spool === undefined && value.dedup === undefined);
    const later = matches.filter(({ value }) => value.spool !== undefined);
    const spooled = new Map(later.map((match) => [match.value.name, this.#part([match])]));
    const guards = this.#guards(matches);
    const part = this.#part(now);
    const refusals = [part, ...[...guards.values()].map((guard) => guard.part)];
    const refusal = refusals.find((each) => each?.refusal)?.refusal;
    const single = part.targets.length === 1 && part.refused.length === 0;
    const routes = matches.map((match) => match.value.name);
    return {
      reader: routes[0]!,
      routes,
      spooled,
      guards,
      only: single && spooled.size === 0 && guards.size === 0 ? part.targets[0] : undefined,
      ...part,
      refusal,
    };
  }

  #guards(matches: readonly Match<ResolvedRoute>[]): Map<string, Guard> {
    const guards = new Map<string, Guard>();
    for (const match of matches) {
      const { name, dedup, spool } = match.value;
      if (!dedup) continue;
      guards.set(name, {
        valueOf: (message) => renderValue(dedup.by, match.captures, message),
        part: spool ? undefined : this.#part([match]),
      });
    }
    return guards;
  }

  #part(matches: readonly Match<ResolvedRoute>[]): Part {
    const targets: Target[] = [];
    const refused: RefusedTarget[] = [];
    let refusal: JunctionError | undefined;
    for (const { value: route, captures } of matches) {
      for (const to of route.to) {
        const { endpoint, template, key } = to;
        try {
          targets.push({
            route: route.name,
            to,
            address: renderTemplate(template, captures, this.#syntaxOf(endpoint)),
            keyOf: key && ((message) => renderValue(key, captures, message)),
          });
        } catch (reason) {
          const error = new JunctionError(
            'invalid-message',
            `route "${route.name}": ${(reason as Error).message}`,
          );
          if (route.deadLetter === undefined) refusal ??= error;
          else refused.push({ route: route.name, to, error });
        }
      }
    }
    return { targets, refused, refusal };
  }
}

/** All routes, compiled once: a lookup costs the same however many there are. */
export class RoutingTable {
  readonly routes: readonly ResolvedRoute[];
  readonly #readers = new Map<string, Readers>();

  /** @param syntaxOf the address syntax of an endpoint, by its name */
  constructor(routes: readonly ResolvedRoute[], syntaxOf: (endpoint: string) => AddressSyntax) {
    this.routes = routes;
    for (const route of routes) {
      const endpoint = route.from.endpoint;
      let readers = this.#readers.get(endpoint);
      if (!readers) this.#readers.set(endpoint, (readers = new Readers(syntaxOf(endpoint), syntaxOf)));
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
