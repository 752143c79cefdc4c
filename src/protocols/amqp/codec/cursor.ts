import { isUtf8 } from 'node:buffer';
import { Uuid } from '../../../core/envelope.ts';
import { code, descriptorNames, layout, sized1, sized4, unknownCode } from './codes.ts';
import { DecodeError } from './types.ts';

/**
 * Reads AMQP values from a part of a buffer, without building trees: each `…Or` method reads one field of an expected
 * type, or null as the given default. Every read is checked against `end`, and every count against the bytes that
 * are left, before anything is allocated.
 */
export class Cursor {
  buffer: Buffer;
  pos: number;
  end: number;
  /** How many more values a generic decode may make: bounds arrays of elements that take no bytes. */
  budget: number;

  constructor(buffer: Buffer, pos = 0, end = buffer.length) {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
    this.budget = end - pos + 1024;
  }

  /** Reads another part from now on. */
  reset(buffer: Buffer, pos: number, end: number): void {
    this.buffer = buffer;
    this.pos = pos;
    this.end = end;
    this.budget = end - pos + 1024;
  }

  fail(message: string): never {
    throw new DecodeError(message, this.pos);
  }

  need(bytes: number): void {
    if (bytes > this.end - this.pos) this.fail(`${bytes} bytes wanted, ${this.end - this.pos} left`);
  }

  u8(): number {
    if (this.pos >= this.end) this.fail('a value ends early');
    return this.buffer[this.pos++]!;
  }

  u16(): number {
    this.need(2);
    const value = (this.buffer[this.pos]! << 8) | this.buffer[this.pos + 1]!;
    this.pos += 2;
    return value;
  }

  u32(): number {
    this.need(4);
    const b = this.buffer;
    const p = this.pos;
    this.pos = p + 4;
    return b[p]! * 0x1000000 + ((b[p + 1]! << 16) | (b[p + 2]! << 8) | b[p + 3]!);
  }

  u64(): bigint {
    this.need(8);
    const value = this.buffer.readBigUInt64BE(this.pos);
    this.pos += 8;
    return value;
  }

  i64(): bigint {
    this.need(8);
    const value = this.buffer.readBigInt64BE(this.pos);
    this.pos += 8;
    return value;
  }

  /** The next bytes, not copied. */
  bytes(length: number): Buffer {
    this.need(length);
    const part = this.buffer.subarray(this.pos, this.pos + length);
    this.pos += length;
    return part;
  }

  /** UTF-8, strictly: what is not valid is malformed rather than altered. */
  utf8(length: number): string {
    this.need(length);
    const start = this.pos;
    const text = this.buffer.toString('utf8', start, start + length);
    if (text.includes('\ufffd') && !isUtf8(this.buffer.subarray(start, start + length)))
      this.fail('a string is not valid UTF-8');
    this.pos = start + length;
    return text;
  }

  /** Symbols are ASCII (§1.6.21); a byte above is kept as the character of that number. */
  latin1(length: number): string {
    this.need(length);
    const text = this.buffer.toString('latin1', this.pos, this.pos + length);
    this.pos += length;
    return text;
  }

  uuid(): Uuid {
    const hex = this.bytes(16).toString('hex');
    return new Uuid(
      `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`,
    );
  }

  /**
   * Enters a list: `end` becomes the list's end, and the number of its fields is returned. The caller keeps the outer
   * end and calls `leave` with it, which also skips fields that it did not read.
   */
  enterList(): number {
    const format = this.u8();
    if (format !== code.list8 && format !== code.list32 && format !== code.list0)
      this.#wrong(format, 'a list');
    return this.enterBody(format);
  }

  /** As `enterList`, for a map; returns the number of keys and values together. */
  enterMap(): number {
    const format = this.u8();
    if (format !== code.map8 && format !== code.map32) this.#wrong(format, 'a map');
    const count = this.enterBody(format);
    if (count % 2 !== 0) this.fail('a map has a key without value');
    return count;
  }

  /** Enters a list or map whose format code has been read. */
  enterBody(format: number): number {
    if (format === code.list0) {
      this.end = this.pos;
      return 0;
    }
    const small = format < code.list32;
    const size = small ? this.u8() : this.u32();
    this.need(size);
    this.end = this.pos + size;
    const count = small ? this.u8() : this.u32();
    if (count > this.end - this.pos) this.fail(`${count} elements cannot be in ${this.end - this.pos} bytes`);
    return count;
  }

