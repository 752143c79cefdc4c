import { setTimeout as pause } from 'node:timers/promises';
import { Redelivery } from '../../../client/redelivery.ts';
import type { Intake, Log, Source } from '../../../core/protocol.ts';
import type { RateLimitedLog } from '../../../core/rate-limited-log.ts';
import type { Addresses } from './addresses.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { AmqpClientConfig } from './config.ts';
import { Receiver } from './receiver.ts';

/** Receives what the routes read, over one link for each of their patterns. */
export class AmqpSource implements Source {
  readonly #config: AmqpClientConfig;
  readonly #addresses: Addresses;
  readonly #log: Log;
  readonly #limited: RateLimitedLog;
  readonly #worked: () => void;
  #receivers: readonly Receiver[] = [];
  #redelivery: Redelivery | undefined;
  #connection: BrokerConnection | undefined;

  /** @param worked is told when the broker has given us a message */
  constructor(
    config: AmqpClientConfig,
    addresses: Addresses,
    log: Log,
    limited: RateLimitedLog,
    worked: () => void,
  ) {
    this.#config = config;
    this.#addresses = addresses;
    this.#log = log;
    this.#limited = limited;
    this.#worked = worked;
  }

  /** Why messages cannot come, or why one is held. */
  get trouble(): string | undefined {
    for (const { trouble } of this.#receivers) if (trouble !== undefined) return trouble;
    return this.#redelivery?.trouble;
  }

  /** Whether every link stands. */
  get attached(): boolean {
    return this.#receivers.every(({ attached }) => attached);
  }

  /** Resolves once the broker has answered, within `connect_timeout`; at once while there is no connection. */
  async start(intake: Intake): Promise<void> {
    this.#redelivery = new Redelivery(intake, this.#log);
    const patterns = [
      ...new Map(intake.patterns.map((each) => [this.#addresses.linkName(each), each])).values(),
    ];
    const { window, max_message } = this.#config;
    this.#receivers = patterns.map(
      (pattern) =>
        new Receiver({
          pattern,
          addresses: this.#addresses,
          window: Math.max(1, Math.floor(window / patterns.length)),
          maxMessage: max_message,
          redelivery: this.#redelivery!,
          log: this.#limited,
          worked: this.#worked,
        }),
    );
    const connection = this.#connection;
    if (!connection) return;
    for (const receiver of this.#receivers) receiver.connected(connection);
    const waiting = new AbortController();
    await Promise.race([
      Promise.all(this.#receivers.map((receiver) => receiver.decided())),
      connection.closed,
      pause(this.#config.connect_timeout, undefined, { signal: waiting.signal }).catch(() => undefined),
    ]);
    waiting.abort();
  }

  async stop(): Promise<void> {
    for (const receiver of this.#receivers) receiver.stop();
    await this.#redelivery?.stop();
    for (const receiver of this.#receivers) receiver.detach();
    this.#connection?.flush();
  }

  connected(connection: BrokerConnection): void {
    this.#connection = connection;
    for (const receiver of this.#receivers) receiver.connected(connection);
  }

  disconnected(): void {
    this.#connection = undefined;
    for (const receiver of this.#receivers) receiver.disconnected();
  }

  /** Takes nothing more; what is unsettled the broker gives again. */
  close(): void {
    for (const receiver of this.#receivers) receiver.stop();
    void this.#redelivery?.stop();
  }
}
