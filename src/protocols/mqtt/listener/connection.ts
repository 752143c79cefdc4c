import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import type { Outcome } from '../../../core/outcome.ts';
import { checkAuth, encodeDisconnect, encodeRefusal, readAck, readDisconnect } from '../codec/acks.ts';
import { connectLevel, readConnect, type Connect } from '../codec/connect.ts';
import { Cursor } from '../codec/cursor.ts';
import { PacketReader } from '../codec/packet-reader.ts';
import { checkHead, Type, type Level } from '../codec/packet-types.ts';
import { readPublish } from '../codec/publish.ts';
import { Reason } from '../codec/reasons.ts';
import { encodeFiltersAck, readSubscribe, readUnsubscribe } from '../codec/subscribe.ts';
import { malformed, Violation } from '../codec/violation.ts';
import { ClientStream, type StreamOwner } from '../stream/client-stream.ts';
import { Writer } from '../stream/writer.ts';
import type { ConnectionOwner } from './connection-owner.ts';
import { Deadlines } from './deadlines.ts';
import { Inbound, type InboundPeer } from './inbound.ts';
import type { Link } from './link.ts';
import type { Missed } from './missed.ts';
import type { Session } from './session.ts';
import type { Arrival } from './sessions.ts';

/** How long a closed connection may take to read our last words, in ms. */
const farewell = 400;

/**
 * One client's connection, and the guard before the broker: every packet is checked in full here. PUBLISH and all
 * acknowledgements and subscriptions are handled here; the broker gets CONNECT and DISCONNECT.
 */
export class Connection implements StreamOwner, Link, InboundPeer, Arrival {
  readonly peer: string;
  /** Set by the CONNECT. */
  request: Connect | undefined;
  session: Session | undefined;
  /** Seconds, as the CONNECT or the DISCONNECT says. */
  sessionExpiry = 0;
  client: Client | undefined;
  readonly #owner: ConnectionOwner<Connection>;
  readonly #socket: Duplex;
  readonly #reader: PacketReader;
  readonly #writer: Writer;
  readonly #aliases: (string | undefined)[] = [];
  #stream: ClientStream | undefined;
  #inbound: Inbound | undefined;
  /** What the broker wrote before it was clear whether the client is accepted. */
  #handshake: Buffer[] | undefined = [];
  /** The broker has a packet that must be answered before the next is read. */
  #busy = false;
  #closing = false;
  /** The peer sends no more; what it has sent before is still taken. */
  #ended = false;
  /** The socket is closed. */
  #gone = false;
  readonly #deadlines: Deadlines;

  constructor(owner: ConnectionOwner<Connection>, socket: Duplex, peer: string, now: number) {
    this.#owner = owner;
    this.#socket = socket;
    this.peer = peer;
    this.#reader = new PacketReader(owner.maxPacket);
    this.#writer = new Writer(socket);
    this.#deadlines = new Deadlines(now, owner.connectTimeout);
  }

