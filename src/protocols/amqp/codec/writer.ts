const slabSize = 64 * 1024;

/**
 * Writes into a buffer that grows. What has been written since the last `take` is one piece; `take` gives it away and
 * the writer goes on behind it, so that many small pieces share one slab and none is copied.
 */
export class Writer {
  buffer: Buffer;
  /** Where the next byte goes. */
  pos = 0;
  /** Where the current piece begins. */
  start = 0;

  constructor(size: number = slabSize) {
    this.buffer = Buffer.allocUnsafeSlow(size);
  }

  /** How much of the current piece is written. */
  get length(): number {
    return this.pos - this.start;
  }

  /** Makes room for so many more bytes. Positions held by the caller are invalid afterwards; offsets from `start` are not. */
  ensure(bytes: number): void {
    if (bytes > this.buffer.length - this.pos) this.#grow(bytes);
  }

  #grow(bytes: number): void {
    const written = this.pos - this.start;
    const next = Buffer.allocUnsafeSlow(Math.max(slabSize, (written + bytes) * 2));
    this.buffer.copy(next, 0, this.start, this.pos);
    this.buffer = next;
    this.start = 0;
    this.pos = written;
  }

  /** The piece written since the last call. */
  take(): Buffer {
    const piece = this.buffer.subarray(this.start, this.pos);
    this.start = this.pos;
    return piece;
  }

  u8(value: number): void {
    this.ensure(1);
    this.buffer[this.pos++] = value;
  }

  u16(value: number): void {
    this.ensure(2);
    this.buffer[this.pos++] = value >>> 8;
    this.buffer[this.pos++] = value;
  }

  u32(value: number): void {
    this.ensure(4);
    this.setU32(this.pos, value);
    this.pos += 4;
  }

  /** Writes over four bytes at an absolute position. */
  setU32(at: number, value: number): void {
    this.buffer[at] = value >>> 24;
    this.buffer[at + 1] = value >>> 16;
    this.buffer[at + 2] = value >>> 8;
    this.buffer[at + 3] = value;
  }

  u64(value: bigint): void {
    this.ensure(8);
    this.pos = this.buffer.writeBigUInt64BE(value, this.pos);
  }

  i64(value: bigint): void {
    this.ensure(8);
    this.pos = this.buffer.writeBigInt64BE(value, this.pos);
  }

  f32(value: number): void {
    this.ensure(4);
    this.pos = this.buffer.writeFloatBE(value, this.pos);
  }

  f64(value: number): void {
    this.ensure(8);
    this.pos = this.buffer.writeDoubleBE(value, this.pos);
  }

  bytes(value: Uint8Array): void {
    this.ensure(value.length);
    this.buffer.set(value, this.pos);
    this.pos += value.length;
  }

  /** Text as UTF-8, or as latin1 where every character is one byte; returns the bytes written. */
  text(value: string, encoding: 'utf8' | 'latin1'): number {
    this.ensure(value.length * 3);
    const from = this.pos;
    this.pos += this.buffer.write(value, this.pos, encoding);
    return this.pos - from;
  }
}
