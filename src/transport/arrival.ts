import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** A client as its protocol gets it: all handshakes below the protocol are done. */
export interface Incoming {
  readonly stream: Duplex;
  /** Its address and port, for logs. */
  readonly peer: string;
  /** The common name of its verified certificate, where it brought one. */
  readonly identity: string | undefined;
}

/** Told of each connection that did not come as far as its protocol, once, and of trouble of the port itself. */
export type Refused = (why: string, peer: string | undefined) => void;

/** The address and port at the other end. */
export const peerOf = ({ remoteAddress, remotePort }: Socket): string => {
  const host = remoteAddress?.includes(':') ? `[${remoteAddress}]` : (remoteAddress ?? '?');
  return `${host}:${remotePort ?? '?'}`;
};

/** A connection on its way through the handshakes of TLS and WebSocket, which have one deadline together. */
export class Arrival {
  readonly socket: Socket;
  readonly peer: string;
  /** Set by the TLS handshake. */
  identity: string | undefined;
  readonly #refused: Refused;
  #timer: NodeJS.Timeout | undefined;
  #over = false;

  constructor(socket: Socket, refused: Refused) {
    this.socket = socket;
    this.peer = peerOf(socket);
    this.#refused = refused;
  }

  /** @param within ms from now to `done` */
  expect(within: number): void {
    this.#timer = setTimeout(() => this.refuse('its handshake was not done in time'), within);
    this.socket.once('close', () => {
      clearTimeout(this.#timer);
      // node tells right after this why a handshake failed
      setImmediate(() => {
        // a probe that connects and leaves has done nothing wrong
        if (this.socket.bytesRead > 0) this.report('it left before its handshake was done');
        this.done();
      });
    });
  }

  /** Whether it has been taken, or refused. */
  get over(): boolean {
    return this.#over;
  }

  /** It has come to its protocol. */
  done(): void {
    this.#over = true;
    clearTimeout(this.#timer);
  }

  /** Tells why it is not taken, if nobody has told yet; closing it is the caller's part. */
  report(why: string): void {
    if (this.#over) return;
    this.done();
    this.#refused(why, this.peer);
  }

  refuse(why: string): void {
    this.report(why);
    this.socket.destroy();
  }

  /** It broke the rules of a layer below its protocol after it had been taken; that layer closes it. */
  misbehaved(why: string): void {
    this.#refused(why, this.peer);
  }
}

/** What takes an arrival one handshake further. */
export type Step = (arrival: Arrival, stream: Duplex) => void;
