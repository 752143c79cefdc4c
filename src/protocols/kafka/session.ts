import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import {
  Kafka,
  logLevel,
  type ISocketFactory,
  type KafkaConfig,
  type logCreator,
  type SASLOptions,
} from 'kafkajs';
import type { Log } from '../../core/protocol.ts';
import { secureOptions, withoutUndefined } from '../../transport/tls.ts';
import type { KafkaClientConfig } from './config.ts';
import { oauthBearer } from './oauth.ts';

/**
 * One use of kafkajs, thrown away at the first sign of trouble. kafkajs keeps a failed topic in every later metadata
 * request, and mends a lost connection only when it is next used; a fresh client has neither habit. Its sockets are
 * ours, so that a lost connection shows at once and none is left behind.
 */
export class Session {
  readonly kafka: Kafka;
  /** Resolves when its last connection is gone. */
  readonly lost: Promise<void>;
  readonly #sockets = new Set<Socket>();
  #onLost!: () => void;
  #closed = false;

  constructor(config: KafkaClientConfig, log: Log) {
    this.lost = new Promise((resolve) => (this.#onLost = resolve));
    this.kafka = new Kafka({
      clientId: config.client_id,
      brokers: [...config.brokers],
      ...security(config),
      connectionTimeout: Math.min(3000, config.timeout),
      authenticationTimeout: Math.min(5000, config.timeout),
      requestTimeout: Math.ceil(config.timeout / 2),
      retry: { retries: 0 }, // we retry, with our own back-off and a fresh session where one is needed
      socketFactory: this.#connect,
      logLevel: logLevel.WARN,
      logCreator: toDebugLog(log),
    });
  }

  /** Ends every connection, and with them all requests that kafkajs still waits for. Idempotent. */
  close(): void {
    this.#closed = true;
    // With an error, because kafkajs does not listen to `close`.
    for (const socket of this.#sockets) socket.destroy(new Error('the session is over'));
    this.#onLost();
  }

  readonly #connect: ISocketFactory = ({ host, port, ssl, onConnect }) => {
    const socket = ssl
      ? connectTls({ host, port, ...secureOptions(undefined, host), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect);
    socket.setNoDelay(true);
    socket.setKeepAlive(true, 15_000);
    this.#sockets.add(socket);
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onLost();
    });
    if (this.#closed) setImmediate(() => socket.destroy(new Error('the session is over')));
    return socket;
  };
}

function security({ tls, sasl }: KafkaClientConfig): Pick<KafkaConfig, 'ssl' | 'sasl'> {
  return {
    ...(tls === false ? undefined : { ssl: tls === true ? true : withoutUndefined(tls) }),
    ...(sasl && { sasl: sasl.mechanism === 'oauthbearer' ? oauthBearer(sasl) : (sasl as SASLOptions) }),
  };
}

/** kafkajs reports every attempt as an error; what an operator must know is said by the endpoint itself. */
const toDebugLog =
  (log: Log): logCreator =>
  () =>
  ({ namespace, log: { message } }) =>
    log.debug({ part: namespace }, message);
