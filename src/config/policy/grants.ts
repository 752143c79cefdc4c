import { AddressSyntaxError, parsePattern, type AddressPattern, type AddressSyntax } from '../../core/address.ts';
import { uncovered } from '../../core/address-cover.ts';
import type { AddressSet } from '../../core/address-set.ts';
import { PatternIndex } from '../../core/pattern-index.ts';
import { canonical, type Use } from '../address-sets.ts';
import type { CheckedEndpoints } from '../endpoints.ts';
import { isGlob } from '../glob.ts';
import type { Place, Problems } from '../problems.ts';
import { texts } from '../tree-parts.ts';
import { child, items, type Tree } from '../tree.ts';
import { hintOf, nearest, quoted } from '../words.ts';
import { isNamed } from './names.ts';
import { listOf, type PolicyRule } from './schema.ts';

/** What a policy allows its owners at one endpoint. */
export interface Grant {
  /** Patterns of names. */
  readonly owners: readonly string[];
  /** As written; undefined: all addresses. */
  readonly text: string | undefined;
  readonly pattern: AddressPattern;
}

/** All that a policy allows. */
export class Grants {
  readonly #syntaxes = new Map<string, AddressSyntax>();
  readonly #read = new Map<string, Grant[]>();
  readonly #write = new Map<string, Grant[]>();

  /** @param written the rules as they stand in the file, for their places */
  constructor(
    rules: readonly PolicyRule[],
    written: Tree | undefined,
    endpoints: CheckedEndpoints,
    problems: Problems,
  ) {
    for (const [name, protocol] of endpoints.names) if (protocol) this.#syntaxes.set(name, protocol.address);
    const known = [...endpoints.names.keys()];
    rules.forEach((rule, index) => {
      for (const use of ['read', 'write'] as const)
        rule[use].forEach((grant, n) => {
          const node = items(child(items(written)[index], use))[n];
          const meant = known.filter((name) => isNamed(name, [grant.endpoint]));
          const at = child(node, 'endpoint')?.at;
          if (meant.length === 0 && at)
            // A pattern may be meant for what is yet to come.
            problems[isGlob(grant.endpoint) ? 'warning' : 'error'](
              at,
              `no endpoint is named ${quoted(grant.endpoint)}`,
              hintOf(nearest(grant.endpoint, known), known, 'known endpoints'),
            );
          for (const endpoint of meant)
            this.#add(use, endpoint, listOf(rule.owner), listOf(grant.address), node, problems);
        });
    });
  }

  /** What anyone may do at an endpoint. */
  at(use: Use, endpoint: string): readonly Grant[] {
    return (use === 'read' ? this.#read : this.#write).get(endpoint) ?? [];
  }

  /** An address of the set that none of the grants allows; undefined where they allow all of it. */
  beyond(use: Use, endpoint: string, set: AddressSet, grants: readonly Grant[]): string | undefined {
    const syntax = this.#policySyntax(use, endpoint);
    return syntax && uncovered(set, grants.map(({ pattern }) => pattern), syntax);
  }

  /** The grants that allow some of the set. */
  touching(use: Use, endpoint: string, set: AddressSet, grants: readonly Grant[]): ReadonlySet<Grant> {
    const syntax = this.#policySyntax(use, endpoint);
    if (!syntax) return new Set();
    const index = new PatternIndex<Grant>(syntax);
    for (const grant of grants) index.add(grant.pattern, grant);
    return index.overlapping(set);
  }

  /** How an endpoint writes addresses; undefined where it is faulty. */
  syntaxOf(endpoint: string): AddressSyntax | undefined {
    return this.#syntaxes.get(endpoint);
  }

  #policySyntax(use: Use, endpoint: string): AddressSyntax | undefined {
    const syntax = this.#syntaxes.get(endpoint);
    return syntax && policySyntax(syntax, use);
  }

  #add(
    use: Use,
    endpoint: string,
    owners: readonly string[],
    addresses: readonly string[],
    node: Tree | undefined,
    problems: Problems,
  ): void {
    const syntax = this.#policySyntax(use, endpoint);
    if (!syntax) return;
    const granted = use === 'read' ? this.#read : this.#write;
    const grants = granted.get(endpoint) ?? [];
    granted.set(endpoint, grants);
    const all = { owners, text: undefined, pattern: { text: '', segments: [everything], captures: [], literal: false } };
    if (addresses.length === 0) grants.push(all);
    addresses.forEach((text, n) => {
      const place = texts(child(node, 'address'))[n];
      try {
        grants.push({ owners, text, pattern: parsePattern(canonical(text, use, syntax), syntax) });
      } catch (error) {
        if (!(error instanceof AddressSyntaxError)) throw error;
        const at: Place | undefined = place?.at ?? node?.at;
        if (at) problems.error(at, `${quoted(text)} is no address of ${quoted(endpoint)}: ${error.message}`);
      }
    });
  }
}

const everything = { kind: 'rest', separator: '' } as const;

/**
 * Wildcards for protocols that have none of their own. That a subscriber's wildcard does not match what begins with
 * one of `hidden` is no matter to who sends.
 */
function policySyntax(syntax: AddressSyntax, use: Use): AddressSyntax {
  const none = syntax.one.length === 0 && syntax.rest.length === 0;
  return {
    ...syntax,
    ...(none && { one: ['*'], rest: ['#'] }),
    ...(use === 'write' && { hidden: '' }),
  };
}
