import type { ServiceError } from '@grpc/grpc-js';
import { Backoff } from '../../core/backoff.ts';
import type { RocketMqClientConfig } from './config.ts';
import { RocketMqError } from './errors.ts';
import { pollTime, tagFilter } from './identity.ts';
import type { ProxyConnection } from './proxy.ts';
import type { BrokerOfTopic } from './route.ts';
import { Code, durationOf, resource, service, type definition, type Message } from './wire.ts';

/** Messages in one answer, at most: what RocketMQ allows. */
const largestBatch = 32;
/** Requests that wait for messages at one time, at most. */
const mostPolls = 8;

export interface PollerOptions {
  readonly topic: string;
  readonly tags: string;
  readonly broker: BrokerOfTopic;
  readonly connection: ProxyConnection;
  /** Messages not settled yet, at most. */
  readonly window: number;
  /** One request at a time, because the order of several answers is not that of their messages. */
  readonly single: boolean;
  readonly take: (message: Message, poller: Poller) => void;
}

/**
 * Reads a topic from one broker. One request waits for messages at any time; while they come by the full answer there
 * are more of them. All together ask for no more than the window has room for.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #config: RocketMqClientConfig;
  readonly #calls = new Set<{ cancel(): void }>();
  readonly #backoff = new Backoff(200, 10_000);
  /** Messages asked for or not settled. */
  #reserved = 0;
  #allowed = 1;
  #pause: NodeJS.Timeout | undefined;
  #stopped = false;
  /** Why the broker gives nothing, if it does not. */
  trouble: string | undefined;

  constructor(options: PollerOptions, config: RocketMqClientConfig) {
    this.#options = options;
    this.#config = config;
  }

  /** Asks for messages as far as there is room. */
  pump(): void {
    const { window, single } = this.#options;
    // not a request for each message while the window is full
    const least = Math.min(largestBatch, Math.ceil(window / 4));
    while (!this.#stopped && !this.#pause && this.#calls.size < (single ? 1 : this.#allowed)) {
      const room = window - this.#reserved;
      if (room < least) return;
      this.#poll(Math.min(room, largestBatch));
    }
  }

  /** A message is settled: there is room for another. */
  settled(): void {
    this.#reserved--;
    this.pump();
  }

  /** Asks for nothing more; what is on its way to us comes again in its time. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#pause);
    for (const call of this.#calls) call.cancel();
  }

  #poll(batch: number): void {
    const { connection, take } = this.#options;
    const call = connection.receive(this.#request(batch), pollTime);
    this.#calls.add(call);
    this.#reserved += batch;
    let got = 0;
    let refusal: Error | undefined;
    call.on('data', (answer: service.ReceiveMessageResponse) => {
      if (answer.hasMessage()) {
        if (this.#stopped) return; // its lease runs out
        got++;
        if (got > batch) this.#reserved++; // more than were asked for
        take(answer.getMessage()!, this);
      } else if (answer.hasStatus()) refusal = connection.refusal(answer.getStatus());
    });
    const over = (error?: Error): void => {
      if (!this.#calls.delete(call)) return;
      this.#reserved -= Math.max(0, batch - got);
      if (got === batch) this.#allowed = Math.min(mostPolls, this.#allowed * 2);
      else if (got === 0) this.#allowed = 1;
      if (this.#stopped) return;
      if (error === undefined || isNothing(error)) {
        this.trouble = undefined;
        this.#backoff.reset();
        this.pump();
      } else this.#fail(error);
    };
    call.on('error', (error: ServiceError) => over(this.#stopped ? error : connection.failureOf(error)));
    call.on('end', () => over(refusal));
  }

  #fail(error: Error): void {
    this.trouble = `cannot read ${this.#options.topic}: ${error.message}`;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.pump();
    }, this.#backoff.next());
  }

  #request(batch: number): service.ReceiveMessageRequest {
    const { broker, tags } = this.#options;
    const { group, namespace, invisible } = this.#config;
    return new service.ReceiveMessageRequest()
      .setGroup(resource(group, namespace))
      .setMessageQueue(broker.queue)
      .setFilterExpression(tagFilter(tags))
      .setBatchSize(batch)
      .setLongPollingTimeout(durationOf(pollTime))
      .setInvisibleDuration(durationOf(invisible))
      .setAutoRenew(false);
  }
}

/** That there were no messages is said by a status. */
const isNothing = (error: Error): boolean =>
  error instanceof RocketMqError && (error.status as definition.Code) === Code.MESSAGE_NOT_FOUND;
