import { isUtf8 } from 'node:buffer';
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';

/**
 * What frames a protocol is sent in: `binary` only; or `any`, where a client that begins with a text frame is
 * answered in text frames, as long as what is sent is text.
 */
export type Frames = 'binary' | 'any';

/** RFC 6455 §7.4.1: a kind of data that is not taken. */
const unsupported = 1003;

/**
 * The bytes of a WebSocket, whose frames need not be those of the protocol within. What is written in one turn of
 * the event loop becomes one frame. Reading waits where nobody reads; writing tells when nobody takes.
 */
export class WebSocketStream extends Duplex {
  readonly #socket: WebSocket;
  #text: boolean | undefined;
  #ended = false;

  /** @param refused is told what the peer did wrong, once */
  constructor(socket: WebSocket, frames: Frames, refused: (why: string) => void) {
    super({ highWaterMark: 64 * 1024 });
    this.#socket = socket;
    if (frames === 'binary') this.#text = false;
    socket.on('message', (data, binary) => {
      if (this.#ended) return;
      if (!binary && frames === 'binary') {
        refused('it sent a text frame, where only binary ones are taken');
        socket.close(unsupported, 'only binary frames are taken');
        return this.#over();
      }
      this.#text ??= !binary;
      // ws hands over a Buffer as long as its binaryType is what it is by default
      if (!this.push(data)) socket.pause();
    });
    // ws has sent the close frame that fits, and ends the connection
    socket.on('error', (error) => {
      if (!this.#ended && !this.destroyed) refused(error.message);
      this.#over();
    });
    socket.on('close', () => this.#over());
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    this.#send(chunk, callback);
  }

  override _writev(
    chunks: readonly { readonly chunk: Buffer }[],
    callback: (error?: Error | null) => void,
  ): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), callback);
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#socket.close(1000);
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const socket = this.#socket;
    if (socket.readyState === socket.CLOSED) return callback(error);
    socket.once('close', () => callback(error));
    socket.terminate();
  }

  #send(bytes: Buffer, callback: (error?: Error | null) => void): void {
    // What cannot be text goes out as it is: text frames are UTF-8 (RFC 6455 §5.6).
    this.#socket.send(bytes, { binary: !(this.#text === true && isUtf8(bytes)) }, callback);
  }

  /** No more comes, and nothing more can be sent: a WebSocket is never half open. */
  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.push(null);
    this.read(0); // tells of the end even while nobody reads, as a socket does
    this.end();
  }
}
