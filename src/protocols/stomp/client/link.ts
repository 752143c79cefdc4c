import type { Duplex } from 'node:stream';
import { dial, type BrokerUrl } from '../../../transport/dial.ts';
import type { Connection } from '../../../client/supervisor.ts';
import { FrameReader } from '../frame-reader.ts';
import { encodeFrame } from '../frame-writer.ts';
import { serverCommands, versions, type Frame, type Pair, type Version } from '../frame.ts';
import { Outbox } from '../outbox.ts';
import type { StompClientConfig } from './config.ts';
import { dialectOf, type Dialect } from './dialect.ts';
import { HeartBeats } from './heart-beats.ts';
import { textOf } from './refusals.ts';

/** How long, in ms, the broker may take to answer our DISCONNECT. */
const farewell = 1000;
/** Command and headers of one frame together, in bytes, and how many; brokers write long properties. */
const [maxHead, maxHeaders] = [256 * 1024, 1000];

/** Where the frames of a connection go, after CONNECTED. */
export interface LinkHost {
  message(frame: Frame): void;
  receipt(id: string): void;
  /** The connection ends with this. @param receipt that of the frame which caused it, if the broker says so */
  error(text: string, receipt: string | undefined): void;
  /** What was written has gone out. */
  drained(): void;
}

/** One connection to a broker: bytes to frames and back, the handshake, heart-beats, and an orderly end. */
export class Link implements Connection {
  readonly closed: Promise<string>;
  version: Version = '1.2';
  dialect: Dialect = dialectOf(undefined);
  readonly #config: StompClientConfig;
  readonly #host: LinkHost;
  readonly #socket: Duplex;
  readonly #reader: FrameReader;
  readonly #outbox = new Outbox();
  readonly #beats: HeartBeats;
  readonly #requests = new Map<string, () => void>();
  /** Frames that wait for the orderly end. */
  readonly #atClose: (readonly [command: string, headers: readonly Pair[]])[] = [];
  #onConnected: (() => void) | undefined;
  #onClosed!: (reason: string) => void;
  #over = false;
  #paused = false;
  #flushing = false;
  #requestCount = 0;

