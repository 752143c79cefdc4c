const none = Buffer.alloc(0);

/**
 * Bytes that arrive in pieces. It doubles as it grows, so that a frame that comes one byte at a time costs no more
 * copying than one that comes at once, and nothing is allocated for bytes that were only announced.
 */
export class Growing {
  #bytes: Buffer = none;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param most the length it will have in the end, if that is known: it is not made larger */
  append(source: Buffer, start: number, end: number, most = Infinity): void {
    const length = this.#length + end - start;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, Math.min(most, Math.max(256, length * 2))));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    source.copy(this.#bytes, this.#length, start, end);
    this.#length = length;
  }

  /** What there is, without taking it. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Hands the bytes over and starts afresh. */
  take(): Buffer {
    const bytes = this.view();
    this.#bytes = none;
    this.#length = 0;
    return bytes;
  }
}
