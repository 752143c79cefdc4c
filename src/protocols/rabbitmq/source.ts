import { Redelivery } from '../../client/redelivery.ts';
import type { Intake, Log, Source } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import { queueOf } from './address.ts';
import type { RabbitClientConfig } from './config.ts';
import { Consumer, type ConsumerHost } from './consumer.ts';
import type { Wire } from './wire/wire.ts';

/** Reads the queues that routes name, each by a consumer of its own; they share the window evenly. */
export class RabbitSource implements Source {
  readonly #config: RabbitClientConfig;
  readonly #log: Log;
  readonly #warnings: RateLimitedLog;
  readonly #begin: () => void;
  /** By the address of the route. */
  readonly #queues = new Map<string, string>();
  #consumers: Consumer[] = [];
  #redelivery: Redelivery | undefined;
  #stopped = false;

  /** @param begin called once there is something to read */
  constructor(config: RabbitClientConfig, log: Log, begin: () => void) {
    this.#config = config;
    this.#log = log;
    this.#warnings = new RateLimitedLog(log);
    this.#begin = begin;
  }

  /** What is wrong though the connection stands. */
  get trouble(): string | undefined {
    for (const { trouble } of this.#consumers) if (trouble !== undefined) return trouble;
    return this.#redelivery?.trouble;
  }

  start(intake: Intake): Promise<void> {
    for (const pattern of intake.patterns) {
      const queue = queueOf(pattern);
      if (queue === undefined)
        this.#log.error(
          { address: pattern.text },
          'not read: routes read from queues of RabbitMQ, named in full',
        );
      else this.#queues.set(pattern.text, queue);
    }
    if (this.#queues.size > 0 && !this.#redelivery) {
      this.#redelivery = new Redelivery(intake, this.#log);
      this.#begin();
    }
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#consumers.map((consumer) => consumer.cancel()));
    await this.#redelivery?.stop();
    await Promise.all(this.#consumers.map((consumer) => consumer.end()));
  }

  /** Reads through this connection from now on. */
  attach(wire: Wire): void {
    if (this.#stopped) return;
    const prefetch = Math.max(1, Math.floor(this.#config.window / this.#queues.size));
    this.#consumers = [...this.#queues].map(
      ([address, queue]) =>
        new Consumer(wire, { queue, address, prefetch, maxMessage: this.#config.max_message }, this.#host),
    );
  }

  /** The connection is over. */
  detach(): void {
    for (const consumer of this.#consumers) void consumer.end();
    this.#consumers = [];
  }

  readonly #host: ConsumerHost = {
    deliver: (envelope, lost) => this.#redelivery!.deliver(envelope, lost),
    unreadable: (address, why) =>
      this.#warnings.warn(
        'unreadable',
        { address, why },
        'a message was refused to the broker, whose dead-letter policy decides what becomes of it',
      ),
    failing: (queue, why) =>
      this.#warnings.warn(
        `failing ${queue}`,
        { queue, reason: why },
        'cannot read from RabbitMQ; trying again',
      ),
  };
}
