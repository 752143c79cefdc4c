import { splitAddress, type AddressPattern, type AddressSyntax, type Captures } from './address.ts';
import type { AddressSet } from './address-set.ts';
import { overlapping } from './pattern-overlap.ts';
import type { Entry, Node } from './pattern-tree.ts';

export interface Match<T> {
  readonly value: T;
  readonly captures: Captures;
}

const node = <T>(): Node<T> => ({ literals: new Map(), ones: new Map(), rests: new Map(), ends: [] });

/**
 * Finds the patterns that match an address: a trie over segments, so that the cost grows with the address's
 * segments and its matches, not with the number of patterns.
 */
export class PatternIndex<T> {
  readonly #syntax: AddressSyntax;
  #root: Node<T> = node();
  #size = 0;

  constructor(syntax: AddressSyntax) {
    this.#syntax = syntax;
  }

  get size(): number {
    return this.#size;
  }

  add(pattern: AddressPattern, value: T): void {
    this.#entries(pattern).push({ pattern, value });
    this.#size++;
  }

  /** Removes one entry of this pattern and value; false where there is none. */
  remove(pattern: AddressPattern, value: T): boolean {
    const entries = this.#entries(pattern);
    const at = entries.findIndex((entry) => entry.value === value && entry.pattern.text === pattern.text);
    if (at < 0) return false;
    entries.splice(at, 1);
    this.#size--;
    if (this.#size === 0) this.#root = node();
    return true;
  }

  /** Every match with what its captures hold, in no particular order. */
  match(address: string): Match<T>[] {
    const found: Match<T>[] = [];
    const { separators, hidden } = this.#syntax;
    const parts = splitAddress(address, separators);
    const guarded = hidden !== undefined && parts[0]!.length > 0 && hidden.includes(parts[0]![0]!);
    const words: string[] = [];
    const visit = (at: Node<T>, index: number): void => {
      const part = parts[index];
      if (part === undefined) {
        for (const entry of at.ends) found.push({ value: entry.value, captures: bind(entry.pattern, words) });
        // a/# also matches its parent a [MQTT-4.7.1-2]; a rest that captures wants at least one segment
        for (const entries of at.rests.values()) take(entries, index, true);
        return;
      }
      const next = at.literals.get(part);
      if (next) {
        words.push('');
        visit(next, index + 1);
        words.pop();
      }
      if (index === 0 && guarded) return;
      const separator = index > 0 || (part.length > 0 && separators.includes(part[0]!)) ? part[0]! : '';
      const one = at.ones.get(separator);
      if (one) {
        words.push(part.slice(separator.length));
        visit(one, index + 1);
        words.pop();
      }
      const rest = at.rests.get(separator);
      if (rest) take(rest, index, false);
    };
    const take = (entries: readonly Entry<T>[], index: number, empty: boolean): void => {
      for (const { pattern, value } of entries) {
        const last = pattern.segments.at(-1)!;
        const captures = last.kind === 'rest' && last.capture !== undefined;
        if (empty && captures) continue;
        const bound = bind(pattern, words);
        if (captures)
          (bound as Map<string, string | readonly string[]>).set(
            last.capture,
            parts.slice(index).map((p, i) => (index + i === 0 ? p : p.slice(1))),
          );
        found.push({ value, captures: bound });
      }
    };
    visit(this.#root, 0);
    return found;
  }

  /** The values of all patterns that match some address of the set. */
  overlapping(set: AddressSet): Set<T> {
    return overlapping(this.#root, set, this.#syntax);
  }

  #entries(pattern: AddressPattern): Entry<T>[] {
    let at = this.#root;
    for (const segment of pattern.segments) {
      if (segment.kind === 'rest') return getOrAdd(at.rests, segment.separator, () => []);
      at = getOrAdd(
        segment.kind === 'literal' ? at.literals : at.ones,
        segment.kind === 'literal' ? segment.text : segment.separator,
        node<T>,
      );
    }
    return at.ends;
  }
}

const nothing: Captures = new Map();

function bind(pattern: AddressPattern, words: readonly string[]): Captures {
  if (pattern.captures.length === 0) return nothing;
  const captures = new Map<string, string | readonly string[]>();
  pattern.segments.forEach((segment, index) => {
    if (segment.kind === 'one' && segment.capture !== undefined) captures.set(segment.capture, words[index]!);
  });
  return captures;
}

function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}