  /** Begins to read. */
  open(): void {
    const socket = this.#socket;
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    socket.on('drain', () => this.session?.link === this && this.session.pump());
    socket.on('error', () => {
      this.#ended = true;
      socket.destroy();
    });
    socket.on('end', () => {
      this.#ended = true;
      this.#process();
    });
    socket.on('close', () => this.#socketClosed());
  }

  get level(): Level {
    return this.request?.level ?? 4;
  }

  get missed(): Missed {
    return this.#owner.missed;
  }

  get receiveMaximum(): number {
    return Math.min(this.request!.receiveMaximum, this.#owner.window);
  }

  get maximumPacketSize(): number {
    return this.request!.maximumPacketSize;
  }

  get topicAliasMaximum(): number {
    return this.request!.topicAliasMaximum;
  }

  get problemInformation(): boolean {
    return this.request!.problemInformation;
  }

  get pending(): number {
    return this.#writer.pending;
  }

  get closing(): boolean {
    return this.#closing;
  }

  write(packet: Buffer): void {
    if (this.#closing || this.#socket.destroyed) return;
    this.#writer.write(packet);
    if (this.#writer.pending > this.#owner.maxOutbound) {
      this.#owner.refused(this, `it does not read: ${this.#writer.pending} bytes wait for it`);
      this.#socket.destroy();
    }
  }

  /** The broker has accepted the client; `connack` is written in place of its own. */
  accept(connack: Buffer, keepAlive: number): void {
    this.#handshake = undefined;
    this.#deadlines.connected(keepAlive);
    if (this.#ended) this.#expectProgress();
    if (connack.length <= this.maximumPacketSize) return this.write(connack);
    this.#owner.refused(this, 'it takes no packet as large as its CONNACK'); // [MQTT-3.1.2-24]
    this.close();
  }

  /** The broker has refused the client, and closes the stream next. */
  refuse(): void {
    for (const chunk of this.#handshake ?? []) this.write(chunk);
    this.#handshake = undefined;
  }

  /** From here on packets are taken. */
  begin(session: Session): void {
    this.session = session;
    this.#inbound = new Inbound(this, session.received, this.#owner.window, (message) =>
      this.#owner.publish(message, session),
    );
    session.attach(this);
    this.#busy = false;
    this.#process();
  }

  fail(error: unknown): void {
    this.disconnect(Reason.serverUnavailable, `its session cannot be kept: ${(error as Error).message}`);
  }

  written(chunk: Buffer): void {
    if (this.#handshake) {
      this.#handshake.push(chunk);
      return;
    }
    this.write(chunk);
  }

  streamClosed(): void {
    this.close();
  }

  resume(): void {
    this.#process();
  }

  refused(outcome: Outcome): void {
    if (outcome.state === 'accepted') return;
    this.#owner.refused(this, `its message was ${outcome.state}: ${outcome.error.message}`);
    this.close();
  }

  disconnect(reason: Reason, why: string): void {
    if (this.#closing) return;
    this.#owner.refused(this, why);
    if (this.session && this.level === 5) this.#writer.write(encodeDisconnect(reason));
    this.close();
  }

  /** Writes what is there and closes; a peer that does not close then is cut off soon. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#deadlines.expect(performance.now(), farewell);
    this.#inbound?.close();
    this.#writer.end();
    // What still comes is not looked at, but read: closing with unread bytes would destroy our last words.
    this.#socket.resume();
    this.#stream?.destroy();
    this.#owner.ended(this);
    if (this.#gone) this.#owner.closed(this);
  }

  /** Called now and then: closes what is late. */
  check(now: number): void {
    const late = this.#deadlines.check(now);
    if (late === 'overdue' && this.#ended && !this.#closing) {
      this.#owner.refused(this, 'it has ended, and what it sent last could not be taken in time');
      this.close();
    } else if (late === 'overdue') {
      if (!this.#closing) this.#owner.refused(this, 'its CONNECT did not come in time');
      this.#socket.destroy();
    } else if (late === 'silent' && !this.#closing && !this.#held) {
      this.disconnect(Reason.keepAliveTimeout, 'it was silent for longer than its keep-alive');
    }
  }

  /** Closes it; resolves once it is closed. */
  async finish(): Promise<void> {
    this.close();
    if (this.#socket.closed) return;
    const late = setTimeout(() => this.#socket.destroy(), farewell);
    await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    clearTimeout(late);
  }

  /** Whether it is we who do not read. */
  get #held(): boolean {
    return this.#busy || this.#inbound?.full === true;
  }

  #read(chunk: Buffer): void {
    if (this.#closing) return;
    this.#deadlines.heard(performance.now());
    this.#reader.push(chunk);
    this.#process();
  }

  #process(): void {
    try {
      while (!this.#closing) {
        if (this.#held) {
          if (this.#ended) this.#expectProgress();
          else this.#socket.pause();
          return;
        }
        if (!this.#reader.next(this.#checkHead)) break;
        this.#packet();
      }
    } catch (error) {
      this.#violated(error);
      return;
    }
    if (this.#ended) return this.close();
    if (this.#socket.isPaused()) {
      this.#deadlines.heard(performance.now());
      this.#socket.resume();
    }
  }

  readonly #checkHead = (head: number): void => {
    if (this.request) checkHead(head, this.request.level);
    else if ((head & 0xf0) !== Type.connect) throw malformed('the first packet is not a CONNECT'); // [MQTT-3.1.0-1]
  };

  #packet(): void {
    const { head, bytes, start, end } = this.#reader;
    const type = head & 0xf0;
    if (type === Type.publish) {
      const publish = readPublish(head, bytes, start, end, this.level, this.#owner.names, this.#aliases);
      // A message that comes while we stop stays the client's: it is not acknowledged.
      if (!this.#owner.stopping) this.#inbound!.take(publish);
      return;
    }
    const cursor = new Cursor(bytes, start, end);
    switch (type) {
      case Type.connect:
        return this.#connect(cursor);
      case Type.puback:
      case Type.pubrec:
      case Type.pubrel:
      case Type.pubcomp:
        return this.#ack(type, cursor);
      case Type.subscribe:
        return this.#subscribe(cursor);
      case Type.unsubscribe:
        return this.#unsubscribe(cursor);
      case Type.pingreq:
        cursor.finish();
        return this.write(pingresp);
      case Type.disconnect:
        this.sessionExpiry = readDisconnect(cursor, this.level, this.sessionExpiry);
        return this.#handOn();
      case Type.auth:
        checkAuth(cursor);
    }
  }

  #connect(cursor: Cursor): void {
    let level: Level = 4;
    try {
      level = connectLevel(cursor);
      this.request = readConnect(cursor, level, this.#reader.head);
      this.sessionExpiry = this.request.sessionExpiry;
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      this.#owner.refused(this, error.message);
      const code = level === 5 ? error.reason : error.returnCode;
      if (code !== undefined) this.#writer.write(encodeRefusal(level, code));
      this.close();
      return;
    }
    const { bytes, packetStart } = this.#reader;
    // The keep-alive is watched here, because most packets do not reach the broker.
    bytes.writeUInt16BE(0, this.request.keepAliveAt);
    // The broker takes as reserved what MQTT 3.1 leaves unused.
    bytes[packetStart] = Type.connect;
    bytes[this.request.keepAliveAt - 1]! &= 0xfe;
    this.#deadlines.expect(performance.now(), this.#owner.connectTimeout);
    this.#stream = new ClientStream(this);
    this.#owner.connect(this, this.#stream);
    this.#handOn();
  }

  #ack(type: number, cursor: Cursor): void {
    const { id, reason } = readAck(type, cursor, this.level);
    const session = this.session!;
    if (type === Type.puback) session.puback(id, reason);
    else if (type === Type.pubrec) session.pubrec(id, reason);
    else if (type === Type.pubcomp) session.pubcomp(id);
    else this.#inbound!.release(id);
  }

  #subscribe(cursor: Cursor): void {
    const most = this.#owner.maxFilters;
    const { id, subscriptions } = readSubscribe(cursor, this.level, most);
    const session = this.session!;
    const held = session.subscriptions;
    if (held.size + subscriptions.length > most) {
      const added = new Set(subscriptions.map(({ filter }) => filter).filter((filter) => !held.has(filter)));
      if (held.size + added.size > most)
        throw new Violation(Reason.quotaExceeded, `more than ${most} subscriptions`);
    }
    this.#owner.subscribe(session, this.level, subscriptions, (codes) =>
      this.write(encodeFiltersAck(Type.suback, id, this.level, codes)),
    );
  }

  #unsubscribe(cursor: Cursor): void {
    const { id, filters } = readUnsubscribe(cursor, this.level, this.#owner.maxFilters);
    this.#owner.unsubscribe(this.session!, filters, (codes) =>
      this.write(encodeFiltersAck(Type.unsuback, id, this.level, codes)),
    );
  }

  /** Hands the packet to the broker; no other is read until the broker has dealt with it. */
  #handOn(): void {
    const { bytes, packetStart, end } = this.#reader;
    this.#busy = true;
    this.#stream!.push(bytes.subarray(packetStart, end));
  }

  #violated(error: unknown): void {
    if (error instanceof Violation) return this.disconnect(error.reason, error.message);
    this.disconnect(Reason.unspecified, `internal: ${String(error)}`);
  }

  /** The peer has ended, but packets of it are held: they are not held for ever. */
  #expectProgress(): void {
    this.#deadlines.expect(performance.now(), this.#owner.connectTimeout);
  }

  #socketClosed(): void {
    this.#gone = true;
    if (this.#closing) this.#owner.closed(this);
    else if (this.#ended) this.#process();
    else this.close();
  }
}

const pingresp = Buffer.from([Type.pingresp, 0]);
