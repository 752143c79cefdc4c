/** Messages that wait in a queue, by their place; taking the first costs the same however many there are. */
export class Waiting<Entry extends { readonly order: number }> {
  #entries: Entry[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** The place of the first; Infinity where there is none. */
  get first(): number {
    return this.#entries[this.#head]?.order ?? Infinity;
  }

  /** The place of the last; -1 where there is none. */
  get last(): number {
    return this.length === 0 ? -1 : this.#entries.at(-1)!.order;
  }

  *[Symbol.iterator](): Iterator<Entry> {
    for (let i = this.#head; i < this.#entries.length; i++) yield this.#entries[i]!;
  }

  /** Adds one behind all others. */
  push(entry: Entry): void {
    this.#entries.push(entry);
  }

  /** Takes the first; there must be one. */
  shift(): Entry {
    const entry = this.#entries[this.#head++]!;
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    } else if (this.#head === this.#entries.length) {
      this.#entries.length = 0;
      this.#head = 0;
    }
    return entry;
  }

  /** Gives one its place, which may be anywhere. */
  putBack(entry: Entry): void {
    this.#entries.splice(this.#indexBehind(entry.order), 0, entry);
  }

  /** Takes one out, wherever it is; false where it is not there. */
  remove(entry: Entry): boolean {
    const at = this.#indexBehind(entry.order - 1);
    if (this.#entries[at] !== entry) return false;
    if (at === this.#head) this.shift();
    else this.#entries.splice(at, 1);
    return true;
  }

  /** The first that is meant of those behind one place, up to another. */
  find(after: number, upTo: number, isMeant: (entry: Entry) => boolean): Entry | undefined {
    for (let i = this.#indexBehind(after); i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.order > upTo) return undefined;
      if (isMeant(entry)) return entry;
    }
    return undefined;
  }

  /** Takes all. */
  clear(): Entry[] {
    const all = this.#entries.slice(this.#head);
    this.#entries = [];
    this.#head = 0;
    return all;
  }

  /** Where the first stands whose place is behind this one. */
  #indexBehind(order: number): number {
    let low = this.#head;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.order > order) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