  private constructor(socket: Duplex, config: StompClientConfig, host: LinkHost) {
    this.#socket = socket;
    this.#config = config;
    this.#host = host;
    this.#reader = new FrameReader({ maxHead, maxHeaders, maxBody: config.max_message }, serverCommands);
    this.#beats = new HeartBeats({
      beat: () => this.write('\n'),
      silent: () => {
        if (!this.#paused) this.#end('the broker has fallen silent');
      },
    });
    this.closed = new Promise((resolve) => (this.#onClosed = resolve));
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => host.drained());
    socket.on('error', (error: NodeJS.ErrnoException) =>
      this.#end(error.message || (error.code ?? 'the connection failed')),
    );
    socket.on('end', () => this.#end('the broker closed the connection'));
    socket.on('close', () => this.#end('the connection was lost'));
  }

  /**
   * Resolves once the broker has let us in.
   * @param clientId undefined where no durable subscription needs one
   * @throws Error with the reason why not
   */
  static async connect(
    url: BrokerUrl,
    config: StompClientConfig,
    host: LinkHost,
    signal: AbortSignal,
    clientId: string | undefined,
  ): Promise<Link> {
    const subprotocols = [...config.versions]
      .sort()
      .reverse()
      .map((version) => `v${version.replace('.', '')}.stomp`);
    const socket = await dial(url, { tls: config.tls, timeout: config.connect_timeout, subprotocols });
    const link = new Link(socket, config, host);
    const abandon = (): void => link.#end('closed');
    const late = setTimeout(
      () => link.#end(`the broker did not answer CONNECT within ${config.connect_timeout} ms`),
      config.connect_timeout,
    );
    signal.addEventListener('abort', abandon);
    if (signal.aborted) abandon();
    try {
      await new Promise<void>((resolve, reject) => {
        link.#onConnected = resolve;
        void link.closed.then((reason) => reject(new Error(reason)));
        link.#login(clientId);
      });
    } finally {
      clearTimeout(late);
      signal.removeEventListener('abort', abandon);
    }
    return link;
  }

  /** Bytes not yet taken by the network. */
  get pending(): number {
    return this.#outbox.size + this.#socket.writableLength;
  }

  /** A whole frame. */
  write(text: string): void {
    if (this.#over) return;
    this.#outbox.text(text);
    this.#flushSoon();
  }

  /** A frame's head, which ends with the empty line, and its body. */
  writeMessage(head: string, body: Uint8Array): void {
    if (this.#over) return;
    this.#outbox.message(head, body);
    this.#flushSoon();
  }

  /**
   * A frame whose RECEIPT is waited for.
   * @throws Error where the connection ends before
   */
  async request(command: string, headers: readonly Pair[]): Promise<void> {
    const id = `request-${++this.#requestCount}`;
    const done = new Promise<void>((resolve) => this.#requests.set(id, resolve));
    this.write(encodeFrame(command, [...headers, ['receipt', id]], this.version));
    await Promise.race([
      done,
      this.closed.then((reason) => {
        throw new Error(reason);
      }),
    ]);
  }

  /** Reads no more frames until `resume`; the broker waits. */
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#beats.heard(); // what came meanwhile is still to be read
    this.#frames();
    if (!this.#paused) this.#socket.resume();
  }

  /** A frame to be sent before DISCONNECT. */
  atClose(command: string, headers: readonly Pair[]): void {
    this.#atClose.push([command, headers]);
  }

  /** DISCONNECT, and its receipt: then the broker has seen all that was written (STOMP 1.2 "DISCONNECT"). */
  async close(): Promise<void> {
    if (!this.#over) {
      this.resume();
      const late = setTimeout(() => this.#end('closed'), farewell);
      const last = this.#atClose.map(([command, headers]) => this.request(command, headers));
      await Promise.allSettled([...last, this.request('DISCONNECT', [])]);
      clearTimeout(late);
      this.#end('closed');
    }
    await this.closed;
  }

  #login(clientId: string | undefined): void {
    const { host, username, password, heart_beat } = this.#config;
    const beat = Math.round(heart_beat);
    const offered = versions.filter((version) => this.#config.versions.includes(version));
    const headers: Pair[] = [
      ['accept-version', offered.join(',')],
      ['host', host],
      ['heart-beat', `${beat},${beat}`],
    ];
    if (username !== undefined) headers.push(['login', username]);
    if (password !== undefined) headers.push(['passcode', password]);
    if (clientId !== undefined) headers.push(['client-id', clientId]);
    this.write(encodeFrame('CONNECT', headers, '1.0')); // CONNECT is not escaped, whatever its version
  }

  #read(chunk: Buffer): void {
    this.#beats.heard();
    if (this.#over) return;
    this.#reader.push(chunk);
    if (!this.#paused) this.#frames();
  }

  #frames(): void {
    try {
      while (!this.#over && !this.#paused) {
        const frame = this.#reader.next();
        if (!frame) return;
        this.#take(frame);
      }
    } catch (error) {
      this.#end(`the broker sent what is not taken: ${(error as Error).message}`);
    }
  }

  #take(frame: Frame): void {
    if (frame.command === 'ERROR') return this.#refused(frame);
    if (this.#onConnected) return this.#connected(frame);
    switch (frame.command) {
      case 'MESSAGE':
        return this.#host.message(frame);
      case 'RECEIPT': {
        const id = frame.get('receipt-id') ?? '';
        const done = this.#requests.get(id);
        if (!done) return this.#host.receipt(id);
        this.#requests.delete(id);
        return done();
      }
      default:
        this.#end(`the broker sent ${frame.command} where it does not belong`);
    }
  }

  #connected(frame: Frame): void {
    if (frame.command !== 'CONNECTED') return this.#end(`the broker sent ${frame.command} before CONNECTED`);
    const version = versions.find((known) => known === (frame.get('version') ?? '1.0'));
    if (version === undefined || !this.#config.versions.includes(version))
      return this.#end(
        `the broker speaks STOMP ${version ?? 'of another version'}, which is not in "versions"`,
      );
    this.version = version;
    this.#reader.version = version;
    this.dialect = dialectOf(frame.get('server'));
    this.#beats.start(this.#config.heart_beat, frame.get('heart-beat'));
    this.#onConnected!();
    this.#onConnected = undefined;
  }

  #refused(frame: Frame): void {
    const text = textOf(frame);
    this.#host.error(text, frame.get('receipt-id'));
    this.#end(text);
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#over || this.#socket.destroyed) return;
    const { buffers } = this.#outbox.take();
    if (buffers.length > 1) this.#socket.cork();
    for (const buffer of buffers) this.#socket.write(buffer);
    if (buffers.length > 1) this.#socket.uncork();
    this.#beats.sent();
  }

  #end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#beats.stop();
    this.#socket.destroy();
    this.#onClosed(reason);
  }
}
