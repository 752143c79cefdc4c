/** Writes the elementary types of AMQP 0-9-1 (§4.2.5) into one buffer that grows. */
export class Writer {
  #bytes: Buffer;
  #at = 0;

  constructor(size = 1024) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  get length(): number {
    return this.#at;
  }

  /** What has been written; valid until the next write. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A copy of what has been written; begins anew. */
  take(): Buffer {
    const taken = Buffer.from(this.written);
    this.#at = 0;
    return taken;
  }

  /** What has been written, without a copy; begins anew in another buffer of this size. */
  release(size: number): Buffer {
    const { written } = this;
    this.#bytes = Buffer.allocUnsafe(size);
    this.#at = 0;
    return written;
  }

  clear(): void {
    this.#at = 0;
  }

  octet(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  short(value: number): void {
    this.#reserve(2);
    this.#at = this.#bytes.writeUInt16BE(value, this.#at);
  }

  long(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeUInt32BE(value, this.#at);
  }

  longlong(value: bigint): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), this.#at);
  }

  /** A whole number below 2^53 in 64 bits: a delivery tag or a body size. */
  tag(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeUInt32BE(Math.floor(value / 2 ** 32), this.#at);
    this.#at = this.#bytes.writeUInt32BE(value % 2 ** 32, this.#at);
  }

  float(value: number): void {
    this.#reserve(4);
    this.#at = this.#bytes.writeFloatBE(value, this.#at);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at);
  }

  /** @throws RangeError where the text is longer than 255 bytes */
  shortString(text: string): void {
    this.#reserve(1 + text.length * 3);
    const length = this.#bytes.write(text, this.#at + 1);
    if (length > 255) throw new RangeError(`"${text.slice(0, 40)}…" is longer than 255 bytes`);
    this.#bytes[this.#at] = length;
    this.#at += 1 + length;
  }

  longString(value: string | Uint8Array): void {
    if (typeof value === 'string') {
      this.#reserve(4 + value.length * 3);
      const length = this.#bytes.write(value, this.#at + 4);
      this.#bytes.writeUInt32BE(length, this.#at);
      this.#at += 4 + length;
    } else {
      this.long(value.length);
      this.raw(value);
    }
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Leaves room for a 32-bit number; gives its place to `setLong`. */
  holdLong(): number {
    this.#reserve(4);
    this.#at += 4;
    return this.#at - 4;
  }

  setLong(place: number, value: number): void {
    this.#bytes.writeUInt32BE(value, place);
  }

  #reserve(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + size));
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}
