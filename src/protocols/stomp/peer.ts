import type { Duplex } from 'node:stream';
import type { Agreement } from './negotiation.ts';
import { Outbox, type Written } from './outbox.ts';

/** How long, in ms, a client may take to read our last words and close. */
const lingering = 1000;
/** How long, in ms, a client that sends no more may wait until its messages are settled. */
const settling = 30_000;

export interface PeerOptions {
  /** Bytes that may wait before `congested`. */
  readonly sendBuffer: number;
  /** Asks for a `flush` at the end of the tick. */
  needsFlush(): void;
  /** What waited has been taken by the kernel: there may be room again. */
  onRoom(): void;
}

/** The socket's side of a connection: coalesced writes, pausing, heart-beats, and an orderly end. */
export class Peer {
  readonly name: string;
  readonly outbox = new Outbox();
  readonly #socket: Duplex;
  readonly #options: PeerOptions;
  #dirty = false;
  #paused = false;
  #heard: number;
  #wrote: number;
  #sendEvery = 0;
  #expectEvery = 0;
  /** When it is destroyed, however far it has come. */
  #deadline = Infinity;

  /** @param now ms on a monotonic clock, as every `now` here */
  constructor(socket: Duplex, name: string, options: PeerOptions, now: number) {
    this.#socket = socket;
    this.#options = options;
    this.name = name;
    this.#heard = now;
    this.#wrote = now;
  }

  get congested(): boolean {
    return this.outbox.size + this.#socket.writableLength > this.#options.sendBuffer;
  }

  get paused(): boolean {
    return this.#paused;
  }

  agree(agreement: Agreement): void {
    this.#sendEvery = agreement.sendEvery;
    this.#expectEvery = agreement.expectEvery;
  }

  hear(now: number): void {
    this.#heard = now;
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#socket.pause();
  }

  resume(now: number): void {
    if (!this.#paused) return;
    this.#paused = false;
    // While we did not read we could not hear its heart-beats.
    this.#heard = now;
    this.#socket.resume();
  }

  text(text: string): void {
    this.outbox.text(text);
    this.touch();
  }

  /** Something was put into the outbox. */
  touch(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    this.#options.needsFlush();
  }

  flush(now: number): void {
    this.#dirty = false;
    if (!this.#socket.writable) return;
    this.#wrote = now;
    const { buffers, written } = this.outbox.take();
    if (buffers.length === 0 && this.#socket.writableLength === 0) return this.#taken(written);
    if (buffers.length > 1) this.#socket.cork();
    const last = buffers.length - 1;
    for (let i = 0; i < last; i++) this.#socket.write(buffers[i]!);
    this.#socket.write(buffers[last] ?? '', (error) => {
      // Node calls back without an error for writes that a reset cut short: only `destroyed` tells
      // (test: "counts a message for ack:auto as delivered when it is written").
      if (!error && !this.#socket.destroyed) this.#taken(written);
    });
    if (buffers.length > 1) this.#socket.uncork();
  }

  /**
   * Heart-beats both ways, and the deadline. To be called four times in any heart-beat, or more often.
   * @returns true where the client has been silent for twice as long as it promised
   */
  tick(now: number): boolean {
    if (now >= this.#deadline) {
      this.#socket.destroy();
      return false;
    }
    // Half of the promised interval, since ticks are coarse; not to one who does not read anyway.
    if (this.#sendEvery > 0 && now - this.#wrote >= this.#sendEvery / 2 && this.#socket.writableLength === 0)
      this.text('\n');
    return this.#expectEvery > 0 && !this.#paused && now - this.#heard > this.#expectEvery * 2;
  }

  /** The client promised to be heard, but has said good-bye. */
  expectNothing(): void {
    this.#expectEvery = 0;
  }

  /** The client sends no more: limits how long it may wait for what is unsettled. */
  settleFrom(now: number): void {
    this.#deadline = Math.min(this.#deadline, now + settling);
  }

  /**
   * Writes what is left and closes. What the client still sends is read and dropped, because closing over unread
   * bytes would reset the connection and take our last frame with it.
   */
  end(now: number): void {
    this.flush(now);
    this.#sendEvery = 0;
    this.#expectEvery = 0;
    this.#deadline = Math.min(this.#deadline, now + lingering);
    this.#paused = false;
    this.#socket.end();
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #taken(written: readonly Written[]): void {
    for (const item of written) item.written();
    if (!this.congested) this.#options.onRoom();
  }
}
