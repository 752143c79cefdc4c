import { decodeName, decodeText } from './text.ts';
import { malformed } from './violation.ts';

/** Reads the fields of one packet; every method throws a Violation (malformed) rather than read beyond its end. */
export class Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;

  constructor(bytes: Buffer, start: number, end: number) {
    this.bytes = bytes;
    this.at = start;
    this.end = end;
  }

  get left(): number {
    return this.end - this.at;
  }

  u8(): number {
    return this.bytes[this.#take(1)]!;
  }

  u16(): number {
    const at = this.#take(2);
    return (this.bytes[at]! << 8) | this.bytes[at + 1]!;
  }

  u32(): number {
    return this.bytes.readUInt32BE(this.#take(4));
  }

  /** A Variable Byte Integer: at most four bytes, no more than needed [MQTT-1.5.5-1]. */
  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) {
        if (byte === 0 && shift > 0) throw malformed('a variable byte integer is longer than it needs to be');
        return value;
      }
    }
    throw malformed('a variable byte integer has more than four bytes');
  }

  binary(): Buffer {
    const length = this.u16();
    const at = this.#take(length);
    return this.bytes.subarray(at, at + length);
  }

  text(): string {
    const length = this.u16();
    const at = this.#take(length);
    return decodeText(this.bytes, at, at + length);
  }

  /** A topic, filter or client id. */
  name(): string {
    const length = this.u16();
    const at = this.#take(length);
    return decodeName(this.bytes, at, at + length);
  }

  /** @throws Violation where anything is left */
  finish(): void {
    if (this.at !== this.end) throw malformed('bytes are left after the end of the packet');
  }

  #take(length: number): number {
    const at = this.at;
    if (this.end - at < length) throw malformed('the packet ends within a field');
    this.at = at + length;
    return at;
  }
}
