import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { ScramCredential } from './sasl-types.ts';

const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest();
const hmac = (key: Uint8Array, data: string): Buffer => createHmac('sha256', key).update(data).digest();

/** What to store of a password (RFC 5802 §3). Takes tens of milliseconds on purpose: not for the message path. */
export function scramCredential(
  password: string,
  salt: Uint8Array = randomBytes(16),
  iterations = 4096,
): ScramCredential {
  const salted = pbkdf2Sync(password.normalize('NFKC'), salt, iterations, 32, 'sha256');
  return {
    salt,
    iterations,
    storedKey: sha256(hmac(salted, 'Client Key')),
    serverKey: hmac(salted, 'Server Key'),
  };
}

/** An unknown user gets a challenge all the same, always the same one, so that the answer does not tell who exists. */
const decoySecret = randomBytes(32);

function decoy(username: string): ScramCredential {
  const salt = hmac(decoySecret, username).subarray(0, 16);
  return { salt, iterations: 4096, storedKey: randomBytes(32), serverKey: randomBytes(32) };
}

/** The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
export class ScramExchange {
  readonly username: string;
  /** What the client must repeat: that it knows of no channel binding, and acts as itself. */
  readonly #channelBinding: string;
  readonly #clientFirstBare: string;
  readonly #clientNonce: string;
  #nonce = '';
  #serverFirst = '';
  #credential: ScramCredential | undefined;
  #known = false;

  /** @throws Error for a malformed client-first-message */
  constructor(clientFirst: string) {
    const found = /^([ny],,)(n=([^,]*),r=([\x21-\x2b\x2d-\x7e]+)(?:,.*)?)$/.exec(clientFirst);
    if (!found) throw new Error('the first SCRAM message is malformed, or asks for what is not offered');
    this.#channelBinding = Buffer.from(found[1]!).toString('base64');
    this.#clientFirstBare = found[2]!;
    this.username = found[3]!.replaceAll('=2C', ',').replaceAll('=3D', '=');
    this.#clientNonce = found[4]!;
  }

  /** The server-first-message. */
  challenge(credential: ScramCredential | undefined, nonce = randomBytes(18).toString('base64')): string {
    this.#known = credential !== undefined;
    this.#credential = credential ?? decoy(this.username);
    this.#nonce = this.#clientNonce + nonce;
    const salt = Buffer.from(this.#credential.salt).toString('base64');
    this.#serverFirst = `r=${this.#nonce},s=${salt},i=${this.#credential.iterations}`;
    return this.#serverFirst;
  }

  /** Checks the client-final-message: the server-final-message, or undefined where the proof is wrong. */
  verify(clientFinal: string): string | undefined {
    const found = /^(c=([A-Za-z0-9+/=]+),r=([^,]+)(?:,[^,]*)*),p=([A-Za-z0-9+/=]+)$/.exec(clientFinal);
    if (!found || found[2] !== this.#channelBinding || found[3] !== this.#nonce) return undefined;
    const { storedKey, serverKey } = this.#credential!;
    const message = `${this.#clientFirstBare},${this.#serverFirst},${found[1]!}`;
    const signature = hmac(storedKey, message);
    const proof = Buffer.from(found[4]!, 'base64');
    if (proof.length !== signature.length) return undefined;
    for (let i = 0; i < proof.length; i++) proof[i]! ^= signature[i]!;
    const right = timingSafeEqual(sha256(proof), storedKey);
    return right && this.#known ? `v=${hmac(serverKey, message).toString('base64')}` : undefined;
  }
}
