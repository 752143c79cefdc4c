/** What the peer wrote is not AMQP 0-9-1. */
export class Malformed extends Error {}

/** Reads the elementary types of AMQP 0-9-1 (§4.2.5). All methods throw Malformed or RangeError past the end. */
export class Reader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  octet(): number {
    return this.bytes.readUInt8(this.#advance(1));
  }

  short(): number {
    return this.bytes.readUInt16BE(this.#advance(2));
  }

  long(): number {
    return this.bytes.readUInt32BE(this.#advance(4));
  }

  longlong(): bigint {
    return this.bytes.readBigUInt64BE(this.#advance(8));
  }

  /** 64 bits that hold a delivery tag or a body size, exact below 2^53. */
  tag(): number {
    return this.long() * 2 ** 32 + this.long();
  }

  shortString(): string {
    const length = this.octet();
    const from = this.#advance(length);
    return this.bytes.toString('utf8', from, this.at);
  }

  shortBytes(): Buffer {
    return this.take(this.octet());
  }

  longBytes(): Buffer {
    return this.take(this.long());
  }

  /** A view of the next bytes, not a copy. */
  take(length: number): Buffer {
    const from = this.#advance(length);
    return this.bytes.subarray(from, this.at);
  }

  #advance(length: number): number {
    const from = this.at;
    if (from + length > this.bytes.length) throw new Malformed('a value ends beyond its frame');
    this.at = from + length;
    return from;
  }
}
