import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { AuthenticationRequest, SaslMechanism, ScramCredential } from './engine/sasl-types.ts';
import { scramCredential } from './engine/scram.ts';

export type Users = ReadonlyMap<string, string>;

const key = randomBytes(32);
const digest = (text: string): Buffer => createHmac('sha256', key).update(text).digest();

/**
 * Who may enter a listener: with users only those and clients whose certificate is verified; without, everyone.
 * `identity` is always the common name of such a certificate, or undefined.
 */
export class Authenticator {
  readonly #users: Users | undefined;
  readonly #credentials = new Map<string, ScramCredential>();

  constructor(users: Users | undefined) {
    this.#users = users;
  }

  /** Derives what SCRAM needs of each password, some milliseconds each; to be called once before clients come. */
  prepare(): void {
    for (const [name, password] of this.#users ?? [])
      if (!this.#credentials.has(name)) this.#credentials.set(name, scramCredential(password));
  }

  /** What a client is offered, strongest first. */
  mechanisms(identity: string | undefined): readonly SaslMechanism[] {
    return [
      ...(identity === undefined ? [] : (['EXTERNAL'] as const)),
      ...(this.#users ? (['SCRAM-SHA-256', 'PLAIN'] as const) : (['PLAIN', 'ANONYMOUS'] as const)),
    ];
  }

  /** Whether a client must say by SASL who it is. */
  requiresSasl(identity: string | undefined): boolean {
    return this.#users !== undefined && identity === undefined;
  }

  /** undefined for an unknown user, who gets a challenge all the same. */
  scramCredential(username: string): ScramCredential | undefined {
    return this.#credentials.get(username);
  }

  /** Decides on a claim, in a time that tells nothing of names or passwords. */
  check(request: AuthenticationRequest, identity: string | undefined): boolean {
    const users = this.#users;
    switch (request.mechanism) {
      case 'EXTERNAL':
        // Nobody may act as somebody else.
        return identity !== undefined && ['', identity].includes(request.authorizationId);
      case 'ANONYMOUS':
        return users === undefined;
      case 'SCRAM-SHA-256':
        return users?.has(request.username) ?? false; // the engine has verified the proof
      case 'PLAIN': {
        if (!users) return true;
        const known = users.get(request.username);
        const same = timingSafeEqual(digest(request.password), digest(known ?? ''));
        return known !== undefined && same && ['', request.username].includes(request.authorizationId);
      }
    }
  }
}
