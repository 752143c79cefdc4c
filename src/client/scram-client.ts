import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(pbkdf2);

export type ScramHash = 'sha256' | 'sha512';
const lengths = { sha256: 32, sha512: 64 } as const satisfies Record<ScramHash, number>;

/** More than any server asks for; what a hostile one asks for must end. */
const maxIterations = 2_000_000;

/**
 * The client's half of SCRAM (RFC 5802, RFC 7677), without channel binding. Names and passwords are taken as they are:
 * whether they are normalised (RFC 4013) is the protocol's affair.
 */
export class ScramClient {
  /** The client-first-message. */
  readonly first: string;
  readonly #password: string;
  readonly #nonce: string;
  readonly #hash: ScramHash;
  #serverSignature: Buffer | undefined;

  constructor(
    username: string,
    password: string,
    {
      hash = 'sha256',
      nonce = randomBytes(18).toString('base64'),
    }: { hash?: ScramHash; nonce?: string } = {},
  ) {
    this.#password = password;
    this.#nonce = nonce;
    this.#hash = hash;
    const name = username.replaceAll('=', '=3D').replaceAll(',', '=2C');
    this.first = `n,,n=${name},r=${nonce}`;
  }

  /**
   * The client-final-message.
   * @throws Error where the server's first message is not a sound answer to ours
   */
  async final(serverFirst: string): Promise<string> {
    const found = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=(\d{1,7})(?:,.*)?$/.exec(serverFirst);
    const iterations = Number(found?.[3]);
    if (!found || this.#serverSignature) throw new Error('the SCRAM challenge is malformed');
    const nonce = found[1]!;
    if (!nonce.startsWith(this.#nonce) || nonce.length === this.#nonce.length)
      throw new Error('the SCRAM challenge is not an answer to our message');
    if (iterations < 1 || iterations > maxIterations)
      throw new Error(`the SCRAM challenge asks for ${iterations} iterations`);
    const salt = Buffer.from(found[2]!, 'base64');
    const salted = await derive(this.#password, salt, iterations, lengths[this.#hash], this.#hash);
    const withoutProof = `c=biws,r=${nonce}`; // "n,,": no channel binding, no other identity
    const message = `${this.first.slice(3)},${serverFirst},${withoutProof}`;
    const clientKey = this.#hmac(salted, 'Client Key');
    const proof = this.#hmac(createHash(this.#hash).update(clientKey).digest(), message);
    for (let i = 0; i < proof.length; i++) proof[i]! ^= clientKey[i]!;
    this.#serverSignature = this.#hmac(this.#hmac(salted, 'Server Key'), message);
    return `${withoutProof},p=${proof.toString('base64')}`;
  }

  /** Whether the server-final-message proves that the server knows the password too. */
  proves(serverFinal: string): boolean {
    const found = /^v=([A-Za-z0-9+/=]+)/.exec(serverFinal);
    const signature = found && Buffer.from(found[1]!, 'base64');
    if (!signature || signature.length !== this.#serverSignature?.length) return false;
    return timingSafeEqual(signature, this.#serverSignature);
  }

  #hmac(key: Uint8Array, data: string): Buffer {
    return createHmac(this.#hash, key).update(data).digest();
  }
}
