/** Writes binary formats from front to back. */
export class Builder {
  #bytes = Buffer.allocUnsafe(1024);
  #length = 0;

  /** Makes room for so many bytes more and gives where they begin. */
  #grow(length: number): number {
    const at = this.#length;
    this.#length += length;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }

  byte(value: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = value;
  }

  /** A number of so many bytes, most significant first, after a byte that tells its kind. */
  headed(head: number, value: number, length: 1 | 2 | 4): void {
    this.byte(head);
    const at = this.#grow(length);
    this.#bytes.writeUIntBE(value, at, length);
  }

  uint64(value: bigint): void {
    const at = this.#grow(8);
    this.#bytes.writeBigUInt64BE(BigInt.asUintN(64, value), at);
  }

  /** A whole number of Avro: zigzag, 7 bits a byte, least significant first. */
  long(value: number | bigint): void {
    if (value >= -0x4000_0000 && value < 0x4000_0000) {
      const small = Number(value);
      let rest = (small << 1) ^ (small >> 31);
      for (; rest > 0x7f; rest >>>= 7) this.byte((rest & 0x7f) | 0x80);
      return this.byte(rest);
    }
    const large = BigInt(value);
    let rest = BigInt.asUintN(64, (large << 1n) ^ (large >> 63n));
    for (; rest > 0x7fn; rest >>= 7n) this.byte(Number(rest & 0x7fn) | 0x80);
    this.byte(Number(rest));
  }

  double(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  floatLE(value: number): void {
    const at = this.#grow(4);
    this.#bytes.writeFloatLE(value, at);
  }

  doubleLE(value: number): void {
    const at = this.#grow(8);
    this.#bytes.writeDoubleLE(value, at);
  }

  bytes(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  text(text: string, byteLength: number): void {
    const at = this.#grow(byteLength);
    this.#bytes.write(text, at);
  }

  /** What was written; nothing may be written afterwards. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}
