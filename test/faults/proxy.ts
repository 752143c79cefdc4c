import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What happens to bytes on their way: `swallow` loses them both ways and tells nobody, as a half-open line does. */
export type LineState = 'pass' | 'swallow' | 'delay' | 'throttle';

const delay = 40;
/** Bytes, and the ms after each so many. */
const slice = { bytes: 2048, pause: 10 };

/** A line between two peers over TCP, which can be cut and made slow, and can lose what is sent. */
export class FaultProxy {
  readonly #target: number;
  readonly #pairs = new Set<Socket>();
  #server: Server | undefined;
  #state: LineState = 'pass';

  /** @param target the port on loopback that it leads to */
  constructor(target: number) {
    this.#target = target;
  }

  get port(): number {
    return (this.#server!.address() as { port: number }).port;
  }

  async open(port = 0): Promise<this> {
    this.#server = createServer({ allowHalfOpen: true }, (near) => this.#join(near));
    this.#server.listen(port, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  /** Connections that have lost bytes stay dead when the line is well again, and nobody tells their ends. */
  set(state: LineState): void {
    this.#state = state;
  }

  /** Ends all connections with a reset. */
  cut(): void {
    for (const socket of this.#pairs) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    for (const socket of this.#pairs) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }

  #join(near: Socket): void {
    const far = connect({ port: this.#target, host: '127.0.0.1', allowHalfOpen: true });
    const line = { lost: false };
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#pairs.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#pairs.delete(socket);
        if (!line.lost) other.destroy();
      });
      void this.#carry(socket, other, line).catch(() => other.destroy());
    }
  }

  async #carry(from: Socket, to: Socket, line: { lost: boolean }): Promise<void> {
    for await (const chunk of from as AsyncIterable<Buffer>) {
      if (this.#state === 'swallow') line.lost = true;
      if (line.lost) continue;
      if (this.#state === 'delay') await pause(delay);
      if (this.#state !== 'throttle') await write(to, chunk);
      else
        for (let at = 0; at < chunk.length; at += slice.bytes) {
          await write(to, chunk.subarray(at, at + slice.bytes));
          await pause(slice.pause);
        }
    }
    if (!line.lost) to.end();
  }
}

async function write(to: Socket, bytes: Buffer): Promise<void> {
  if (!to.write(bytes) && !to.destroyed) await Promise.race([once(to, 'drain'), once(to, 'close')]);
}
