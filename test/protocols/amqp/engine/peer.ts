import { once, type EventEmitter } from 'node:events';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import rhea, { type Connection as RheaConnection, type ConnectionOptions, type EventContext } from 'rhea';
import type {
  AmqpError,
  Connection,
  ConnectionHandler,
  EngineOptions,
  IncomingDelivery,
  IncomingLink,
  OutgoingLink,
  PeerOpen,
} from '../../../../src/protocols/amqp/engine/api.ts';
import { AmqpConnection } from '../../../../src/protocols/amqp/engine/connection.ts';
import type { AuthenticationRequest } from '../../../../src/protocols/amqp/engine/sasl-types.ts';

export type Behaviour = Partial<ConnectionHandler> & {
  /** Used where `onIncomingLink` is not given. */
  onTransfer?(delivery: IncomingDelivery): void;
  window?: number;
  /** Used where `onOutgoingLink` is not given. */
  onCredit?(link: OutgoingLink): void;
  onLinkEnd?(error: AmqpError | undefined, closed: boolean): void;
};

/** An owner of one engine that accepts everything, except as told; its output is gathered or sent on. */
export class TestOwner implements ConnectionHandler {
  readonly connection: AmqpConnection;
  readonly requests: AuthenticationRequest[] = [];
  readonly incoming: IncomingLink[] = [];
  readonly outgoing: OutgoingLink[] = [];
  readonly deliveries: IncomingDelivery[] = [];
  peer: PeerOpen | undefined;
  closed: { error: AmqpError | undefined; by: 'peer' | 'us' } | undefined;
  written: Buffer[] = [];
  readonly #behaviour: Behaviour;
  readonly #write: (chunk: Buffer) => void;

  constructor(
    behaviour: Behaviour = {},
    options: Partial<EngineOptions> = {},
    write?: (chunk: Buffer) => void,
  ) {
    this.#behaviour = behaviour;
    this.#write = write ?? ((chunk) => this.written.push(chunk));
    this.connection = new AmqpConnection({ containerId: 'engine', ...options }, this);
  }

  authenticate(request: AuthenticationRequest): boolean | Promise<boolean> {
    this.requests.push(request);
    return this.#behaviour.authenticate?.(request) ?? true;
  }

  scramCredential(username: string): ReturnType<NonNullable<ConnectionHandler['scramCredential']>> {
    return this.#behaviour.scramCredential?.(username);
  }

  onOpen(connection: Connection, peer: PeerOpen): void {
    this.peer = peer;
    this.#behaviour.onOpen?.(connection, peer);
  }

  onIncomingLink(link: IncomingLink): void {
    this.incoming.push(link);
    if (this.#behaviour.onIncomingLink) return this.#behaviour.onIncomingLink(link);
    link.accept({
      window: this.#behaviour.window ?? 100,
      handler: {
        onTransfer: (delivery) => {
          this.deliveries.push(delivery);
          if (this.#behaviour.onTransfer) this.#behaviour.onTransfer(delivery);
          else delivery.settle({ state: 'accepted' });
        },
        onDetach: (error, closed) => this.#behaviour.onLinkEnd?.(error, closed),
      },
    });
  }

  onOutgoingLink(link: OutgoingLink): void {
    this.outgoing.push(link);
    if (this.#behaviour.onOutgoingLink) return this.#behaviour.onOutgoingLink(link);
    link.accept({
      handler: {
        onCredit: (l) => this.#behaviour.onCredit?.(l),
        onDetach: (error, closed) => this.#behaviour.onLinkEnd?.(error, closed),
      },
    });
  }

  onOutput(): void {
    queueMicrotask(() => this.connection.flush(this.#write));
  }

  onClosed(error: AmqpError | undefined, by: 'peer' | 'us'): void {
    this.closed = { error, by };
    this.#behaviour.onClosed?.(error, by);
  }
}

export interface Loopback {
  readonly owners: readonly TestOwner[];
  readonly client: RheaConnection;
  close(): Promise<void>;
}

/** A rhea client connected over loopback to engines of ours, one per connection. */
export async function withRhea(
  behaviour: Behaviour = {},
  engine: Partial<EngineOptions> = {},
  client: Partial<ConnectionOptions> = {},
): Promise<Loopback> {
  const owners: TestOwner[] = [];
  const server: Server = createServer((socket) => {
    const owner = new TestOwner(
      {
        ...behaviour,
        onClosed: (error, by) => {
          behaviour.onClosed?.(error, by);
          setImmediate(() => {
            owner.connection.flush((chunk) => socket.write(chunk));
            socket.end();
          });
        },
      },
      engine,
      (chunk) => {
        if (socket.writable) socket.write(chunk);
      },
    );
    owners.push(owner);
    socket.on('data', (chunk) => owner.connection.receive(chunk));
    socket.on('close', () => owner.connection.disconnected());
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const container = rhea.create_container();
  container.on('disconnected', () => undefined);
  container.on('error', () => undefined);
  const connection = container.connect({
    connection_details: () => ({
      port,
      host: '127.0.0.1',
      connect: (p: number, h: string, _o: object, done: () => void) => connect(p, h, done),
    }),
    reconnect: false,
    username: 'anonymous',
    ...client,
  } as unknown as ConnectionOptions);
  return {
    owners,
    client: connection,
    close: async () => {
      connection.close();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        setImmediate(() => (connection as unknown as { socket: { destroy(): void } }).socket.destroy());
      });
    },
  };
}

/** Resolves with the event's context; rejects after five seconds. */
export function event(emitter: object, name: string): Promise<EventContext> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} within 5 s`)), 5_000);
    (emitter as EventEmitter).once(name, (context: EventContext) => {
      clearTimeout(timer);
      resolve(context);
    });
  });
}

/** Waits until a condition holds, at most five seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within 5 s: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
