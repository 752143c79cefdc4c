import type { Duplex } from 'node:stream';

/** Above this, small packets are not copied into one buffer but written as they are. */
const copyLimit = 64 * 1024;

/** Gathers what is written to one peer in one turn of the event loop into one write. */
export class Writer {
  readonly #stream: Duplex;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #scheduled = false;
  #ending = false;

  constructor(stream: Duplex) {
    this.#stream = stream;
  }

  /** Bytes that the operating system has not taken yet. */
  get pending(): number {
    return this.#bytes + this.#stream.writableLength;
  }

  write(chunk: Buffer): void {
    if (this.#ending) return;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#flush());
  }

  /** Writes what is there and says to the peer that no more will come. */
  end(): void {
    if (this.#ending) return;
    this.#flush();
    this.#ending = true;
    this.#stream.end();
  }

  #flush(): void {
    this.#scheduled = false;
    const chunks = this.#chunks;
    if (chunks.length === 0 || this.#ending) return;
    const bytes = this.#bytes;
    this.#chunks = [];
    this.#bytes = 0;
    if (this.#stream.destroyed || !this.#stream.writable) return;
    if (chunks.length === 1) {
      this.#stream.write(chunks[0]!);
    } else if (bytes <= copyLimit) {
      this.#stream.write(Buffer.concat(chunks, bytes));
    } else {
      this.#stream.cork();
      for (const chunk of chunks) this.#stream.write(chunk);
      this.#stream.uncork();
    }
  }
}
