import type { AddressSyntax } from './address.ts';
import type { AddressSet, Piece } from './address-set.ts';
import type { Entry, Node } from './pattern-tree.ts';

/** The patterns below a node that match some address of the set. */
export function overlapping<T>(root: Node<T>, set: AddressSet, syntax: AddressSyntax): Set<T> {
  const search = new Search<T>(set, syntax);
  search.visit(root, 0, false, true);
  return search.found;
}

class Search<T> {
  readonly found = new Set<T>();
  readonly #pieces: readonly Piece[];
  readonly #mayHide: boolean;
  readonly #separators: string;
  readonly #hidden: string;
  /** Where it has been: by node, which piece, and whether in the midst of it. */
  readonly #seen = new Map<Node<T>, Set<number>>();

  constructor({ pieces, hidden: mayHide }: AddressSet, { separators, hidden }: AddressSyntax) {
    this.#pieces = pieces;
    this.#mayHide = mayHide;
    this.#separators = separators;
    this.#hidden = hidden ?? '';
  }

  /** @param entered whether a segment of the piece `at`, which takes several, has been taken already */
  visit(node: Node<T>, at: number, entered: boolean, first: boolean): void {
    const seen = this.#seen.get(node) ?? new Set();
    if (seen.has(at * 2 + Number(entered))) return;
    this.#seen.set(node, seen.add(at * 2 + Number(entered)));
    const piece = this.#pieces[at];
    if (piece === undefined) {
      this.#add(node.ends);
      for (const entries of node.rests.values()) this.#add(entries.filter(takesNothing));
    } else if (piece.kind === 'literal') {
      const next = node.literals.get(piece.text);
      if (next) this.visit(next, at + 1, false, false);
      if (!(first && this.#isHidden(piece.text))) this.#wild(node, piece.separator, at + 1, false);
    } else if (piece.kind === 'one') {
      this.#segment(node, piece.separator, piece.begin, piece.end, at + 1, false, first);
    } else {
      if (entered || piece.least === 0) this.visit(node, at + 1, false, first);
      for (const separator of entered ? piece.joined : [piece.separator])
        this.#segment(node, separator, '', '', at, true, first);
    }
  }

  /** One segment of any word that begins and ends so. */
  #segment(
    node: Node<T>,
    separator: string,
    begin: string,
    end: string,
    next: number,
    entered: boolean,
    first: boolean,
  ): void {
    for (const [text, child] of node.literals) {
      const own = !first && this.#separators.includes(text[0] ?? ' ') ? text[0]! : '';
      const word = text.slice(own.length);
      const fits = word.length >= begin.length + end.length && word.startsWith(begin) && word.endsWith(end);
      if (own === separator && fits && (!first || this.#mayHide || !this.#isHidden(text)))
        this.visit(child, next, entered, false);
    }
    if (!(first && this.#isHidden(begin))) this.#wild(node, separator, next, entered);
  }

  #wild(node: Node<T>, separator: string, next: number, entered: boolean): void {
    const one = node.ones.get(separator);
    if (one) this.visit(one, next, entered, false);
    // whatever follows is taken too
    this.#add(node.rests.get(separator) ?? []);
  }

  #add(entries: readonly Entry<T>[]): void {
    for (const { value } of entries) this.found.add(value);
  }

  #isHidden(text: string): boolean {
    return text !== '' && this.#hidden.includes(text[0]!);
  }
}

const takesNothing = <T>({ pattern }: Entry<T>): boolean => {
  const last = pattern.segments.at(-1)!;
  return last.kind === 'rest' && last.capture === undefined;
};
