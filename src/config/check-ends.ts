import { parsePattern, splitAddress, type AddressPattern, type AddressSyntax } from '../core/address.ts';
import type { Protocol } from '../core/protocol.ts';
import { PatternIndex } from '../core/pattern-index.ts';
import { invalidAddress, parseTemplate, type Template } from '../core/template.ts';
import { parseValueTemplate } from '../core/value-template.ts';
import type { BodyDecoders } from '../filter/body.ts';
import { Step } from '../routing/route/compiled.ts';
import type { DeadLetterTarget, ResolvedRoute, RouteTarget } from '../routing/route/route.ts';
import type { TargetEntry } from '../routing/route/target-schema.ts';
import { namesIn } from './captures.ts';
import { checkEdits } from './check-edits.ts';
import { checkLeafWhen } from './check-when.ts';
import { checkFormat } from './check-format.ts';
import type { CheckedEndpoints, EndpointDefinition } from './endpoints.ts';
import type { Leaf } from './leaves.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { formatStepText } from './step-text.ts';
import { child, text, type ScalarNode, type Tree } from './tree.ts';
import { hintOf, nearest, quoted } from './words.ts';

/** Checks the ends of one route: where it reads, its targets, and where its dead letters go. */
export class EndsChecker {
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

  /** Where the route reads; undefined where that cannot be told. */
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
