import { Duplex } from 'node:stream';

/** What stands behind the stream: the connection that feeds and empties it. */
export interface StreamOwner {
  /** The broker writes to the client. */
  written(chunk: Buffer): void;
  /** The broker has closed the stream. */
  streamClosed(): void;
}

/**
 * What aedes takes for a client's socket: it reads the packets that the connection hands on, and its writes go to
 * the connection. Writing never reports back-pressure, because aedes would make every client wait for the one that
 * does not read; the connection has bounds of its own.
 */
export class ClientStream extends Duplex {
  readonly owner: StreamOwner;

  constructor(owner: StreamOwner) {
    super({ emitClose: true });
    this.owner = owner;
  }

  override _read(): void {}

  override write(chunk: unknown, encoding?: unknown): boolean {
    this.owner.written(
      typeof chunk === 'string'
        ? Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
        : (chunk as Buffer),
    );
    return true;
  }

  /** Packets are gathered by the connection. */
  override cork(): void {}
  override uncork(): void {}

  override _destroy(_error: Error | null, callback: (error: Error | null) => void): void {
    this.owner.streamClosed();
    callback(null);
  }
}
