/** Writes a request of Kafka's protocol, "Protocol Primitive Types" of kafka.apache.org/protocol (no flexible versions). */
export class Writer {
  #parts: Buffer[] = [];
  #buffer = Buffer.allocUnsafe(512);
  #at = 0;
  #length = 0;

  int8(value: number): this {
    this.#room(1);
    this.#at = this.#buffer.writeInt8(value, this.#at);
    return this;
  }

  int16(value: number): this {
    this.#room(2);
    this.#at = this.#buffer.writeInt16BE(value, this.#at);
    return this;
  }

  int32(value: number): this {
    this.#room(4);
    this.#at = this.#buffer.writeInt32BE(value, this.#at);
    return this;
  }

  /** @param text null is a nullable string without value */
  string(text: string | null): this {
    if (text === null) return this.int16(-1);
    const bytes = Buffer.byteLength(text);
    this.int16(bytes).#room(bytes);
    this.#at += this.#buffer.write(text, this.#at);
    return this;
  }

  /** Bytes with their length. They are not copied: they must stay as they are until the request is written. */
  bytes(bytes: Buffer): this {
    this.int32(bytes.length).#cut();
    this.#parts.push(bytes);
    this.#length += bytes.length;
    return this;
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length);
    for (const item of items) write(item);
    return this;
  }

  /** What was written, in parts, after four bytes that say how long it is. */
  finish(): Buffer[] {
    this.#cut();
    const size = Buffer.allocUnsafe(4);
    size.writeInt32BE(this.#length);
    return [size, ...this.#parts];
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    this.#cut();
    this.#buffer = Buffer.allocUnsafe(Math.max(512, bytes));
  }

  #cut(): void {
    if (this.#at === 0) return;
    this.#parts.push(this.#buffer.subarray(0, this.#at));
    this.#length += this.#at;
    this.#buffer = this.#buffer.subarray(this.#at);
    this.#at = 0;
  }
}

/** Reads an answer. Every method throws a RangeError where the answer is shorter than it says. */
export class Reader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  int8(): number {
    return this.#buffer.readInt8(this.#skip(1));
  }

  int16(): number {
    return this.#buffer.readInt16BE(this.#skip(2));
  }

  int32(): number {
    return this.#buffer.readInt32BE(this.#skip(4));
  }

  int64(): bigint {
    return this.#buffer.readBigInt64BE(this.#skip(8));
  }

  string(): string {
    return this.nullableString() ?? '';
  }

  nullableString(): string | undefined {
    const length = this.int16();
    if (length < 0) return undefined;
    const start = this.#skip(length);
    return this.#buffer.toString('utf8', start, start + length);
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int32());
    const start = this.#skip(length);
    return this.#buffer.subarray(start, start + length);
  }

  array<T>(read: () => T): T[] {
    const items: T[] = [];
    for (let left = this.int32(); left > 0; left--) items.push(read());
    return items;
  }

  /** Moves on and returns where it was. */
  #skip(bytes: number): number {
    const at = this.#at;
    if (at + bytes > this.#buffer.length) throw new RangeError('the answer ends too early');
    this.#at = at + bytes;
    return at;
  }
}
