import { descriptor } from '../codec/codes.ts';
import { Cursor } from '../codec/cursor.ts';
import { AmqpMap, DecodeError, symbol } from '../codec/types.ts';
import type { Writer } from '../codec/writer.ts';
import type {
  AmqpError,
  Connection,
  ConnectionHandler,
  ConnectionState,
  EngineOptions,
  PeerOpen,
} from './api.ts';
import { readBegin, type PeerBegin } from './frames/begin.ts';
import { Disposition } from './frames/disposition.ts';
import { readEnd, writeEnd } from './frames/end.ts';
import { Flow } from './frames/flow.ts';
import { readOpen, writeOpen } from './frames/open.ts';
import { Transfer } from './frames/transfer.ts';
import { frameBody, frameSize } from './frame-reader.ts';
import { Handshake, type ConnectionHandshake, type HandshakeConnection } from './handshake.ts';
import { Heartbeat } from './heartbeat.ts';
import { limitsOf, minMaxFrameSize, type Limits } from './limits.ts';
import { Output } from './output.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import { Session, type SessionConnection } from './session.ts';

// One of each serves all connections: a frame is read and acted upon before the next one of any connection.
const transfer = new Transfer();
const flow = new Flow();
const disposition = new Disposition();

/**
 * One AMQP 1.0 connection, the server's side; `AmqpClientConnection` is the other. A transfer's way: `receive` → FrameReader → `onFrame` → `#dispatch` →
 * `Session.onTransfer` → `AmqpIncomingLink.onTransfer` → the owner's `onTransfer`; its answer: `settle` →
 * `DispositionRuns` → `flush`.
 */
export class AmqpConnection implements Connection, HandshakeConnection, SessionConnection {
  readonly limits: Limits;
  readonly handler: ConnectionHandler;
  readonly output = new Output();
  readonly #handshake: ConnectionHandshake;
  readonly #heartbeat: Heartbeat;
  readonly #cursor = new Cursor(Buffer.alloc(0));
  /** By the peer's channel. */
  readonly #sessions = new Map<number, Session>();
  readonly #channels = new Set<number>();
  #state: 'starting' | 'opening' | 'open' | 'closing' | 'closed' = 'starting';
  #peer: PeerOpen | undefined;
  /** The largest frame that the peer takes. */
  peerFrameSize = minMaxFrameSize;
  #openSent = false;
  #closeError: AmqpError | undefined;
  #gathered = 0;
  #dirty: Session[] = [];
  #awake = false;

  /** @throws RangeError for options that AMQP does not allow */
  constructor(
    options: EngineOptions,
    handler: ConnectionHandler,
    handshake: (connection: HandshakeConnection) => ConnectionHandshake = (connection) =>
      new Handshake(connection),
  ) {
    this.limits = limitsOf(options);
    this.handler = handler;
    this.#heartbeat = new Heartbeat(this.limits);
    this.#handshake = handshake(this);
  }

  get state(): ConnectionState {
    return this.#state === 'starting' ? this.#handshake.state : this.#state;
  }

  get peer(): PeerOpen | undefined {
    return this.#peer;
  }

  get user(): string | undefined {
    return this.#handshake.user;
  }

