import { splitAddress, type AddressPattern, type AddressSyntax } from './address.ts';
import type { Template } from './template.ts';

/** What a set's addresses have at one place. A separator is the one before the segment; the first segment has none. */
export type Piece =
  | { readonly kind: 'literal'; readonly separator: string; readonly text: string }
  /** One segment that begins and ends so. */
  | { readonly kind: 'one'; readonly separator: string; readonly begin: string; readonly end: string }
  /** Segments, `least` or more, of which the first has `separator` and each other one of `joined`. */
  | { readonly kind: 'many'; readonly separator: string; readonly joined: string; readonly least: 0 | 1 };

/** All addresses that a pattern matches, or that a template can make. */
export interface AddressSet {
  readonly text: string;
  readonly pieces: readonly Piece[];
  /** Whether a first segment that is not literal may begin with one of `AddressSyntax.hidden`. */
  readonly hidden: boolean;
}

export function setOfPattern(pattern: AddressPattern, { separators }: AddressSyntax): AddressSet {
  const pieces = pattern.segments.map((segment, index): Piece => {
    if (segment.kind === 'literal') return literal(segment.text, index, separators);
    const { separator } = segment;
    if (segment.kind === 'one') return { kind: 'one', separator, begin: '', end: '' };
    // a.# also matches a [MQTT-4.7.1-2]; a rest that captures wants at least one segment, and every address has one
    const least = segment.capture !== undefined || index === 0 ? 1 : 0;
    return { kind: 'many', separator, joined: separators, least };
  });
  return { text: pattern.text, pieces, hidden: false };
}

/** What a part of a template can become. */
type Filling = { readonly text: string } | 'word' | 'words' | 'anything';

/**
 * The addresses that a template can make, and maybe some more.
 * @param from what binds its captures
 */
export function setOfTemplate(
  template: Template,
  from: AddressPattern,
  { separators }: AddressSyntax,
): AddressSet {
  const segments: { readonly separator: string; readonly fillings: Filling[] }[] = [
    { separator: '', fillings: [] },
  ];
  for (const filling of template.parts.map((part) => fillingOf(part, from))) {
    if (typeof filling === 'string') {
      segments.at(-1)!.fillings.push(filling);
      continue;
    }
    splitAddress(filling.text, separators).forEach((text, index) => {
      if (index > 0) segments.push({ separator: text[0]!, fillings: [] });
      segments.at(-1)!.fillings.push({ text: index > 0 ? text.slice(1) : text });
    });
  }
  const pieces = segments.map(({ separator, fillings }) => pieceOf(separator, fillings, separators));
  return { text: template.text, pieces, hidden: true };
}

function fillingOf(part: Template['parts'][number], from: AddressPattern): Filling {
  if ('text' in part) return part;
  if (part.raw) return 'anything';
  // one that would be more than a segment is refused (renderTemplate)
  if ('value' in part) return 'word';
  const bound = from.segments.find(
    (segment) => segment.kind !== 'literal' && segment.capture === part.capture,
  );
  return bound?.kind === 'one' ? 'word' : bound?.kind === 'rest' ? 'words' : 'anything';
}

function pieceOf(separator: string, fillings: readonly Filling[], separators: string): Piece {
  if (fillings.includes('anything')) return { kind: 'many', separator, joined: separators, least: 1 };
  // they are joined by the first separator
  if (fillings.includes('words'))
    return { kind: 'many', separator, joined: separators.slice(0, 1), least: 1 };
  const texts = fillings.map((filling) => (typeof filling === 'object' ? filling.text : undefined));
  if (!texts.includes(undefined)) return { kind: 'literal', separator, text: separator + texts.join('') };
  const begin = texts.slice(0, texts.indexOf(undefined)).join('');
  return { kind: 'one', separator, begin, end: texts.slice(texts.lastIndexOf(undefined) + 1).join('') };
}

/** The set of one address. */
export const setOfAddress = (address: string, { separators }: AddressSyntax): AddressSet => ({
  text: address,
  pieces: splitAddress(address, separators).map((text, index) => literal(text, index, separators)),
  hidden: true,
});

const literal = (text: string, index: number, separators: string): Piece => ({
  kind: 'literal',
  separator: index > 0 && separators.includes(text[0]!) ? text[0]! : '',
  text,
});
