import { connect, type Socket } from 'node:net';
import { now } from './clock.ts';
import { Histogram } from './histogram.ts';
import type { SenderSpec } from './messages.ts';

/**
 * One protocol's side of a sending connection. Every message is one frame of one size, so that many are written
 * into one buffer and one write.
 */
export interface Wire {
  /** What opens the connection. */
  readonly hello: Buffer;
  readonly frameBytes: number;
  /**
   * Writes one message.
   * @param slot 0..window-1, unique among this connection's unacknowledged messages; comes back in `settled`
   * @param sequence and `intended` for the body's stamp
   */
  write(into: Buffer, at: number, slot: number, sequence: number, intended: number): void;
  /** Reads what the peer sent, and calls `events`. */
  read(chunk: Buffer): void;
}

export interface WireEvents {
  /** The peer has taken the hello. */
  open(): void;
  settled(slot: number, accepted: boolean): void;
}

export type MakeWire = (spec: SenderSpec, lane: number, events: WireEvents) => Wire;

/** Counters and latencies of all lanes of a process. */
export class Sent {
  sent = 0;
  acknowledged = 0;
  refused = 0;
  /** From the intended send time to the acknowledgement. */
  readonly latency = new Histogram();
}

/** When messages are to be sent: all lanes share it, each has its turn. */
export interface Schedule {
  /** Messages a second over all lanes; 0: as fast as the window allows. */
  readonly rate: number;
  /** µs (clock.ts). */
  readonly start: number;
}

/** One sending connection with a window of unacknowledged messages. */
export class Lane {
  readonly #spec: SenderSpec;
  readonly #number: number;
  readonly #total: Sent;
  readonly #wire: Wire;
  readonly #free: number[] = [];
  readonly #intended: Float64Array;
  /** Where not (QoS 0), a message counts as acknowledged once it is written. */
  readonly #acknowledges: boolean;
  #socket: Socket | undefined;
  #schedule: Schedule | undefined;
  /** Messages sent since the schedule began. */
  #turn = 0;
  #sequence = 0;
  /** When the chunk being read arrived, µs. */
  #readAt = 0;
  #onOpen: () => void = () => undefined;

  constructor(spec: SenderSpec, number: number, makeWire: MakeWire, total: Sent) {
    this.#spec = spec;
    this.#number = number;
    this.#total = total;
    this.#acknowledges = spec.protocol !== 'mqtt' || spec.qos > 0;
    this.#intended = new Float64Array(spec.window);
    for (let slot = spec.window - 1; slot >= 0; slot--) this.#free.push(slot);
    this.#wire = makeWire(spec, number, {
      open: () => this.#onOpen(),
      settled: (slot, accepted) => this.#settled(slot, accepted),
    });
  }

  /** Resolves once the peer has taken the connection. */
  async open(lost: (error: Error) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onOpen = resolve;
      const socket = connect({ host: '127.0.0.1', port: this.#spec.port, noDelay: true });
      socket.on('error', lost);
      socket.on('close', () => lost(new Error(`the peer closed connection ${this.#number}`)));
      socket.on('data', (chunk: Buffer) => {
        this.#readAt = now();
        this.#wire.read(chunk);
        this.pump(this.#readAt);
      });
      socket.write(this.#wire.hello);
      this.#socket = socket;
    });
  }

  /** Sends by this schedule from now on; undefined sends nothing new. */
  follow(schedule: Schedule | undefined): void {
    this.#schedule = schedule;
    this.#turn = 0;
  }

  /** Sends all that is due and fits the window, in one write. Returns when the next is due, in µs (clock.ts). */
  pump(at = now()): number {
    const schedule = this.#schedule;
    if (!schedule) return Infinity;
    const { rate, start } = schedule;
    // Lane n of C sends its k-th message at start + (k*C + n) / rate.
    const step = rate === 0 ? 0 : (1e6 * this.#spec.connections) / rate;
    const first = rate === 0 ? at : start + (1e6 * this.#number) / rate;
    const due = rate === 0 ? this.#free.length : Math.floor((at - first) / step) + 1 - this.#turn;
    const count = Math.min(due, this.#free.length);
    if (count > 0 && (this.#acknowledges || this.#socket!.writableLength < 65_536))
      this.#send(count, first + this.#turn * step, step);
    return rate === 0 ? Infinity : first + this.#turn * step;
  }

  #send(count: number, intended: number, step: number): void {
    const { frameBytes } = this.#wire;
    const batch = Buffer.allocUnsafe(count * frameBytes);
    for (let i = 0; i < count; i++) {
      const slot = this.#acknowledges ? this.#free.pop()! : 0;
      this.#intended[slot] = intended;
      this.#wire.write(batch, i * frameBytes, slot, this.#sequence++, intended);
      intended += step;
    }
    this.#turn += count;
    this.#total.sent += count;
    if (!this.#acknowledges) this.#total.acknowledged += count;
    this.#socket!.write(batch);
  }

  #settled(slot: number, accepted: boolean): void {
    this.#free.push(slot);
    if (accepted) this.#total.acknowledged++;
    else this.#total.refused++;
    this.#total.latency.record(this.#readAt - this.#intended[slot]!);
  }
}
