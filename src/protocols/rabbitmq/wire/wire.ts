import type { Duplex } from 'node:stream';
import { FrameReader } from '../codec/frame-reader.ts';
import { FrameType, frameOverhead, Method } from '../codec/methods.ts';
import { Malformed, Reader } from '../codec/reader.ts';
import { Channel, closeArgs, ClosedError, type ChannelEvents } from './channel.ts';
import { defaultFrameMax, Handshake, type Login, type Tuning } from './handshake.ts';
import { Output } from './output.ts';

/** How long, in ms, the broker may take to agree to the end of a connection. */
const farewell = 1000;

export interface WireEvents {
  /** The broker takes no messages for now, and why; undefined: it does again. */
  blocked?(reason: string | undefined): void;
  /** There is room again to write. */
  drained?(): void;
}

/** One connection of AMQP 0-9-1 over a stream, from its login to its end. */
export class Wire {
  /** Resolves with the reason, in words, once it is over. */
  readonly closed: Promise<string>;
  readonly #stream: Duplex;
  readonly #out: Output;
  readonly #reader = new FrameReader(defaultFrameMax);
  readonly #channels = new Map<number, Channel>();
  readonly #free: number[] = [];
  #handshake: Handshake | undefined;
  #opened: ((tuning: Tuning) => void) | undefined;
  #tuning: Tuning | undefined;
  #events: WireEvents = {};
  #heart: NodeJS.Timeout | undefined;
  #silent = 0;
  #over: ((reason: string) => void) | undefined;
  #closing: Promise<void> | undefined;
  #agreed: (() => void) | undefined;

  private constructor(stream: Duplex, login: Login) {
    this.#stream = stream;
    this.#out = new Output(stream);
    this.closed = new Promise((resolve) => (this.#over = resolve));
    stream.on('data', (chunk: Buffer) => this.#feed(chunk));
    stream.on('error', (error: NodeJS.ErrnoException) => this.#end(error.message || error.code || 'failed'));
    stream.on('close', () => this.#end('RabbitMQ closed the connection'));
    stream.on('drain', () => this.#events.drained?.());
    this.#handshake = new Handshake(this.#out, login);
  }

  /**
   * Logs in. @throws Error that says why it cannot
   * @param timeout ms from now until it is open
   * @param signal aborts the attempt
   */
  static async open(stream: Duplex, login: Login, timeout: number, signal: AbortSignal): Promise<Wire> {
    const wire = new Wire(stream, login);
    const giveUp = (reason: string) => () => wire.#end(reason);
    const timer = setTimeout(giveUp(`RabbitMQ did not answer within ${timeout} ms`), timeout);
    const aborted = giveUp('closing');
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
    const opened = new Promise<undefined>((resolve) => {
      wire.#opened = (tuning) => {
        wire.#tuning = tuning;
        resolve(undefined);
      };
    });
    const failure = await Promise.race([opened, wire.closed]);
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
    if (failure !== undefined) throw new Error(failure);
    wire.#beat();
    return wire;
  }

  get frameMax(): number {
    return this.#tuning!.frameMax;
  }

  get congested(): boolean {
    return this.#out.congested;
  }

  listen(events: WireEvents): void {
    this.#events = events;
  }

  /**
   * Opens a channel; it can be used at once. Where that is not possible, its end is told like that of any other.
   * @param maxBody the largest body it takes, in bytes
   */
  channel(events: ChannelEvents, maxBody: number): Channel {
    const { channelMax, frameMax } = this.#tuning!;
    const id = this.#free.pop() ?? this.#channels.size + 1;
    const channel = new Channel(id, frameMax, this.#out, events, maxBody, () => {
      this.#channels.delete(id);
      this.#free.push(id);
    });
    if (!this.#over || id > channelMax) {
      const why = this.#over ? `the broker allows ${channelMax} channels on a connection` : 'it is closed';
      channel.lost(new ClosedError(why));
      return channel;
    }
    this.#channels.set(id, channel);
    channel
      .call(Method.channelOpen, Method.channelOpenOk, (writer) => writer.shortString(''))
      .catch(() => undefined); // told by `closed`
    return channel;
  }

  /** Ends it in order, within a second; idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    if (!this.#over) return;
    if (this.#tuning) {
      this.#out.method(0, Method.connectionClose, closeArgs);
      this.#out.flush();
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, farewell);
        this.#agreed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.#end('closed');
  }

  #feed(chunk: Buffer): void {
    this.#silent = 0;
    try {
      this.#reader.feed(chunk, (type, channel, payload) => {
        this.#frame(type, channel, payload);
        return this.#over !== undefined;
      });
    } catch (error) {
      const { message } = error as Error;
      const foreign = error instanceof Malformed || error instanceof RangeError;
      this.#end(foreign ? `what the broker sent is not AMQP 0-9-1: ${message}` : message);
    }
  }

  #frame(type: number, id: number, payload: Buffer): void {
    if (type === FrameType.heartbeat) return;
    if (type !== FrameType.method && type !== FrameType.header && type !== FrameType.body)
      throw new Malformed(`a frame has the unknown type ${type}`);
    if (id !== 0) {
      const channel = this.#channels.get(id);
      if (!channel) throw new Malformed(`a frame came on channel ${id}, which is not open`);
      return channel.accept(type, payload);
    }
    if (type !== FrameType.method) throw new Malformed('content came on channel 0');
    const args = new Reader(payload);
    this.#connectionMethod(args.long(), args);
  }

  #connectionMethod(method: number, args: Reader): void {
    switch (method) {
      case Method.connectionClose: {
        const code = args.short();
        const text = args.shortString();
        this.#out.method(0, Method.connectionCloseOk);
        this.#out.flush();
        return this.#end(`RabbitMQ closed the connection: ${text || code}`, code);
      }
      case Method.connectionCloseOk:
        return this.#agreed?.();
      case Method.connectionBlocked:
        return this.#events.blocked?.(args.shortString());
      case Method.connectionUnblocked:
        return this.#events.blocked?.(undefined);
      default: {
        if (!this.#handshake) throw new Malformed(`method ${method} is not for channel 0`);
        const tuning = this.#handshake.take(method, args);
        if (!tuning) return;
        this.#handshake = undefined;
        this.#reader.limit = tuning.frameMax - frameOverhead;
        this.#opened!(tuning);
      }
    }
  }

  /** Sends a sign of life where nothing else was sent, and ends a connection of which none comes (§4.2.7). */
  #beat(): void {
    const seconds = this.#tuning!.heartbeat;
    if (seconds === 0 || !this.#over) return;
    this.#heart = setInterval(() => {
      if (++this.#silent > 4) return this.#end(`RabbitMQ sent no sign of life for ${2 * seconds} s`);
      if (!this.#out.active) this.#out.heartbeat();
      this.#out.active = false;
    }, seconds * 500);
  }

  #end(reason: string, code = 0): void {
    const over = this.#over;
    if (!over) return;
    this.#over = undefined;
    clearInterval(this.#heart);
    this.#out.end();
    this.#agreed?.();
    if (code === 0) this.#stream.destroy();
    else {
      const timer = setTimeout(() => this.#stream.destroy(), farewell);
      this.#stream.once('close', () => clearTimeout(timer));
      this.#stream.end(() => this.#stream.destroy()); // lets our close-ok go out
    }
    const error = new ClosedError(reason);
    for (const channel of [...this.#channels.values()]) channel.lost(error);
    this.#channels.clear();
    over(reason);
  }
}