  leave(outerEnd: number): void {
    this.pos = this.end;
    this.end = outerEnd;
  }

  /** Skips one value of any type by its size; descriptors too. Never recurses. */
  skip(): void {
    for (let values = 1; values > 0;) {
      const format = this.u8();
      if (format === code.described)
        values++; // a descriptor and a value follow
      else {
        this.skipBody(format);
        values--;
      }
    }
  }

  /** Skips what follows a format code. */
  skipBody(format: number): void {
    const width = layout[format]!;
    if (width === unknownCode) this.fail(`unknown format code 0x${format.toString(16)}`);
    const size = width === sized1 ? this.u8() : width === sized4 ? this.u32() : width;
    this.need(size);
    this.pos += size;
  }

  /**
   * Reads the descriptor of a described value: one of `descriptor`, or -1 for any that this specification does not
   * define, or where no described value stands.
   */
  descriptor(): number {
    if (this.u8() !== code.described) return -1;
    const format = this.u8();
    if (format === code.smallUlong) return this.u8();
    if (format === code.ulong) {
      const value = this.u64();
      return value <= 0xffn ? Number(value) : -1;
    }
    if (format === code.symbol8 || format === code.symbol32) {
      const name = this.latin1(format === code.symbol8 ? this.u8() : this.u32());
      return descriptorNames.get(name) ?? -1;
    }
    this.pos--;
    this.skip();
    return -1;
  }

  /** Consumes a null if one is next. */
  isNull(): boolean {
    if (this.pos < this.end && this.buffer[this.pos] === code.null) {
      this.pos++;
      return true;
    }
    return false;
  }

  #wrong(format: number, wanted: string): never {
    this.fail(`${wanted} was expected, not format code 0x${format.toString(16)}`);
  }

  booleanOr(otherwise: boolean): boolean {
    const format = this.u8();
    if (format === code.true) return true;
    if (format === code.false) return false;
    if (format === code.null) return otherwise;
    if (format === code.boolean) {
      const value = this.u8();
      if (value > 1) this.fail('a boolean is neither 0 nor 1');
      return value === 1;
    }
    this.#wrong(format, 'a boolean');
  }

  ubyteOr(otherwise: number): number {
    const format = this.u8();
    if (format === code.ubyte) return this.u8();
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a ubyte');
  }

  ushortOr(otherwise: number): number {
    const format = this.u8();
    if (format === code.ushort) return this.u16();
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a ushort');
  }

  /** A uint, always 0 … 2^32-1; choose a default outside that range to recognise null. */
  uintOr(otherwise: number): number {
    const format = this.u8();
    if (format === code.smallUint) return this.u8();
    if (format === code.uint) return this.u32();
    if (format === code.uint0) return 0;
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a uint');
  }

  /** A ulong that need not be exact above 2^53, such as a size. */
  ulongOr(otherwise: number): number {
    const format = this.u8();
    if (format === code.smallUlong) return this.u8();
    if (format === code.ulong) return Number(this.u64());
    if (format === code.ulong0) return 0;
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a ulong');
  }

  /** In ms since the epoch; rounded beyond 2^53. */
  timestampOr<T>(otherwise: T): number | T {
    const format = this.u8();
    if (format === code.timestamp) return Number(this.i64());
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a timestamp');
  }

  stringOr<T>(otherwise: T): string | T {
    const format = this.u8();
    if (format === code.string8) return this.utf8(this.u8());
    if (format === code.string32) return this.utf8(this.u32());
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a string');
  }

  symbolOr<T>(otherwise: T): string | T {
    const format = this.u8();
    if (format === code.symbol8) return this.latin1(this.u8());
    if (format === code.symbol32) return this.latin1(this.u32());
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a symbol');
  }

  binaryOr<T>(otherwise: T): Buffer | T {
    const format = this.u8();
    if (format === code.binary8) return this.bytes(this.u8());
    if (format === code.binary32) return this.bytes(this.u32());
    if (format === code.null) return otherwise;
    this.#wrong(format, 'a binary');
  }
}
