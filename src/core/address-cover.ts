import type { AddressPattern, AddressSyntax } from './address.ts';
import type { AddressSet, Piece } from './address-set.ts';

/** How far a pattern has matched: the next of its segments. */
interface State {
  readonly pattern: AddressPattern;
  readonly next: number;
}

/**
 * An address of the set that none of the patterns matches; undefined where together they match all.
 *
 * Walks along the set with all patterns at once. Where the set allows any word it is enough to try one that stands in
 * no pattern: whatever goes on after such a word goes on after every other.
 */
export function uncovered(
  set: AddressSet,
  patterns: readonly AddressPattern[],
  syntax: AddressSyntax,
): string | undefined {
  return new Walk(set.pieces, patterns, syntax).from(
    0,
    false,
    patterns.map((pattern) => ({ pattern, next: 0 })),
    '',
  );
}

class Walk {
  readonly #pieces: readonly Piece[];
  readonly #hidden: string;
  readonly #word: string;

  constructor(pieces: readonly Piece[], patterns: readonly AddressPattern[], { hidden }: AddressSyntax) {
    this.#pieces = pieces;
    this.#hidden = hidden ?? '';
    this.#word = strangeWord(patterns);
  }

  /** @param entered whether a segment of the piece `at`, which takes several, has been taken already */
  from(at: number, entered: boolean, states: readonly State[], address: string): string | undefined {
    const piece = this.#pieces[at];
    if (piece === undefined) return states.some(isAtEnd) ? undefined : address;
    const goOn = (part: string, next: number): string | undefined => {
      const after = this.#step(states, part, address === '' && at === 0 && !entered);
      return after && this.from(next, next === at, after, address + part);
    };
    if (piece.kind === 'literal') return goOn(piece.text, at + 1);
    if (piece.kind === 'one') return goOn(piece.separator + piece.begin + this.#word + piece.end, at + 1);
    const enough = entered || piece.least === 0;
    const found = enough ? this.from(at + 1, false, states, address) : undefined;
    if (found !== undefined || (entered && states.length === 0)) return found;
    for (const separator of entered ? piece.joined : [piece.separator]) {
      const further = goOn(separator + this.#word, at);
      if (further !== undefined) return further;
    }
    return undefined;
  }

  /** The states after one more segment; undefined where a pattern takes whatever follows. */
  #step(states: readonly State[], part: string, first: boolean): State[] | undefined {
    const guarded = first && part !== '' && this.#hidden.includes(part[0]!);
    const after: State[] = [];
    for (const { pattern, next } of states) {
      const segment = pattern.segments[next];
      if (segment === undefined) continue;
      const fits =
        segment.kind === 'literal'
          ? segment.text === part
          : !guarded && (first ? segment.separator === '' : segment.separator === part[0]);
      if (fits && segment.kind === 'rest') return undefined;
      if (fits) after.push({ pattern, next: next + 1 });
    }
    return after;
  }
}

function isAtEnd({ pattern: { segments }, next }: State): boolean {
  const segment = segments[next];
  return segment === undefined || (segment.kind === 'rest' && segment.capture === undefined);
}

/** A word that no literal of the patterns holds. */
function strangeWord(patterns: readonly AddressPattern[]): string {
  let word = 'xyz';
  const held = (): boolean =>
    patterns.some(({ segments }) =>
      segments.some((segment) => segment.kind === 'literal' && segment.text.includes(word)),
    );
  for (let n = 1; held(); n++) word = `xyz${n}`;
  return word;
}