  receive(chunk: Buffer): void {
    if (this.#state === 'closed') return;
    this.#heartbeat.heard();
    this.guard(() => this.#handshake.feed(chunk));
  }

  /** Runs what the peer's bytes cause; what it did wrong ends the connection. */
  guard(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#fatal(error);
    }
  }

  sizeOf(buffer: Buffer, pos: number): number {
    return this.#state === 'starting'
      ? this.#handshake.sizeOf(buffer, pos)
      : frameSize(buffer, pos, this.limits.maxFrameSize);
  }

  onFrame(buffer: Buffer, pos: number, end: number): boolean {
    if (this.#state === 'starting') return this.#handshake.onFrame(buffer, pos, end);
    const body = frameBody(buffer, pos, end, 0);
    if (body < end) {
      this.#cursor.reset(buffer, body, end);
      this.#dispatch(this.#cursor, (buffer[pos + 6]! << 8) | buffer[pos + 7]!);
    }
    return this.#state !== 'closed';
  }

  #dispatch(cursor: Cursor, channel: number): void {
    const kind = cursor.descriptor();
    if (this.#state === 'opening') {
      if (kind !== descriptor.open) throw new ProtocolError(condition.notAllowed, 'open must come first');
      return this.#onOpen(cursor);
    }
    if (kind === descriptor.close) return this.#onClose(cursor);
    if (this.#state === 'closing') return;
    if (kind === descriptor.begin) return this.#onBegin(cursor, channel);
    const session = this.#sessions.get(channel);
    if (!session) throw new ProtocolError(condition.notAllowed, `channel ${channel} has no session`);
    if (kind === descriptor.end) return this.#onEnd(cursor, session, channel);
    // What the peer had sent before it learnt that we ended the session.
    if (session.ended) return;
    switch (kind) {
      case descriptor.transfer:
        transfer.read(cursor);
        return session.onTransfer(transfer, cursor.buffer, cursor.pos, cursor.end);
      case descriptor.disposition:
        disposition.read(cursor);
        return session.onDisposition(disposition);
      case descriptor.flow:
        flow.read(cursor);
        return session.onFlow(flow);
      case descriptor.attach:
        return session.onAttach(cursor);
      case descriptor.detach:
        return session.onDetach(cursor);
      default:
        throw new ProtocolError(condition.notImplemented, 'an unknown performative');
    }
  }

  /** SASL and protocol headers are done: frames follow. */
  begin(): void {
    this.#state = 'opening';
  }

  #onOpen(cursor: Cursor): void {
    const peer = readOpen(cursor);
    if (peer.maxFrameSize < minMaxFrameSize)
      throw new ProtocolError(condition.invalidField, `max-frame-size must be at least ${minMaxFrameSize}`);
    this.#peer = peer;
    this.peerFrameSize = peer.maxFrameSize;
    this.#heartbeat.setPeerTimeout(peer.idleTimeout);
    this.handler.onOpen(this, peer);
    if (this.#state !== 'opening') return;
    this.writeOpen(false);
    this.#state = 'open';
    this.#heartbeat.opened();
  }

  /** @param refused tells Qpid JMS and others that close follows, so that they do not take the connection for open */
  protected writeOpen(refused: boolean): void {
    if (this.#openSent) return;
    this.#openSent = true;
    const { limits } = this;
    writeOpen(this.beginFrame(0), {
      containerId: limits.containerId,
      hostname: limits.hostname,
      maxFrameSize: limits.maxFrameSize,
      channelMax: limits.channelMax,
      // Peers are to send at least this often; half of our patience leaves room for delays (§2.4.5).
      idleTimeout: Math.floor(limits.idleTimeout / 2),
      offeredCapabilities: limits.offeredCapabilities,
      properties: refused
        ? new AmqpMap([[symbol('amqp:connection-establishment-failed'), true]])
        : limits.properties,
    });
    this.output.endFrame();
  }

  #onBegin(cursor: Cursor, channel: number): void {
    const begin = readBegin(cursor);
    if (channel > this.limits.channelMax)
      throw new ProtocolError(condition.framing, `channel ${channel} is above the agreed channel-max`);
    if (this.#sessions.has(channel))
      throw new ProtocolError(condition.notAllowed, `channel ${channel} has a session already`);
    this.#sessions.set(channel, this.sessionOf(begin, channel));
  }

  /** The session that a begin of the peer makes. @throws ProtocolError */
  protected sessionOf(begin: PeerBegin, channel: number): Session {
    if (begin.remoteChannel >= 0) throw new ProtocolError(condition.notAllowed, 'we have begun no session');
    const ours = this.takeChannel();
    if (ours === undefined) throw new ProtocolError(condition.limit, 'no channel is left');
    const session = new Session(this, ours, begin);
    session.writeBegin(channel);
    return session;
  }

  /** A channel for a session of ours; undefined where none is left. */
  protected takeChannel(): number | undefined {
    let ours = 0;
    while (this.#channels.has(ours)) ours++;
    if (ours > Math.min(this.#peer!.channelMax, this.limits.channelMax)) return undefined;
    this.#channels.add(ours);
    return ours;
  }

  #onEnd(cursor: Cursor, session: Session, channel: number): void {
    this.#sessions.delete(channel);
    this.#channels.delete(session.channel);
    session.onEnd(cursor);
    this.sessionGone(session);
  }

  /** Its channels are free again. */
  protected sessionGone(_session: Session): void {
    // Nobody but us knows of it.
  }

  /** Every session has ended with the connection. */
  protected allGone(_error: AmqpError | undefined): void {
    // The sessions have told their links.
  }

  #onClose(cursor: Cursor): void {
    const error = readEnd(cursor);
    if (this.#state === 'closing') return this.finish(this.#closeError, 'us');
    for (const session of this.#sessions.values()) session.writePending();
    this.#writeClose(undefined);
    this.finish(error, 'peer');
  }

  #writeClose(error: AmqpError | undefined): void {
    writeEnd(this.beginFrame(0), descriptor.close, error);
    this.output.endFrame();
  }

  #fatal(reason: unknown): void {
    if (this.#state === 'closed') return;
    const error: AmqpError =
      reason instanceof ProtocolError
        ? { condition: reason.condition, description: reason.description }
        : reason instanceof DecodeError
          ? { condition: condition.decode, description: reason.message }
          : {
              condition: condition.internal,
              description: reason instanceof Error ? reason.message : 'unknown',
            };
    if (this.#state !== 'starting' && this.#state !== 'closing') {
      this.writeOpen(true);
      this.#writeClose(error);
    }
    this.finish(error, 'us');
  }

  /** It is over; what is in the output may still be flushed. */
  finish(error: AmqpError | undefined, by: 'peer' | 'us'): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#endSessions(error);
    this.handler.onClosed(error, by);
  }

  #endSessions(error: AmqpError | undefined): void {
    const sessions = [...this.#sessions.values()];
    this.#sessions.clear();
    for (const session of sessions) session.lost(error);
    this.allGone(error);
  }

  close(error?: AmqpError): void {
    if (this.#state === 'closed' || this.#state === 'closing') return;
    if (this.#state === 'starting') return this.finish(error, 'us');
    for (const session of this.#sessions.values()) session.writePending();
    this.writeOpen(true);
    this.#closeError = error;
    this.#state = 'closing';
    this.#writeClose(error);
    this.#heartbeat.closing();
    this.#endSessions(error);
  }

  disconnected(): void {
    this.finish(undefined, 'peer');
  }

  tick(now: number): void {
    if (this.#state === 'closed') return;
    switch (this.#heartbeat.tick(now)) {
      case 'send':
        this.wake();
        this.output.emptyFrame();
        return;
      case 'closed':
        return this.finish(this.#closeError, 'us');
      case 'idle':
        return this.#fatal(
          new ProtocolError(condition.limit, 'nothing was received within the idle time-out'),
        );
      case 'never opened':
        return this.#fatal(new ProtocolError(condition.limit, 'the connection was not opened in time'));
    }
  }

  onUnused(_session: Session): void {
    // The peer began it, and will end it.
  }

  mayAttach(): boolean {
    let links = 0;
    for (const session of this.#sessions.values()) links += session.linkCount;
    return links <= this.limits.maxLinks;
  }

  /** Counts the memory of messages under way in several frames. @throws ProtocolError over the limit */
  reserve(bytes: number): void {
    if (bytes > 0 && this.#gathered + bytes > this.limits.maxGathered)
      throw new ProtocolError(condition.limit, 'too many large messages under way at one time');
    this.#gathered += bytes;
  }

  beginFrame(channel: number, type = 0): Writer {
    this.wake();
    return this.output.beginFrame(channel, type);
  }

  /** The session has something to write at the end of this tick. */
  markDirty(session: Session): void {
    if (session.dirty) return;
    session.dirty = true;
    this.#dirty.push(session);
    this.wake();
  }

  /** Output is due: the owner hears of it once. */
  wake(): void {
    if (this.#awake) return;
    this.#awake = true;
    this.handler.onOutput();
  }

  flush(write: (chunk: Buffer) => void): void {
    this.#awake = true;
    const dirty = this.#dirty;
    if (dirty.length > 0) {
      this.#dirty = [];
      for (const session of dirty) {
        session.dirty = false;
        session.flush();
      }
    }
    this.#awake = false;
    if (!this.output.pending) return;
    this.#heartbeat.sent();
    this.output.flush(write);
  }
}
