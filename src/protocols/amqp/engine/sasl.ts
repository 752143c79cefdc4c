import { isUtf8 } from 'node:buffer';
import { descriptor } from '../codec/codes.ts';
import type { Cursor } from '../codec/cursor.ts';
import type { ConnectionHandler } from './api.ts';
import {
  readSaslInit,
  readSaslText,
  writeSaslMechanisms,
  writeSaslOutcome,
  writeSaslText,
} from './frames/sasl.ts';
import type { FrameOutput } from './output.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import type { AuthenticationRequest, SaslMechanism } from './sasl-types.ts';
import { ScramExchange } from './scram.ts';

/** How it ended: who the peer is (undefined: anonymous), or that it was refused. */
export type SaslResult = { readonly ok: true; readonly user: string | undefined } | { readonly ok: false };

/** What SASL needs of its connection. */
export interface SaslConnection extends FrameOutput {
  readonly handler: Pick<ConnectionHandler, 'authenticate' | 'scramCredential'>;
}

/** The server's side of SASL on one connection (§5.3). Each step may have to wait for the owner. */
export class SaslServer {
  readonly #connection: SaslConnection;
  readonly #mechanisms: readonly SaslMechanism[];
  readonly #identity: string | undefined;
  #scram: ScramExchange | undefined;
  #hostname: string | undefined;
  #begun = false;

  /** @param identity who EXTERNAL stands for */
  constructor(
    connection: SaslConnection,
    mechanisms: readonly SaslMechanism[],
    identity: string | undefined,
  ) {
    this.#connection = connection;
    this.#mechanisms = mechanisms;
    this.#identity = identity;
  }

  start(): void {
    writeSaslMechanisms(this.#connection.beginFrame(0, 1), this.#mechanisms);
    this.#connection.output.endFrame();
  }

  /**
   * Takes the body of one SASL frame.
   * @returns the result, undefined where the peer must say more, or a promise of these
   * @throws ProtocolError, DecodeError
   */
  receive(cursor: Cursor): SaslResult | undefined | Promise<SaslResult | undefined> {
    const kind = cursor.descriptor();
    if (kind === descriptor.saslInit && !this.#begun) {
      this.#begun = true;
      const init = readSaslInit(cursor);
      this.#hostname = init.hostname;
      return this.#init(init.mechanism, init.response ?? Buffer.alloc(0));
    }
    if (kind === descriptor.saslResponse && this.#scram)
      return this.#verify(this.#scram, readSaslText(cursor));
    throw new ProtocolError(condition.notAllowed, 'this SASL frame is not due');
  }

  #init(name: string, response: Buffer): SaslResult | undefined | Promise<SaslResult | undefined> {
    const mechanism = this.#mechanisms.find((offered) => offered === name);
    const hostname = this.#hostname;
    switch (mechanism) {
      case undefined:
        return this.#finish(false, undefined);
      case 'ANONYMOUS':
        return this.#ask({ mechanism, hostname }, undefined);
      case 'EXTERNAL': {
        const authorizationId = text(response);
        return this.#ask({ mechanism, hostname, authorizationId }, authorizationId || this.#identity);
      }
      case 'PLAIN': {
        const parts = text(response).split('\0');
        if (parts.length !== 3) return this.#finish(false, undefined);
        const [authorizationId, username, password] = parts as [string, string, string];
        return this.#ask({ mechanism, hostname, username, password, authorizationId }, username);
      }
      case 'SCRAM-SHA-256':
        return this.#challenge(response);
    }
  }

  #ask(
    request: AuthenticationRequest,
    user: string | undefined,
    additional?: Buffer,
  ): SaslResult | Promise<SaslResult> {
    const answer = this.#connection.handler.authenticate(request);
    if (typeof answer === 'boolean') return this.#finish(answer, user, additional);
    return answer.then(
      (ok) => this.#finish(ok, user, additional),
      () => this.#finish(false, user, undefined, 4),
    );
  }

  #challenge(response: Buffer): SaslResult | undefined | Promise<SaslResult | undefined> {
    let scram: ScramExchange;
    try {
      scram = new ScramExchange(text(response));
    } catch {
      return this.#finish(false, undefined);
    }
    const send = (credential: Parameters<ScramExchange['challenge']>[0]): undefined => {
      this.#scram = scram;
      writeSaslText(
        this.#connection.beginFrame(0, 1),
        descriptor.saslChallenge,
        Buffer.from(scram.challenge(credential)),
      );
      this.#connection.output.endFrame();
    };
    const found = this.#connection.handler.scramCredential?.(scram.username);
    if (!(found instanceof Promise)) return send(found);
    return found.then(send, () => this.#finish(false, undefined, undefined, 4));
  }

  #verify(scram: ScramExchange, response: Buffer): SaslResult | Promise<SaslResult> {
    this.#scram = undefined;
    const final = scram.verify(text(response));
    if (final === undefined) return this.#finish(false, undefined);
    const { username } = scram;
    const request = { mechanism: 'SCRAM-SHA-256', hostname: this.#hostname, username } as const;
    return this.#ask(request, username, Buffer.from(final));
  }

  #finish(ok: boolean, user: string | undefined, additional?: Buffer, failure = 1): SaslResult {
    writeSaslOutcome(this.#connection.beginFrame(0, 1), ok ? 0 : failure, ok ? additional : undefined);
    this.#connection.output.endFrame();
    return ok ? { ok, user } : { ok };
  }
}

function text(bytes: Buffer): string {
  if (!isUtf8(bytes)) throw new ProtocolError(condition.decode, 'a SASL response is not valid UTF-8');
  return bytes.toString();
}
