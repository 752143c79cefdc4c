import { isUtf8 } from 'node:buffer';
import { invalid } from './values.ts';

/**
 * Reads binary formats from front to back. What is declared is checked against what is there before anything is made of
 * it, so that a small body makes nothing large.
 */
export class Cursor {
  readonly #bytes: Buffer;
  readonly #format: string;
  at = 0;

  /** @param format its name for errors */
  constructor(bytes: Uint8Array, format: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  /** @throws JunctionError invalid-message, always */
  wrong(what: string): never {
    throw invalid(`the body is not ${this.#format}: ${what} at byte ${this.at}`);
  }

  /** @throws JunctionError where anything follows */
  end(): void {
    if (this.left > 0) this.wrong('more follows');
  }

  /** Moves on by so many bytes and gives where they begin. */
  #take(length: number): number {
    if (length > this.left) this.wrong('it ends too early');
    const { at } = this;
    this.at += length;
    return at;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  uint(length: 1 | 2 | 4): number {
    return this.#bytes.readUIntBE(this.#take(length), length);
  }

  int(length: 1 | 2 | 4): number {
    return this.#bytes.readIntBE(this.#take(length), length);
  }

  uint64(): number | bigint {
    return narrow(this.#bytes.readBigUInt64BE(this.#take(8)));
  }

  int64(): number | bigint {
    return narrow(this.#bytes.readBigInt64BE(this.#take(8)));
  }

  float(): number {
    return this.#bytes.readFloatBE(this.#take(4));
  }

  double(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  floatLE(): number {
    return this.#bytes.readFloatLE(this.#take(4));
  }

  doubleLE(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  /** A whole number of Avro: zigzag, 7 bits a byte, least significant first; at most 64 bits. */
  long(): number | bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (low >>> 1) ^ -(low & 1);
    }
    let whole = BigInt(low);
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      whole |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (whole >= 2n ** 64n) break;
        return narrow((whole >> 1n) ^ -(whole & 1n));
      }
    }
    return this.wrong('a number has more than 64 bits');
  }

  /** Such a number of at most 32 bits. */
  int32(): number {
    const whole = Number(this.long());
    return whole === (whole | 0) ? whole : this.wrong('a number has more than 32 bits');
  }

  /** Such a number that is the length of what follows. */
  length(): number {
    const length = Number(this.long());
    return length >= 0 ? length : this.wrong('a length is below zero');
  }

  bytes(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  text(length: number): string {
    const bytes = this.bytes(length);
    if (!isUtf8(bytes)) this.wrong('a text is not UTF-8');
    return bytes.toString();
  }
}

/** The number where a double holds it exactly. */
export const narrow = (whole: bigint): number | bigint =>
  Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
