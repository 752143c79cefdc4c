import type { AddressPattern, AddressSyntax } from '../core/address.ts';
import { JunctionError } from '../core/errors.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import type { Envelope } from '../core/envelope.ts';
import { renderTemplate } from '../core/template.ts';
import { renderValue } from '../core/value-template.ts';
import type { ResolvedRoute } from './route.ts';

/** Where one message goes on behalf of one route. */
export interface Target {
  readonly route: string;
  readonly endpoint: string;
  readonly address: string;
  /** The ordering key there, in place of the message's own; undefined where the message lacks a part of it. */
  readonly keyOf: ((message: Envelope) => string | undefined) | undefined;
}

/** What becomes of every message published to one address: it depends on nothing but the address, so it is kept. */
export interface Plan {
  /** The first route that reads the address, for messages to people. */
  readonly reader: string;
  /** Every route that reads it. */
  readonly routes: readonly string[];
  readonly targets: readonly Target[];
  /** Why the address cannot be carried to a target; then no target gets anything. */
  readonly refusal: JunctionError | undefined;
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
    const targets: Target[] = [];
    let refusal: JunctionError | undefined;
    for (const { value: route, captures } of matches) {
      for (const { endpoint, template, key } of route.to) {
        try {
          targets.push({
            route: route.name,
            endpoint,
            address: renderTemplate(template, captures, this.#syntaxOf(endpoint)),
            keyOf: key && ((message) => renderValue(key, captures, message)),
          });
        } catch (error) {
          refusal ??= new JunctionError(
            'invalid-message',
            `route "${route.name}": ${(error as Error).message}`,
          );
        }
      }
    }
    const routes = matches.map((match) => match.value.name);
    return { reader: routes[0]!, routes, targets, refusal };
  }
}

/** All routes, compiled once: a lookup costs the same however many there are. */
export class RoutingTable {
  readonly #readers = new Map<string, Readers>();

  /** @param syntaxOf the address syntax of an endpoint, by its name */
  constructor(routes: readonly ResolvedRoute[], syntaxOf: (endpoint: string) => AddressSyntax) {
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
