import { ScramClient } from '../../../client/scram-client.ts';
import { descriptor } from '../codec/codes.ts';
import type { Cursor } from '../codec/cursor.ts';
import {
  readSaslMechanisms,
  readSaslOutcome,
  readSaslText,
  writeSaslInit,
  writeSaslText,
} from './frames/sasl.ts';
import type { FrameOutput } from './output.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import type { SaslMechanism } from './sasl-types.ts';

/** Who we are to a server. */
export interface Login {
  /** Those we would use, the best first. */
  readonly mechanisms: readonly SaslMechanism[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The server as we know it, which may have several names. */
  readonly hostname: string | undefined;
}

const refused = (description: string): ProtocolError =>
  new ProtocolError(condition.unauthorized, description);

/** The client's side of SASL on one connection (§5.3). */
export class SaslClient {
  readonly #connection: FrameOutput;
  readonly #login: Login;
  #mechanism: SaslMechanism | undefined;
  #scram: ScramClient | undefined;
  #proven = false;

  constructor(connection: FrameOutput, login: Login) {
    this.#connection = connection;
    this.#login = login;
  }

  /**
   * Takes the body of one SASL frame.
   * @returns whether the server has let us in
   * @throws ProtocolError `amqp:unauthorized-access` where it has not, or must not be trusted; DecodeError
   */
  receive(cursor: Cursor): boolean | Promise<boolean> {
    const kind = cursor.descriptor();
    if (kind === descriptor.saslMechanisms && !this.#mechanism)
      return this.#begin(readSaslMechanisms(cursor));
    if (kind === descriptor.saslChallenge && this.#mechanism) return this.#answer(readSaslText(cursor));
    if (kind === descriptor.saslOutcome && this.#mechanism) {
      const { code, additional } = readSaslOutcome(cursor);
      if (code === 1) throw refused(`the credentials were refused (SASL ${this.#mechanism})`);
      if (code !== 0) throw refused(`authentication failed at the server, which says code ${code}`);
      if (additional && this.#scram?.proves(additional.toString())) this.#proven = true;
      if (this.#scram && !this.#proven) throw refused('the server does not prove that it knows the password');
      return true;
    }
    throw new ProtocolError(condition.notAllowed, 'this SASL frame is not due');
  }

  #begin(offered: readonly string[]): false {
    const { mechanisms, hostname } = this.#login;
    const mechanism = mechanisms.find((each) => offered.includes(each));
    if (!mechanism)
      throw refused(
        `no way to log in: we would use ${mechanisms.join(' or ')}, but offered is ${offered.join(', ').slice(0, 200) || 'nothing'}`,
      );
    this.#mechanism = mechanism;
    writeSaslInit(this.#connection.beginFrame(0, 1), mechanism, this.#response(mechanism), hostname);
    this.#connection.output.endFrame();
    return false;
  }

  #response(mechanism: SaslMechanism): Buffer {
    const { username = '', password = '' } = this.#login;
    switch (mechanism) {
      case 'PLAIN':
        return Buffer.from(`\0${username}\0${password}`);
      case 'SCRAM-SHA-256':
        this.#scram = new ScramClient(username.normalize('NFKC'), password.normalize('NFKC'));
        return Buffer.from(this.#scram.first);
      case 'ANONYMOUS': // a trace would tell who we are to one who did not ask
      case 'EXTERNAL': // to act as ourselves
        return Buffer.alloc(0);
    }
  }

  #answer(challenge: Buffer): false | Promise<false> {
    const scram = this.#scram;
    const text = challenge.toString();
    if (!scram) return this.#respond('');
    // Some servers send their proof as a challenge of its own, others with the outcome.
    if (text.startsWith('v=')) {
      this.#proven = scram.proves(text);
      return this.#respond('');
    }
    return scram.final(text).then(
      (final) => this.#respond(final),
      (error: Error) => {
        throw refused(error.message);
      },
    );
  }

  #respond(text: string): false {
    writeSaslText(this.#connection.beginFrame(0, 1), descriptor.saslResponse, Buffer.from(text));
    this.#connection.output.endFrame();
    return false;
  }
}
