import { Writer } from '../codec/writer.ts';

/** Payloads from this size on are passed on as they are instead of being copied into the output. */
const copyBelow = 8 * 1024;

/** A connection, to those that write frames to it. */
export interface FrameOutput {
  readonly output: Output;
  /** Begins a frame in `output`, whose owner hears that there is something to flush. */
  beginFrame(channel: number, type?: number): Writer;
}

/** The bytes on their way out, gathered until the owner flushes. */
export class Output {
  readonly writer = new Writer(4096);
  #chunks: Buffer[] = [];
  #frameAt = 0;

  get pending(): boolean {
    return this.writer.length > 0 || this.#chunks.length > 0;
  }

  bytes(value: Uint8Array): void {
    this.writer.bytes(value);
  }

  /** Begins a frame (§2.3.1). Call `endFrame` after its performative and payload. */
  beginFrame(channel: number, type = 0): Writer {
    const { writer } = this;
    writer.ensure(8);
    this.#frameAt = writer.length;
    const { buffer } = writer;
    let { pos } = writer;
    pos += 4;
    buffer[pos++] = 2;
    buffer[pos++] = type;
    buffer[pos++] = channel >>> 8;
    buffer[pos++] = channel;
    writer.pos = pos;
    return writer;
  }

  /** The payload of a transfer: `bytes` from `from` to `to`. It ends the frame. */
  endTransfer(bytes: Buffer, from: number, to: number): void {
    const { writer } = this;
    const count = to - from;
    const size = writer.length - this.#frameAt + count;
    if (count < copyBelow) {
      writer.ensure(count);
      writer.setU32(writer.start + this.#frameAt, size);
      bytes.copy(writer.buffer, writer.pos, from, to);
      writer.pos += count;
      return;
    }
    writer.setU32(writer.start + this.#frameAt, size);
    this.#chunks.push(writer.take(), bytes.subarray(from, to));
  }

  endFrame(): void {
    const { writer } = this;
    writer.setU32(writer.start + this.#frameAt, writer.length - this.#frameAt);
  }

  emptyFrame(): void {
    this.beginFrame(0);
    this.endFrame();
  }

  flush(write: (chunk: Buffer) => void): void {
    const chunks = this.#chunks;
    if (chunks.length > 0) {
      this.#chunks = [];
      for (const chunk of chunks) write(chunk);
    }
    if (this.writer.length > 0) write(this.writer.take());
  }
}
