import { parsePattern, type AddressSyntax } from '../../core/address.ts';
import { PatternIndex } from '../../core/pattern-index.ts';
import type { Role } from '../../core/protocol.ts';
import { invalidAddress } from '../../core/template.ts';

/**
 * The reply addresses that requests of an endpoint may name: those that it gives to a client for itself alone, and what is
 * written. Whoever sends a request has the gateway send there, with the gateway's rights, so nothing else is allowed.
 * A reload compares what is public.
 */
export class AllowedReplies {
  readonly patterns: readonly string[];
  readonly syntax: AddressSyntax;
  readonly isTemporary: Role['isTemporary'];
  readonly #index: PatternIndex<true>;

  /** @throws AddressSyntaxError where one of the patterns is malformed */
  constructor(patterns: readonly string[], syntax: AddressSyntax, isTemporary: Role['isTemporary']) {
    this.patterns = patterns;
    this.syntax = syntax;
    this.isTemporary = isTemporary;
    this.#index = new PatternIndex(syntax);
    for (const pattern of patterns) this.#index.add(parsePattern(pattern, syntax, false), true);
  }

  /** Why answers may not go to this address; undefined where they may. */
  whyNot(address: string): string | undefined {
    const shown = JSON.stringify(address.length > 100 ? `${address.slice(0, 100)}…` : address);
    const wrong = invalidAddress(address, this.syntax);
    if (wrong !== undefined) return `its reply address ${shown} cannot be sent to: ${wrong}`;
    if (this.isTemporary?.(address) || this.#index.match(address).length > 0) return undefined;
    return `its reply address ${shown} is none that the route allows; if answers may go there, add it to "allow" of the route's "reply"`;
  }
}
