import { Reason } from './reasons.ts';
import { malformed, Violation } from './violation.ts';

/**
 * Cuts the bytes of one connection into packets. A packet whose declared length is over the limit is refused from
 * its header, with nothing of it kept; a packet that arrives in pieces is gathered in one buffer that grows with
 * what has arrived, never with what was declared.
 */
export class PacketReader {
  readonly #limit: number;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #gathered: Buffer | undefined;
  #filled = 0;

  /** After `next` returned true: the packet's first byte, its bytes, and where in them its body lies. */
  head = 0;
  bytes: Buffer = this.#chunk;
  packetStart = 0;
  start = 0;
  end = 0;

  /** @param limit the largest packet in bytes, header included */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** More bytes from the peer, to be called when `next` has returned false. */
  push(chunk: Buffer): void {
    this.#chunk =
      this.#at < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
  }

  /**
   * Whether a whole packet is there; it must be used before the next call.
   * @param checkHead called with the first byte as soon as that is there; may throw
   * @throws Violation for a malformed or too large length
   */
  next(checkHead: (head: number) => void): boolean {
    if (this.#gathered) return this.#gather(this.#gathered, checkHead);
    const chunk = this.#chunk;
    const from = this.#at;
    if (from >= chunk.length) return false;
    checkHead(chunk[from]!);
    const header = headerLength(chunk, from, chunk.length);
    if (header > 0) {
      const total = header + this.#remaining(chunk, from);
      if (from + total <= chunk.length) {
        this.#at = from + total;
        return this.#found(chunk, from, header, total);
      }
    }
    // Only what has arrived is kept, in a buffer of its own: the chunk may be large and belong to other packets.
    this.#filled = chunk.length - from;
    this.#gathered = Buffer.allocUnsafe(Math.max(256, this.#filled * 2));
    chunk.copy(this.#gathered, 0, from);
    this.#at = chunk.length;
    return false;
  }

  #gather(gathered: Buffer, checkHead: (head: number) => void): boolean {
    const chunk = this.#chunk;
    checkHead(gathered[0]!);
    let header = headerLength(gathered, 0, this.#filled);
    while (header === 0 && this.#at < chunk.length) {
      gathered[this.#filled++] = chunk[this.#at++]!;
      header = headerLength(gathered, 0, this.#filled);
    }
    if (header === 0) return false;
    const total = header + this.#remaining(gathered, 0);
    const taken = Math.min(total - this.#filled, chunk.length - this.#at);
    if (this.#filled + taken > gathered.length) {
      const larger = Buffer.allocUnsafe(Math.min(total, Math.max(gathered.length * 2, this.#filled + taken)));
      gathered.copy(larger, 0, 0, this.#filled);
      this.#gathered = gathered = larger;
    }
    chunk.copy(gathered, this.#filled, this.#at, this.#at + taken);
    this.#filled += taken;
    this.#at += taken;
    if (this.#filled < total) return false;
    this.#gathered = undefined;
    return this.#found(gathered, 0, header, total);
  }

  #remaining(bytes: Buffer, from: number): number {
    let value = 0;
    for (let i = 0; i < 4; i++) {
      const byte = bytes[from + 1 + i]!;
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) {
        if (byte === 0 && i > 0) throw malformed('the remaining length has more bytes than it needs'); // [MQTT-1.5.5-1]
        break;
      }
    }
    if (1 + lengthBytes(value) + value > this.#limit)
      throw new Violation(
        Reason.packetTooLarge,
        `a packet of ${value} bytes is over the limit of ${this.#limit}`,
      );
    return value;
  }

  #found(bytes: Buffer, from: number, header: number, total: number): true {
    this.head = bytes[from]!;
    this.bytes = bytes;
    this.packetStart = from;
    this.start = from + header;
    this.end = from + total;
    return true;
  }
}

const lengthBytes = (value: number): number =>
  value < 128 ? 1 : value < 16_384 ? 2 : value < 2_097_152 ? 3 : 4;

/** How long the fixed header is, 0 while it is not all there. */
function headerLength(bytes: Buffer, from: number, to: number): number {
  for (let i = 1; i <= 4; i++) {
    if (from + i >= to) return 0;
    if (bytes[from + i]! < 0x80) return i + 1;
  }
  throw malformed('the remaining length has more than four bytes');
}
