import { condition, ProtocolError } from './protocol-error.ts';

/** What comes out of the stream: units of eight bytes or more, each whole and within one buffer. */
export interface FrameSink {
  /** The size of the unit that begins at `pos`, of which eight bytes are there. @throws ProtocolError */
  sizeOf(buffer: Buffer, pos: number): number;
  /** @returns false to stop reading; what has not been read is given back by `FrameReader.rest`. */
  onFrame(buffer: Buffer, pos: number, end: number): boolean;
}

const smallest = 1024;

/**
 * Cuts a byte stream into frames. A frame that is whole within a chunk is not copied; one that is split is gathered in
 * a buffer that grows with what has come, so that neither a declared size nor single bytes cost memory or time.
 */
export class FrameReader {
  #partial: Buffer = Buffer.alloc(0);
  #have = 0;
  #size = 8;
  #rest: Buffer | undefined;

  /** What `onFrame` left unread by returning false. */
  takeRest(): Buffer | undefined {
    const rest = this.#rest;
    this.#rest = undefined;
    return rest;
  }

  feed(chunk: Buffer, sink: FrameSink): void {
    let pos = 0;
    const { length } = chunk;
    while (pos < length) {
      if (this.#have === 0 && length - pos >= 8) {
        const size = sink.sizeOf(chunk, pos);
        if (length - pos >= size) {
          pos += size;
          if (!sink.onFrame(chunk, pos - size, pos)) return this.#stop(chunk, pos);
          continue;
        }
      }
      pos += this.#gather(chunk, pos, sink);
      if (this.#have < this.#size) continue;
      const frame = this.#partial;
      this.#partial = Buffer.alloc(0);
      this.#have = 0;
      if (!sink.onFrame(frame, 0, this.#size)) return this.#stop(chunk, pos);
    }
  }

  #stop(chunk: Buffer, pos: number): void {
    if (pos < chunk.length) this.#rest = chunk.subarray(pos);
  }

  /** Takes bytes of a split frame, first its eight-byte header; returns how many. */
  #gather(chunk: Buffer, pos: number, sink: FrameSink): number {
    if (this.#have === 0) this.#size = 8;
    const header = this.#have < 8;
    const count = Math.min((header ? 8 : this.#size) - this.#have, chunk.length - pos);
    const wanted = this.#have + count;
    if (wanted > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.max(smallest, wanted * 2));
      this.#partial.copy(grown, 0, 0, this.#have);
      this.#partial = grown;
    }
    chunk.copy(this.#partial, this.#have, pos, pos + count);
    this.#have = wanted;
    if (header && wanted === 8) this.#size = sink.sizeOf(this.#partial, 0);
    return count;
  }
}

/** The size in a frame's header (§2.3.1), refused before anything is buffered for it. */
export function frameSize(buffer: Buffer, pos: number, max: number): number {
  const size = buffer.readUInt32BE(pos);
  if (size < 8 || size > max)
    throw new ProtocolError(condition.framing, `a frame of ${size} bytes; 8 to ${max} are allowed`);
  return size;
}

/** Checks the rest of a frame's header and returns where its body begins. */
export function frameBody(buffer: Buffer, pos: number, end: number, type: number): number {
  const offset = buffer[pos + 4]! * 4;
  if (offset < 8 || offset > end - pos)
    throw new ProtocolError(condition.framing, `a data offset of ${offset} bytes in a frame of ${end - pos}`);
  if (buffer[pos + 5] !== type)
    throw new ProtocolError(condition.framing, `frame type ${buffer[pos + 5]} where type ${type} is due`);
  return pos + offset;
}
