import type { Duplex } from 'node:stream';
import { AmqpMap, symbol } from './codec/types.ts';
import type { ListenerContext } from './context.ts';
import type {
  AmqpError,
  Connection,
  ConnectionHandler,
  IncomingLink,
  OutgoingLink,
  PeerOpen,
} from './engine/api.ts';
import type { AuthenticationRequest, ScramCredential } from './engine/sasl-types.ts';
import { AmqpConnection } from './engine/connection.ts';
import { condition } from './errors.ts';
import { Links } from './links.ts';
import type { SendBudget } from './outgoing.ts';

/** Bytes that may wait for a peer that does not read, before its links get nothing more … */
const fullAt = 256 * 1024;
/** … and before we stop reading from it, since answering it would only add to them. */
const deafAt = 8 * 1024 * 1024;
/** How long, in ms, a peer may take to end its side after the connection is over. */
const lingering = 500;

const properties = new AmqpMap([[symbol('product'), 'Junction']]);
const capabilities = ['ANONYMOUS-RELAY', 'SHARED-SUBS', 'sole-connection-for-container'];

/** What a connection asks of its listener. */
export interface ConnectionOwner {
  /** Calls `flush` once, when this turn of the event loop is done. */
  flushSoon(client: ClientConnection): void;
  /** Whether this container may open; false if it wants to be the only one of its name and is not. */
  claim(client: ClientConnection, containerId: string, alone: boolean): boolean;
  /** The socket is closed. */
  gone(client: ClientConnection, containerId: string | undefined): void;
}

/** One peer: its socket, its engine, its links. */
export class ClientConnection implements ConnectionHandler, SendBudget {
  readonly #socket: Duplex;
  readonly #context: ListenerContext;
  readonly #owner: ConnectionOwner;
  readonly #engine: Connection;
  readonly #links: Links;
  readonly #peer: string;
  readonly #identity: string | undefined;
  #pending = 0;
  #starved = false;
  #overSince: number | undefined;

  /**
   * @param peer its address, for logs
   * @param identity the common name of its verified certificate
   */
  constructor(
    socket: Duplex,
    peer: string,
    identity: string | undefined,
    context: ListenerContext,
    owner: ConnectionOwner,
  ) {
    const { config, login } = context;
    this.#socket = socket;
    this.#context = context;
    this.#owner = owner;
    this.#links = new Links(context, this);
    this.#peer = peer;
    this.#identity = identity;
    this.#engine = new AmqpConnection(
      {
        containerId: context.name,
        maxFrameSize: config.max_frame,
        idleTimeout: config.idle_timeout,
        openTimeout: config.connect_timeout,
        maxMessageSize: config.max_message,
        mechanisms: login.mechanisms(identity),
        requireSasl: login.requiresSasl(identity),
        identity,
        offeredCapabilities: capabilities,
        properties,
      },
      this,
    );
    socket.on('data', (chunk: Buffer) => this.#received(chunk));
    socket.on('drain', () => this.#drained());
    socket.on('error', () => undefined); // 'close' follows, and that is all there is to do
    socket.on('close', () => {
      this.#engine.disconnected();
      owner.gone(this, this.#engine.peer?.containerId);
    });
  }

  /** @param now a monotonic clock, in ms */
  tick(now: number): void {
    this.#engine.tick(now);
    if (this.#engine.state !== 'closed') return;
    this.#overSince ??= now;
    if (now - this.#overSince >= lingering) this.#socket.destroy();
  }

  /** Takes no new messages. */
  stop(): void {
    this.#links.stop();
  }

  /** Ends it in order: the peer is told why. */
  close(description: string): void {
    this.#engine.close({ condition: condition.forced, description });
    this.flush();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** Writes all that the engine has. */
  flush(): void {
    const socket = this.#socket;
    this.#pending = 0;
    if (socket.destroyed || socket.writableEnded) return;
    socket.cork();
    this.#engine.flush((chunk) => void socket.write(chunk));
    socket.uncork();
    if (this.#engine.state === 'closed') {
      socket.end();
    } else if (socket.writableLength > deafAt) {
      socket.pause();
    } else if (this.#starved && socket.writableLength <= fullAt) {
      this.#refill();
    }
  }

  isFull(): boolean {
    const full = this.#pending + this.#socket.writableLength > fullAt;
    if (full) this.#starved = true;
    return full;
  }

  spend(bytes: number): void {
    this.#pending += bytes;
  }

  authenticate(request: AuthenticationRequest): boolean {
    const entered = this.#context.login.check(request, this.#identity);
    if (!entered)
      this.#context.log.warn('login', { ...this.#who(), mechanism: request.mechanism }, 'a login failed');
    return entered;
  }

  scramCredential(username: string): ScramCredential | undefined {
    return this.#context.login.scramCredential(username);
  }

  onOpen(connection: Connection, peer: PeerOpen): void {
    const alone = peer.desiredCapabilities.includes('sole-connection-for-container');
    if (this.#owner.claim(this, peer.containerId, alone)) return;
    connection.close({
      condition: 'amqp:invalid-field',
      description: `container-id ${peer.containerId} is in use, and one of its connections wants to be the only one`,
      info: new AmqpMap([[symbol('invalid-field'), symbol('container-id')]]),
    });
  }

  onIncomingLink(link: IncomingLink): void {
    this.#links.attachSender(link);
  }

  onOutgoingLink(link: OutgoingLink): void {
    this.#links.attachReceiver(link);
  }

  onOutput(): void {
    this.#owner.flushSoon(this);
  }

  onClosed(error: AmqpError | undefined, by: 'peer' | 'us'): void {
    if (error && by === 'us' && error.condition !== condition.forced)
      this.#context.log.warn(
        `closed ${error.condition}`,
        { ...this.#who(), condition: error.condition },
        `a connection was closed: ${error.description ?? error.condition}`,
      );
    this.#owner.flushSoon(this);
  }

  #received(chunk: Buffer): void {
    // What comes after the end is read, so that the peer's kernel has no cause to drop our last words, and ignored.
    if (this.#engine.state !== 'closed') this.#engine.receive(chunk);
  }

  #drained(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#starved) this.#refill();
  }

  #refill(): void {
    this.#starved = false;
    this.#links.pump();
  }

  #who(): { endpoint: string; peer: string } {
    return { endpoint: this.#context.name, peer: this.#peer };
  }
}
