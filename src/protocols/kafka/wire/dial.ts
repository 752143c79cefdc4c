import { performance } from 'node:perf_hooks';
import { dial } from '../../../transport/dial.ts';
import type { KafkaClientConfig } from '../config.ts';
import { tokenSource } from '../oauth.ts';
import { authenticate } from './authenticate.ts';
import { Connection } from './connection.ts';
import { errorName } from './error-codes.ts';
import { apiKeys, apiVersions } from './requests.ts';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export const textOf = ({ host, port }: Address): string => `${host}:${port}`;

/** Connects to a broker of the cluster and logs in. @throws Error that says why it cannot, without secrets */
export type Dial = (address: Address, signal: AbortSignal) => Promise<Connection>;

/** How the brokers of one cluster are dialled. */
export function dialerOf({ client_id, tls, sasl, timeout }: KafkaClientConfig): Dial {
  const patience = Math.min(5000, timeout);
  const token =
    sasl?.mechanism === 'oauthbearer'
      ? tokenSource(sasl)
      : () => Promise.reject(new Error('no token is wanted'));
  return async (address, signal) => {
    const carrier = tls === false ? 'tcp' : 'tls';
    const at = textOf(address);
    const socket = await dial(
      { ...address, carrier, text: at, path: '' },
      { tls: typeof tls === 'object' ? tls : undefined, timeout: patience, subprotocols: [] },
    );
    const connection = new Connection(socket, at, client_id);
    const abort = (): void => void connection.end('the endpoint is closing');
    signal.addEventListener('abort', abort);
    void connection.closed.then(() => signal.removeEventListener('abort', abort));
    if (signal.aborted) abort();
    try {
      // It waits in the socket until that is connected and, where it must be, secure.
      const { error, versions } = await connection.request(apiVersions, patience);
      if (error !== 0) throw new Error(`broker ${at} does not tell what it speaks (${errorName(error)})`);
      if ((versions.get(apiKeys.Produce) ?? 0) < 3)
        throw new Error(`broker ${at} is older than Kafka 0.11, which is the oldest that we can write to`);
      connection.versions = versions;
      if (sasl) {
        const lifetime = await authenticate(connection, sasl, token, patience);
        // Sooner than the broker (KIP-368), which ends a connection that is used for longer.
        if (lifetime > 0) connection.expiresAt = performance.now() + lifetime * 0.8;
      }
      return connection;
    } catch (error) {
      connection.end(error instanceof Error ? error.message : String(error));
      throw error;
    }
  };
}
