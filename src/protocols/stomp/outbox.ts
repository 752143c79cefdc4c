/** Something to be told once what was written before it is in the kernel's hands. */
export interface Written {
  written(): void;
}

/** Bodies from this size on are not copied, but written by themselves. */
const large = 16_384;

/**
 * What is to be written to one client at the end of the tick: small frames become one buffer, so that a tick costs
 * one system call.
 */
export class Outbox {
  #items: (string | Uint8Array)[] = [];
  #written: Written[] = [];
  #size = 0;

  /** In bytes. */
  get size(): number {
    return this.#size;
  }

  /** A whole frame, or a line end. */
  text(text: string): void {
    this.#items.push(text);
    this.#size += Buffer.byteLength(text);
  }

  /** A head that ends with the empty line, and its body; the NUL is added. */
  message(head: string, body: Uint8Array | null): void {
    this.text(head);
    if (body !== null && body.length > 0) {
      this.#items.push(body);
      this.#size += body.length;
    }
    this.#items.push('\0');
    this.#size++;
  }

  after(what: Written): void {
    this.#written.push(what);
  }

  /** Everything, in order, as buffers that nobody else holds. */
  take(): { readonly buffers: readonly Uint8Array[]; readonly written: readonly Written[] } {
    const buffers: Uint8Array[] = [];
    let space = 0;
    for (const item of this.#items)
      if (typeof item !== 'string' && item.length >= large) space += item.length;
    let page = Buffer.allocUnsafe(this.#size - space);
    let used = 0;
    for (const item of this.#items) {
      if (typeof item === 'string') {
        used += page.write(item, used);
      } else if (item.length < large) {
        page.set(item, used);
        used += item.length;
      } else {
        if (used > 0) buffers.push(page.subarray(0, used));
        page = page.subarray(used);
        used = 0;
        buffers.push(item);
      }
    }
    if (used > 0) buffers.push(page.subarray(0, used));
    const written = this.#written;
    this.#items = [];
    this.#written = [];
    this.#size = 0;
    return { buffers, written };
  }
}
