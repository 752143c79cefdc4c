import { Cursor } from '../codec/cursor.ts';
import type { AmqpError, ConnectionState } from './api.ts';
import { FrameReader, frameBody, frameSize, type FrameSink } from './frame-reader.ts';
import type { Limits } from './limits.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import type { AuthenticationRequest } from './sasl-types.ts';
import { SaslServer, type SaslConnection, type SaslResult } from './sasl.ts';

export const amqpHeader = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1');
export const saslHeader = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1');

/** §5.3 allows SASL frames of 512 bytes; tokens used as passwords are larger. */
export const maxSaslFrame = 16 * 1024;
/** What a peer may send ahead while its credentials are being checked. */
const maxHeld = 256 * 1024;

/** What the handshake needs of its connection, which takes the bytes over once it has begun. */
export interface HandshakeConnection extends SaslConnection, FrameSink {
  readonly limits: Limits;
  readonly state: ConnectionState;
  /** SASL and protocol headers are done: frames follow. */
  begin(): void;
  /** Runs what the peer's bytes cause; what it did wrong ends the connection. */
  guard(action: () => void): void;
  /** Output is due. */
  wake(): void;
  close(error: AmqpError): void;
  /** Ends it without a close frame, which nobody would understand yet. */
  finish(error: AmqpError, by: 'us'): void;
}

/** A connection's bytes until AMQP's own frames follow, seen from either side. */
export interface ConnectionHandshake extends FrameSink {
  readonly state: 'header' | 'sasl';
  /** Who the peer has proved to be. */
  readonly user: string | undefined;
  /** All bytes of the connection, which come back as the frames of the connection. */
  feed(chunk: Buffer): void;
}

/**
 * A connection's bytes, until it is known who sends them: protocol headers (§2.2) and SASL (§5.3). While the owner
 * makes up its mind, what the peer has sent ahead (a pipelined open …) waits here.
 */
export class Handshake implements ConnectionHandshake {
  readonly #connection: HandshakeConnection;
  readonly #reader = new FrameReader();
  #sasl: SaslServer | undefined;
  #authenticated = false;
  #waiting = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  user: string | undefined;

  constructor(connection: HandshakeConnection) {
    this.#connection = connection;
  }

  get state(): 'header' | 'sasl' {
    return this.#sasl && !this.#authenticated ? 'sasl' : 'header';
  }

  feed(chunk: Buffer): void {
    if (this.#waiting) return this.#hold(chunk);
    this.#reader.feed(chunk, this.#connection);
    const rest = this.#reader.takeRest();
    if (rest && this.#connection.state !== 'closed') this.#hold(rest);
  }

  #hold(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > maxHeld)
      throw new ProtocolError(condition.limit, 'too much was sent ahead of authentication');
    this.#held.push(chunk);
  }

  sizeOf(buffer: Buffer, pos: number): number {
    return this.state === 'header' ? 8 : frameSize(buffer, pos, maxSaslFrame);
  }

  /** A protocol header or SASL frame; false where what follows must wait. */
  onFrame(buffer: Buffer, pos: number, end: number): boolean {
    if (this.state === 'header') this.#onHeader(buffer.subarray(pos, end));
    else {
      const body = frameBody(buffer, pos, end, 1);
      this.#await(this.#sasl!.receive(new Cursor(buffer, body, end)), (result) => this.#onResult(result));
    }
    return !this.#waiting && this.#connection.state !== 'closed';
  }

  #onHeader(header: Buffer): void {
    const { limits } = this.#connection;
    if (header.equals(saslHeader) && !this.#sasl) {
      this.#write(saslHeader);
      this.#sasl = new SaslServer(this.#connection, limits.mechanisms, limits.identity);
      return this.#sasl.start();
    }
    const claim = impliedClaim(limits);
    if (header.equals(amqpHeader) && this.#authenticated) return this.#begin();
    if (header.equals(amqpHeader) && claim)
      return this.#await(this.#connection.handler.authenticate(claim), (ok) => {
        if (!ok) return this.#refuse();
        if (claim.mechanism === 'EXTERNAL') this.user = limits.identity;
        this.#begin();
      });
    // What we would have spoken (§2.2); then the connection ends.
    this.#write(this.#authenticated || claim ? amqpHeader : saslHeader);
    throw new ProtocolError(
      condition.framing,
      `protocol header ${header.toString('hex')} is not the one that is due`,
    );
  }

  #begin(): void {
    this.#write(amqpHeader);
    this.#connection.begin();
  }

  #refuse(): void {
    this.#begin();
    this.#connection.close({ condition: condition.unauthorized, description: 'the peer is not allowed in' });
  }

  #onResult(result: SaslResult | undefined): void {
    if (!result) return;
    if (!result.ok)
      return this.#connection.finish(
        { condition: condition.unauthorized, description: 'SASL authentication failed' },
        'us',
      );
    this.user = result.user;
    this.#authenticated = true;
  }

  #write(header: Buffer): void {
    this.#connection.wake();
    this.#connection.output.bytes(header);
  }

  /** Goes on with the answer, now or once it is there; what comes meanwhile is held. */
  #await<T>(answer: T | Promise<T>, go: (answer: T) => void): void {
    if (!(answer instanceof Promise)) return go(answer);
    this.#waiting = true;
    const on = (action: () => void): void => {
      if (this.#connection.state === 'closed') return;
      this.#waiting = false;
      this.#connection.guard(() => {
        action();
        this.#resume();
      });
    };
    answer.then(
      (value) => on(() => go(value)),
      (error: unknown) =>
        on(() => {
          throw error;
        }),
    );
  }

  #resume(): void {
    const held = this.#held;
    this.#held = [];
    this.#heldBytes = 0;
    for (const chunk of held) {
      if (this.#connection.state === 'closed') return;
      this.feed(chunk);
    }
  }
}

/** What a peer that skips SASL claims by that; undefined where it may not skip it. */
function impliedClaim({ requireSasl, mechanisms, identity }: Limits): AuthenticationRequest | undefined {
  const hostname = undefined;
  if (requireSasl) return undefined;
  if (identity !== undefined && mechanisms.includes('EXTERNAL'))
    return { mechanism: 'EXTERNAL', hostname, authorizationId: '' };
  return mechanisms.includes('ANONYMOUS') ? { mechanism: 'ANONYMOUS', hostname } : undefined;
}
