import { Cursor } from '../codec/cursor.ts';
import { FrameReader, frameBody, frameSize } from './frame-reader.ts';
import {
  amqpHeader,
  maxSaslFrame,
  saslHeader,
  type ConnectionHandshake,
  type HandshakeConnection,
} from './handshake.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import { SaslClient, type Login } from './sasl-client.ts';

/** What a server may send while we reckon our answer; nothing is due then. */
const maxHeld = 16 * 1024;

/** A connection that we have dialled, until both sides may speak AMQP: protocol headers (§2.2) and SASL (§5.3). */
export class ClientHandshake implements ConnectionHandshake {
  readonly #connection: HandshakeConnection;
  readonly #reader = new FrameReader();
  readonly #sasl: SaslClient | undefined;
  #step: 'sasl header' | 'sasl' | 'amqp header';
  #waiting = false;
  #held: Buffer[] = [];
  #heldBytes = 0;
  readonly user: string | undefined;

  /** @param login undefined: without SASL */
  constructor(connection: HandshakeConnection, login: Login | undefined) {
    this.#connection = connection;
    this.#sasl = login && new SaslClient(connection, login);
    this.#step = login ? 'sasl header' : 'amqp header';
  }

  get state(): 'header' | 'sasl' {
    return this.#step === 'sasl' ? 'sasl' : 'header';
  }

  /** Writes the first protocol header. */
  start(): void {
    this.#write(this.#sasl ? saslHeader : amqpHeader);
  }

  feed(chunk: Buffer): void {
    if (this.#waiting) return this.#hold(chunk);
    this.#reader.feed(chunk, this.#connection);
    const rest = this.#reader.takeRest();
    if (rest && this.#waiting) this.#hold(rest);
  }

  #hold(chunk: Buffer): void {
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > maxHeld)
      throw new ProtocolError(condition.limit, 'too much was sent during authentication');
    this.#held.push(chunk);
  }

  sizeOf(buffer: Buffer, pos: number): number {
    return this.#step === 'sasl' ? frameSize(buffer, pos, maxSaslFrame) : 8;
  }

  onFrame(buffer: Buffer, pos: number, end: number): boolean {
    if (this.#step !== 'sasl') this.#onHeader(buffer.subarray(pos, end));
    else {
      const body = frameBody(buffer, pos, end, 1);
      const entered = this.#sasl!.receive(new Cursor(buffer, body, end));
      if (entered instanceof Promise) this.#await(entered);
      else if (entered) this.#entered();
    }
    return !this.#waiting && this.#connection.state !== 'closed';
  }

  #onHeader(header: Buffer): void {
    if (!header.equals(this.#step === 'sasl header' ? saslHeader : amqpHeader))
      throw new ProtocolError(condition.framing, this.#unexpected(header));
    if (this.#step === 'sasl header') this.#step = 'sasl';
    else this.#connection.begin();
  }

  #unexpected(header: Buffer): string {
    if (header.equals(amqpHeader)) return 'the server does without SASL';
    if (header.equals(saslHeader)) return 'the server asks for SASL';
    if (header.toString('latin1', 0, 4) === 'AMQP')
      return `the server speaks another version of AMQP (${header.toString('hex', 4)})`;
    return `the server does not speak AMQP: it begins with ${header.toString('hex')}`;
  }

  #entered(): void {
    this.#step = 'amqp header';
    this.#write(amqpHeader);
  }

  #await(entered: Promise<boolean>): void {
    this.#waiting = true;
    const on = (action: () => void): void => {
      if (this.#connection.state === 'closed') return;
      this.#waiting = false;
      this.#connection.guard(() => {
        action();
        const held = this.#held;
        this.#held = [];
        this.#heldBytes = 0;
        for (const chunk of held) this.feed(chunk);
      });
    };
    entered.then(
      (yes) => on(() => (yes ? this.#entered() : undefined)),
      (error: unknown) =>
        on(() => {
          throw error;
        }),
    );
  }

  #write(header: Buffer): void {
    this.#connection.wake();
    this.#connection.output.bytes(header);
  }
}
