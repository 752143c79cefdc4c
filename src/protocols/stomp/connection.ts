import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { JunctionError } from '../../core/errors.ts';
import { FrameReader } from './frame-reader.ts';
import { encodeError, encodeFrame } from './frame-writer.ts';
import type { Frame, Pair } from './frame.ts';
import { negotiate } from './negotiation.ts';
import { Peer } from './peer.ts';
import type { Flushable, Services } from './services.ts';
import { Session } from './session.ts';

/** `leaving`: the client said good-bye, and waits for what is unsettled; `ending`: our last frame is written. */
type State = 'connecting' | 'open' | 'leaving' | 'ending' | 'closed';

/** They reach the routes, and so wait until the routes take part. */
const wantsRoutes: ReadonlySet<string> = new Set(['SEND', 'SUBSCRIBE', 'COMMIT']);

/** One client's connection, from its first byte to its end: reads frames in order, as fast as it may. */
export class Connection implements Flushable {
  readonly #services: Services;
  readonly #peer: Peer;
  readonly #reader: FrameReader;
  readonly #opened = performance.now();
  #session: Session | undefined;
  #state: State = 'connecting';
  /** A frame that waits for `Services.taking`. */
  #held: Frame | undefined;
  #disconnect: Frame | undefined;
  /** The client sends no more; frames that it sent before may still wait for their turn. */
  #ended = false;

  constructor(socket: Duplex, name: string, services: Services) {
    const { config } = services;
    this.#services = services;
    this.#peer = new Peer(
      socket,
      name,
      {
        sendBuffer: config.send_buffer,
        needsFlush: () => services.needsFlush(this),
        onRoom: () => this.#onRoom(),
      },
      this.#opened,
    );
    this.#reader = new FrameReader({
      maxHead: config.max_header_size,
      maxHeaders: config.max_headers,
      maxBody: config.max_message,
    });
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#onEnd());
    // 'close' follows, and says all there is to say.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#onClose());
  }

  get name(): string {
    return this.#peer.name;
  }

  flush(): void {
    this.#peer.flush(performance.now());
  }

  /** Called by the listener's sweep. */
  tick(now: number): void {
    if (this.#state === 'connecting' && now - this.#opened >= this.#services.config.connect_timeout)
      return this.fail(new JunctionError('timeout', 'no CONNECT frame came in time'));
    if (this.#peer.tick(now)) this.fail(new JunctionError('timeout', 'your heart-beats did not come'));
  }

  /** To be called when `Services.taking` has changed. */
  proceed(): void {
    if (this.#peer.paused) this.#process();
  }

  /** Sends an ERROR, which is the last frame, and closes (STOMP 1.2 "ERROR"). What was sent before stays valid. */
  fail(error: JunctionError, receipt?: string): void {
    if (this.#state === 'ending' || this.#state === 'closed') return;
    this.#services.failed(this, error);
    this.#peer.text(encodeError(error, receipt, this.#reader.version));
    this.#end();
  }

  destroy(): void {
    this.#peer.destroy();
  }

  #onData(chunk: Buffer): void {
    this.#peer.hear(performance.now());
    if (this.#state !== 'connecting' && this.#state !== 'open') return;
    this.#reader.push(chunk);
    this.#process();
  }

  /** Takes frames until there are no more, or the client has to wait. */
  #process(): void {
    while (this.#state === 'connecting' || this.#state === 'open') {
      // What an ended client has sent is bounded: its answers need no limit of their own.
      if (this.#session?.full || (this.#peer.congested && !this.#ended)) return this.#peer.pause();
      let frame = this.#held;
      this.#held = undefined;
      try {
        frame ??= this.#reader.next();
      } catch (error) {
        return this.fail(JunctionError.from(error));
      }
      if (!frame) return this.#ended ? this.#leave(undefined) : this.#peer.resume(performance.now());
      if (!this.#services.taking && wantsRoutes.has(frame.command) && this.#session) {
        this.#held = frame;
        return this.#peer.pause();
      }
      try {
        if (!this.#session) this.#connect(frame);
        else if (frame.command === 'DISCONNECT') this.#leave(frame);
        else this.#session.handle(frame);
      } catch (error) {
        return this.fail(JunctionError.from(error), frame.get('receipt'));
      }
    }
  }

  #connect(frame: Frame): void {
    if (frame.command !== 'CONNECT' && frame.command !== 'STOMP')
      throw new JunctionError('invalid-message', `${frame.command} came before CONNECT`);
    const agreement = negotiate(frame, this.#services.config.heart_beat);
    const { version } = agreement;
    const session = new Session({
      id: randomUUID(),
      version,
      peer: this.#peer,
      services: this.#services,
      fail: (error, receipt) => this.fail(error, receipt),
      onSettled: () => this.#onSettled(),
    });
    this.#session = session;
    this.#reader.version = version;
    this.#state = 'open';
    this.#peer.agree(agreement);
    const headers: Pair[] = [
      ['version', version],
      ['session', session.id],
      ['server', 'junction'],
    ];
    const beat = Math.round(this.#services.config.heart_beat);
    if (version !== '1.0') headers.push(['heart-beat', `${beat},${beat}`]);
    this.#peer.text(encodeFrame('CONNECTED', headers, version));
  }

  /** DISCONNECT's receipt says that everything before it is settled (STOMP 1.2 "DISCONNECT"). */
  #leave(frame: Frame | undefined): void {
    this.#state = 'leaving';
    this.#disconnect = frame;
    this.#held = undefined;
    this.#peer.expectNothing();
    if (this.#ended) this.#peer.settleFrom(performance.now());
    this.#session?.leave();
    this.#leaveIfSettled();
  }

  #leaveIfSettled(): void {
    if (this.#state !== 'leaving' || (this.#session?.unsettled ?? 0) > 0) return;
    if (this.#disconnect) this.#session?.receipt(this.#disconnect);
    this.#end();
  }

  #onSettled(): void {
    this.#leaveIfSettled();
    if (this.#peer.paused) this.#process();
  }

  #onRoom(): void {
    if (this.#state !== 'open') return;
    this.#session?.resume();
    if (this.#peer.paused) this.#process();
  }

  /**
   * The client sends no more, but may still read its receipts. Node tells so even while the socket is paused, when
   * frames that have come already wait for the window or for the routes: they keep their turn.
   */
  #onEnd(): void {
    this.#ended = true;
    this.#peer.expectNothing();
    if (this.#state === 'leaving' || this.#state === 'ending') this.#peer.settleFrom(performance.now());
    else if (this.#peer.paused) this.#session?.end();
    else this.#leave(undefined);
  }

  #end(): void {
    this.#state = 'ending';
    this.#held = undefined;
    this.#peer.end(performance.now());
    this.#session?.close();
  }

  #onClose(): void {
    this.#services.gone(this);
    // One that closed both ways resets the connection at our first answer. What it had sent still counts.
    if (this.#state === 'open' && this.#ended && this.#peer.paused) return;
    this.#state = 'closed';
    this.#held = undefined;
    this.#session?.close();
  }
}
