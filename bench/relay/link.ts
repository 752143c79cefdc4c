import type { Socket } from 'node:net';

/** Collects what is written to a socket within one tick into one write. */
export class Link {
  readonly #socket: Socket;
  #waiting: Buffer[] = [];

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
  }

  write(bytes: Buffer): void {
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    this.#waiting.push(bytes);
  }

  #flush(): void {
    const all = this.#waiting;
    this.#waiting = [];
    this.#socket.write(all.length === 1 ? all[0]! : Buffer.concat(all));
  }
}

/** Where the bare relay takes messages from: `settle` sends the acknowledgement. */
export type Forward = (body: Buffer, settle: () => void) => void;

/** Where it brings them; there must be a consumer by then. */
export interface Output {
  send: Forward;
}
