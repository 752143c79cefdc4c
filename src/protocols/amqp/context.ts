import type { Exchange } from '../../broker/exchange.ts';
import type { RateLimitedLog } from '../../core/rate-limited-log.ts';
import type { Authenticator } from './authentication.ts';
import type { AmqpListenerConfig } from './config.ts';
import type { MessageEncoder } from './message-encoder.ts';
import type { Nodes } from './nodes.ts';

/** What the connections and links of one listener share. */
export interface ListenerContext {
  readonly name: string;
  readonly config: AmqpListenerConfig;
  readonly login: Authenticator;
  readonly exchange: Exchange;
  readonly nodes: Nodes;
  readonly encoder: MessageEncoder;
  readonly intake: OpenDeliveries;
  readonly log: RateLimitedLog;
}

/** Counts messages taken from peers and not yet settled with them, for an orderly stop. */
export class OpenDeliveries {
  #count = 0;
  #stopping = false;
  #idle: (() => void)[] = [];

  /** Whether new messages are to be released. */
  get stopping(): boolean {
    return this.#stopping;
  }

  begin(): void {
    this.#count++;
  }

  end(): void {
    if (--this.#count > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** From now on nothing new is taken; resolves once all that was taken is settled. */
  stop(): Promise<void> {
    this.#stopping = true;
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}
