import { ScramClient } from '../../../client/scram-client.ts';
import type { KafkaClientConfig } from '../config.ts';
import type { Connection } from './connection.ts';
import { errorName } from './error-codes.ts';
import { apiKeys, saslAuthenticate, saslHandshake } from './requests.ts';

type Credentials = NonNullable<KafkaClientConfig['sasl']>;

/** Sends a message of a SASL mechanism and returns the broker's. */
type Exchange = (message: string) => Promise<string>;

/**
 * Tells a broker who we are (SaslHandshake, then SaslAuthenticate: KIP-152, Kafka 1.0).
 * @param token gives the bearer's token, where the mechanism wants one
 * @param patience how long in ms each answer may take
 * @returns how long in ms the broker takes requests, or 0 for ever
 * @throws Error that says why not, without secrets
 */
export async function authenticate(
  connection: Connection,
  credentials: Credentials,
  token: () => Promise<string>,
  patience: number,
): Promise<number> {
  const mechanism = credentials.mechanism.toUpperCase();
  const { error, mechanisms } = await connection.request(saslHandshake(mechanism), patience);
  if (error !== 0)
    throw new Error(
      `the broker does not know the SASL mechanism ${mechanism}, but ${mechanisms.join(', ')} (${errorName(error)})`,
    );
  let lifetime = 0;
  const version = connection.versions.get(apiKeys.SaslAuthenticate) ?? 0;
  const exchange: Exchange = async (message) => {
    const answer = await connection.request(saslAuthenticate(Buffer.from(message), version), patience);
    if (answer.error !== 0)
      throw new Error(
        `SASL ${mechanism} authentication failed: ${answer.message ?? errorName(answer.error)}`,
      );
    lifetime = answer.lifetime;
    return answer.bytes.toString();
  };
  switch (credentials.mechanism) {
    case 'plain':
      await exchange(`\0${credentials.username}\0${credentials.password}`);
      break;
    case 'scram-sha-256':
    case 'scram-sha-512': {
      const hash = credentials.mechanism === 'scram-sha-256' ? 'sha256' : 'sha512';
      const scram = new ScramClient(credentials.username, credentials.password, { hash });
      const last = await exchange(await scram.final(await exchange(scram.first)));
      if (!scram.proves(last)) throw new Error('the broker does not prove that it knows the password');
      break;
    }
    case 'oauthbearer': {
      // What a broker answers is why it does not like the token (RFC 7628 §3.2.2); it fails the next message.
      const why = await exchange(`n,,\x01auth=Bearer ${await token()}\x01\x01`);
      if (why !== '') {
        await exchange('\x01');
        throw new Error(`SASL OAUTHBEARER authentication failed: ${why}`);
      }
    }
  }
  return lifetime;
}
