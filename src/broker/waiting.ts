/** Messages that wait in a queue, by their place; taking the first costs the same however many there are. */
export class Waiting<Entry extends { readonly order: number }> {
  #entries: Entry[] = [];
  #head = 0;

  get length(): number {
    return this.#entries.length - this.#head;
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

  /** Gives one its old place. */
  putBack(entry: Entry): void {
    let at = this.#head;
    while (at < this.#entries.length && this.#entries[at]!.order < entry.order) at++;
    this.#entries.splice(at, 0, entry);
  }

  /** Takes one out, wherever it is; false where it is not there. */
  remove(entry: Entry): boolean {
    const at = this.#entries.indexOf(entry, this.#head);
    if (at < 0) return false;
    this.#entries.splice(at, 1);
    return true;
  }

  /** Takes all. */
  clear(): Entry[] {
    const all = this.#entries.slice(this.#head);
    this.#entries = [];
    this.#head = 0;
    return all;
  }
}
