import { TextSyntaxError } from './syntax-error.ts';

/**
 * How one protocol writes addresses. Segments keep the separator before them, so that a protocol with two
 * separators (STOMP: `/topic/a.b`) needs no special case.
 */
export interface AddressSyntax {
  /** Characters that divide segments; the first one joins the segments of a `{name...}` capture. Empty: none. */
  readonly separators: string;
  /** Segments that match exactly one segment, e.g. `+` or `*`. */
  readonly one: readonly string[];
  /** Segments that match any number of trailing segments, e.g. `#` or `>`. */
  readonly rest: readonly string[];
  /** The longest address in UTF-8 bytes. */
  readonly maxBytes: number;
  /** A first segment that begins with one of these is not matched by a leading wildcard [MQTT-4.7.2-1]. */
  readonly hidden?: string;
  /** Why this is not an address to send to, or undefined where it is one. */
  invalid?(address: string): string | undefined;
  /** Why routes cannot read from this, where not every address that can be sent to can be read from. */
  unreadable?(pattern: AddressPattern): string | undefined;
  /**
   * The one way of writing an address, pattern or template, where there are several, so that they can be compared.
   * @param use what is read can be written otherwise than what is sent to
   */
  canonical?(written: string, use: 'read' | 'write'): string;
}

export type Segment =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'one'; readonly separator: string; readonly capture?: string }
  | { readonly kind: 'rest'; readonly separator: string; readonly capture?: string };

/** An address with wildcards and named captures, as written in a route or a subscription. */
export interface AddressPattern {
  readonly text: string;
  readonly segments: readonly Segment[];
  /** The names it binds, in order. */
  readonly captures: readonly string[];
  /** Whether it matches only the address it is written as. */
  readonly literal: boolean;
}

/** What captures hold: one segment as a string, `{name...}` as its segments. */
export type Captures = ReadonlyMap<string, string | readonly string[]>;

/** What is wrong with a pattern or template, and where in it (offset in UTF-16 code units). */
export class AddressSyntaxError extends TextSyntaxError {}

/** Splits an address before each separator: `/topic/a.b` → ``, `/topic`, `/a`, `.b`; `a/b` → `a`, `/b`. */
export function splitAddress(address: string, separators: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let i = 0; i < address.length; i++) {
    if (separators.includes(address[i]!)) {
      parts.push(address.slice(start, i));
      start = i;
    }
  }
  parts.push(address.slice(start));
  return parts;
}

const separatorOf = (part: string, separators: string): string =>
  part.length > 0 && separators.includes(part[0]!) ? part[0]! : '';

const captureName = /^\{([A-Za-z_][A-Za-z0-9_-]*)(\.\.\.)?\}$/;

/**
 * Reads a pattern. `{name}` captures one segment, `{name...}` the rest; wildcards are the protocol's own.
 * @throws AddressSyntaxError for a wildcard or capture that is part of a segment, a rest that is not last, a name bound twice
 */
export function parsePattern(text: string, syntax: AddressSyntax, allowCaptures = true): AddressPattern {
  if (text.length === 0) throw new AddressSyntaxError('an address must not be empty', 0);
  const captures: string[] = [];
  const segments: Segment[] = [];
  let offset = 0;
  const parts = splitPattern(text, syntax.separators, allowCaptures);
  parts.forEach((part, index) => {
    const separator = separatorOf(part, syntax.separators);
    const word = part.slice(separator.length);
    const last = index === parts.length - 1;
    const capture = allowCaptures ? captureName.exec(word) : null;
    if (capture) {
      const name = capture[1]!;
      if (captures.includes(name))
        throw new AddressSyntaxError(`{${name}} is bound twice; give each capture its own name`, offset);
      if (capture[2] && !last)
        throw new AddressSyntaxError(`{${name}...} takes the rest, so it must be the last segment`, offset);
      captures.push(name);
      segments.push({ kind: capture[2] ? 'rest' : 'one', separator, capture: name });
    } else if (syntax.one.includes(word)) {
      segments.push({ kind: 'one', separator });
    } else if (syntax.rest.includes(word)) {
      if (!last)
        throw new AddressSyntaxError(
          `the wildcard ${word} takes the rest, so it must be the last segment`,
          offset,
        );
      segments.push({ kind: 'rest', separator });
    } else {
      const wild = [...syntax.one, ...syntax.rest].find((w) => word.includes(w));
      if (wild !== undefined)
        throw new AddressSyntaxError(
          `the wildcard ${wild} must be a whole segment, not part of "${word}"`,
          offset + part.indexOf(wild),
        );
      if (allowCaptures && /[{}]/.test(word))
        throw new AddressSyntaxError(
          `"${word}" is not a capture: write {name} for one whole segment or {name...} for the rest`,
          offset + part.search(/[{}]/),
        );
      segments.push({ kind: 'literal', text: part });
    }
    offset += part.length;
  });
  return { text, segments, captures, literal: segments.every((s) => s.kind === 'literal') };
}

/** As splitAddress, but the dots of `{name...}` do not divide. */
function splitPattern(text: string, separators: string, allowCaptures: boolean): string[] {
  if (!allowCaptures) return splitAddress(text, separators);
  const held = text.replace(/\{[^{}]*\}/g, (m) => 'x'.repeat(m.length));
  let at = 0;
  return splitAddress(held, separators).map((part) => text.slice(at, (at += part.length)));
}
