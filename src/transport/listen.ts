import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { JunctionError } from '../core/errors.ts';
import type { HostPort } from '../core/units.ts';
import { acceptTls, type TlsEntrance } from './accept-tls.ts';
import { acceptWebSocket, type WebSocketBinding } from './accept-websocket.ts';
import { Arrival, type Incoming, type Refused, type Step } from './arrival.ts';
import { webSocketTls, type TransportSettings } from './listen-settings.ts';

export interface ListenOptions {
  /** As configured. */
  readonly settings: TransportSettings & { readonly listen: HostPort };
  readonly webSocket: WebSocketBinding;
  /** The largest message of the protocol, in bytes. */
  readonly maxMessage: number;
  /** Connections of all ports together, those in their handshakes included; one more is closed at once. */
  readonly maxConnections: number;
  /** How long, in ms, the handshakes of TLS and WebSocket may take. */
  readonly handshakeTimeout: number;
  /** Whether a client that ends its side may still be answered; if not, our side ends by itself. */
  readonly allowHalfOpen: boolean;
  accept(incoming: Incoming): void;
  readonly refused: Refused;
}

/** The ports by which clients come in. */
export interface Doors {
  /** Where they are: `host:port`, `tls://host:port`, `ws://host:port/path`, joined by "and". */
  readonly at: string;
  /** Goes on by settings for which those of before are `renewable`; who is in stays. */
  renew(settings: TransportSettings): void;
  /** Lets nobody in any more; who is in stays. */
  shut(): void;
  /** Resolves once the ports are free: when all connections are closed, which is up to who accepted them. */
  close(): Promise<void>;
}

/**
 * Listens for TCP or TLS and, where configured, for WebSocket.
 * @throws JunctionError unavailable, where a port cannot be had
 */
export async function listen(options: ListenOptions): Promise<Doors> {
  const { settings, webSocket, allowHalfOpen } = options;
  const { tls, websocket } = settings;
  const arrivals = new Arrivals(options);
  const take: Step = (arrival, stream) => {
    arrival.done();
    options.accept({ stream, peer: arrival.peer, identity: arrival.identity });
  };
  const doors: Door[] = [];
  const secured = tls && acceptTls(tls, allowHalfOpen, take);
  let webSecured: TlsEntrance | undefined;
  try {
    doors.push(await open(arrivals, settings.listen, secured?.take ?? take, tls !== undefined));
    if (websocket) {
      const ownTls = webSocketTls(settings);
      const upgrade = await acceptWebSocket(websocket.path, webSocket, options.maxMessage, take);
      webSecured = ownTls && acceptTls(ownTls, true, upgrade);
      const door = await open(arrivals, websocket.listen, webSecured?.take ?? upgrade, true);
      doors.push({ ...door, at: `${ownTls ? 'wss' : 'ws'}://${door.at}${websocket.path}` });
    }
  } catch (error) {
    for (const { server } of doors) server.close();
    throw error;
  }
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= Promise.all(doors.map(({ server }) => new Promise((done) => server.close(done)))).then(
      () => {},
    );
    arrivals.cut();
    return closed;
  };
  const [main, ...others] = doors.map(({ at }) => at);
  return {
    at: [tls ? `tls://${main}` : main, ...others].join(' and '),
    renew(renewed) {
      if (renewed.tls) secured?.renew(renewed.tls);
      const ownTls = webSocketTls(renewed);
      if (ownTls) webSecured?.renew(ownTls);
    },
    shut: () => void close(),
    close,
  };
}

/** `host:port`, as it is written. */
export const showHostPort = ({ host, port }: HostPort): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

/** Who comes in, over all ports. */
class Arrivals {
  readonly #options: ListenOptions;
  readonly #underWay = new Set<Arrival>();
  #open = 0;

  constructor(options: ListenOptions) {
    this.#options = options;
  }

  get allowHalfOpen(): boolean {
    return this.#options.allowHalfOpen;
  }

  trouble(error: Error): void {
    this.#options.refused(`a connection could not be taken: ${error.message}`, undefined);
  }

  /** @param handshakes whether there are any before the protocol's own, for which there is a deadline here */
  add(socket: Socket, step: Step, handshakes: boolean): void {
    const { maxConnections, handshakeTimeout, refused } = this.#options;
    const arrival = new Arrival(socket, refused);
    // what ends a connection shows in its 'close', too
    socket.on('error', () => undefined);
    if (this.#open >= maxConnections)
      return arrival.refuse(`there are ${maxConnections} connections already, the most allowed here`);
    this.#open++;
    socket.once('close', () => this.#open--);
    if (handshakes) {
      this.#underWay.add(arrival);
      socket.once('close', () => this.#underWay.delete(arrival));
      arrival.expect(handshakeTimeout);
    }
    step(arrival, socket);
  }

  /** Ends those that have not come to their protocol yet. */
  cut(): void {
    for (const arrival of this.#underWay) {
      if (arrival.over) continue;
      arrival.done();
      arrival.socket.destroy();
    }
    this.#underWay.clear();
  }
}

interface Door {
  readonly server: Server;
  /** host:port as it is, which port 0 does not tell. */
  readonly at: string;
}

async function open(arrivals: Arrivals, wanted: HostPort, step: Step, handshakes: boolean): Promise<Door> {
  const server = createServer(
    { noDelay: true, keepAlive: true, allowHalfOpen: handshakes || arrivals.allowHalfOpen },
    (socket) => arrivals.add(socket, step, handshakes),
  );
  await new Promise<void>((resolve, reject) => {
    const failed = (cause: Error): void =>
      reject(
        new JunctionError('unavailable', `cannot listen on ${showHostPort(wanted)}: ${cause.message}`, {
          cause,
        }),
      );
    server.once('error', failed);
    server.listen(wanted.port, wanted.host, () => {
      server.off('error', failed);
      resolve();
    });
  });
  server.on('error', (error) => arrivals.trouble(error));
  const bound = server.address() as AddressInfo;
  return { server, at: showHostPort({ host: bound.address, port: bound.port }) };
}
