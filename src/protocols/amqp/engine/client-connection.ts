import type { ConnectionHandler, EngineOptions, LinkRequest } from './api.ts';
import { ClientHandshake } from './client-handshake.ts';
import { AmqpConnection } from './connection.ts';
import { writeBegin, type PeerBegin } from './frames/begin.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import type { Login } from './sasl-client.ts';
import { Session } from './session.ts';

/** What the owner of a dialled connection provides; see ConnectionHandler. */
export type ClientHandler = Pick<ConnectionHandler, 'onOpen' | 'onOutput' | 'onClosed'>;

/** A session that we have begun, and the links that wait for the peer's begin. */
interface Begun {
  readonly channel: number;
  session: Session | undefined;
  links: number;
  readonly waiting: LinkRequest[];
}

const uninvited = { condition: condition.notAllowed, description: 'links are attached by the client only' };

/**
 * One AMQP 1.0 connection, the client's side. Each link has a session of its own, as long as the peer has channels,
 * because some brokers end the session for what is wrong with one link. To be used once `handler.onOpen` has returned.
 */
export class AmqpClientConnection extends AmqpConnection {
  readonly #begun = new Map<number, Begun>();
  #start: () => void;

  /**
   * @param login undefined: without SASL
   * @throws RangeError for options that AMQP does not allow
   */
  constructor(options: EngineOptions, login: Login | undefined, handler: ClientHandler) {
    let start = (): void => undefined;
    super(
      options,
      {
        authenticate: () => false,
        onIncomingLink: (link) => link.refuse(uninvited),
        onOutgoingLink: (link) => link.refuse(uninvited),
        onOpen: (connection, peer) => handler.onOpen(connection, peer),
        onOutput: () => handler.onOutput(),
        onClosed: (error, by) => handler.onClosed(error, by),
      },
      (connection) => {
        const handshake = new ClientHandshake(connection, login);
        start = () => handshake.start();
        return handshake;
      },
    );
    this.#start = start;
  }

  /** Speaks first, as a client must. */
  start(): void {
    this.#start();
  }

  override begin(): void {
    super.begin();
    this.writeOpen(false);
  }

  /** Attaches a link; what becomes of it, its handler hears. */
  attach(request: LinkRequest): void {
    const begun = this.#sessionForOneMore();
    begun.links++;
    if (begun.session) begun.session.attach(request);
    else begun.waiting.push(request);
  }

  #sessionForOneMore(): Begun {
    const channel = this.takeChannel();
    if (channel === undefined)
      return [...this.#begun.values()].reduce((least, each) => (each.links < least.links ? each : least));
    const begun: Begun = { channel, session: undefined, links: 0, waiting: [] };
    this.#begun.set(channel, begun);
    const { incomingWindow, handleMax } = this.limits;
    const windows = { nextIncomingId: 0, incomingWindow, nextOutgoingId: 0, outgoingWindow: 0x7fff_ffff };
    writeBegin(this.beginFrame(channel), -1, windows, handleMax);
    this.output.endFrame();
    return begun;
  }

  protected override sessionOf(begin: PeerBegin): Session {
    const begun = this.#begun.get(begin.remoteChannel);
    if (!begun || begun.session)
      throw new ProtocolError(condition.notAllowed, 'a begin that answers none of ours');
    const session = new Session(this, begun.channel, begin);
    begun.session = session;
    for (const request of begun.waiting.splice(0)) session.attach(request);
    return session;
  }

  override onUnused(session: Session): void {
    session.end();
  }

  protected override sessionGone(session: Session): void {
    this.#begun.delete(session.channel);
  }

  protected override allGone(error: Parameters<AmqpConnection['finish']>[0]): void {
    const waiting = [...this.#begun.values()].flatMap((begun) => begun.waiting.splice(0));
    this.#begun.clear();
    for (const { handler } of waiting) handler.onDetach(error, false);
  }
}
