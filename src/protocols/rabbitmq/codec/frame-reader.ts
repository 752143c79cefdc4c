import { frameEnd, frameOverhead } from './methods.ts';
import { Malformed } from './reader.ts';

const none = Buffer.alloc(0);

/** Cuts a stream into frames (§2.3.5): type, channel, payload. A frame over `limit` is refused by its header alone. */
export class FrameReader {
  /** The largest payload taken, in octets. */
  limit: number;
  #parts: Buffer[] = [];
  #held = 0;
  #needed = 7;

  constructor(limit: number) {
    this.limit = limit;
  }

  /**
   * Hands over every frame that is complete; payloads are views of what was fed.
   * @param onFrame returns false to stop
   * @throws Malformed
   */
  feed(chunk: Buffer, onFrame: (type: number, channel: number, payload: Buffer) => boolean): void {
    this.#parts.push(chunk);
    this.#held += chunk.length;
    if (this.#held < this.#needed) return;
    const bytes = this.#parts.length === 1 ? chunk : Buffer.concat(this.#parts, this.#held);
    let at = 0;
    this.#needed = 7;
    while (bytes.length - at >= 7) {
      const size = bytes.readUInt32BE(at + 3);
      if (size > this.limit) throw this.#tooLarge(bytes, at, size);
      const end = at + frameOverhead + size;
      if (end > bytes.length) {
        this.#needed = end - at;
        break;
      }
      if (bytes[end - 1] !== frameEnd) throw new Malformed('a frame does not end where it says it does');
      const from = at;
      at = end;
      if (!onFrame(bytes[from]!, bytes.readUInt16BE(from + 1), bytes.subarray(from + 7, end - 1))) break;
    }
    this.#parts = at === bytes.length ? [] : [at === 0 ? bytes : bytes.subarray(at)];
    this.#held = bytes.length - at;
    if (this.#held === 0) this.#parts = [];
    else if (this.#held < 4096) this.#parts = [Buffer.concat([none, bytes.subarray(at)])];
  }

  #tooLarge(bytes: Buffer, at: number, size: number): Malformed {
    if (bytes.toString('latin1', at, at + 4) === 'AMQP')
      return new Malformed('the broker speaks another version of AMQP than 0-9-1');
    return new Malformed(`a frame of ${size} octets exceeds the ${this.limit} agreed on`);
  }
}
