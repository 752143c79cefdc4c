import { performance } from 'node:perf_hooks';
import type { Envelope } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import { accepted, combine, type Outcome } from '../../../core/outcome.ts';
import type { Intake } from '../../../core/protocol.ts';
import type { MqttMessage } from '../codec/message.ts';
import { Publication } from '../codec/publication.ts';
import { filterMatches } from '../codec/topics.ts';
import { toEnvelope } from '../mapping.ts';
import type { Published } from './inbound.ts';
import type { Retained } from './retained.ts';
import type { Session } from './session.ts';
import type { TopicTree } from './topic-tree.ts';

export interface ExchangeOptions {
  readonly local: boolean;
  readonly unrouted: 'accept' | 'reject';
  /** Filters of topics that no client may subscribe to. */
  readonly private: readonly string[];
}

const done: Published = { outcome: accepted, nobody: false };
const unheard: Published = { outcome: accepted, nobody: true };

/** Brings messages to the routes that read their topic and to the listener's own subscribers, at the same time. */
export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #tree: TopicTree;
  readonly #retained: Retained;
  #intake: Intake | undefined;
  #unsettled = 0;
  #unrouted = 0;
  #idle: (() => void) | undefined;

  constructor(options: ExchangeOptions, tree: TopicTree, retained: Retained) {
    this.#options = options;
    this.#tree = tree;
    this.#retained = retained;
  }

  /** How many messages nobody took. */
  get unrouted(): number {
    return this.#unrouted;
  }

  start(intake: Intake | undefined): void {
    this.#intake = intake;
  }

  /** Resolves once no client's message is unsettled. */
  async settled(): Promise<void> {
    if (this.#unsettled > 0) await new Promise<void>((resolve) => (this.#idle = resolve));
  }

  /** A client's message, or its will (`from` is then undefined). Never rejects. */
  publish(message: MqttMessage, from: Session | undefined): Published | Promise<Published> {
    const { topic } = message;
    if (topic.charCodeAt(0) === 0x24 && /^\$(SYS|share)(\/|$)/.test(topic)) return reserved(topic); // [MQTT-4.7.2-1]
    const routed =
      this.#intake?.readerOf(topic) === undefined
        ? undefined
        : this.#intake.deliver(toEnvelope(message, Date.now()));
    const local = this.#options.local ? this.#deliver(message, from) : undefined;
    if (routed === undefined) {
      if (local === undefined) return this.#nobody(topic);
      return local instanceof Promise
        ? this.#track(local)
        : local === accepted
          ? done
          : { outcome: local, nobody: false };
    }
    return this.#track(
      local === undefined || local === accepted ? routed : Promise.all([routed, local]).then(combine),
    );
  }

  /** A route's message, for subscribers and for routes that read from here. */
  async send(message: MqttMessage, envelope: Envelope): Promise<Outcome> {
    const { topic } = message;
    const routed =
      this.#intake?.readerOf(topic) === undefined
        ? undefined
        : this.#intake.deliver({ ...envelope, address: topic });
    const local = this.#deliver(message, undefined);
    if (routed === undefined && local === undefined) this.#unrouted++;
    const outcomes = await Promise.all([routed ?? accepted, local ?? accepted]);
    return combine(outcomes);
  }

  #deliver(message: MqttMessage, from: Session | undefined): Outcome | Promise<Outcome> | undefined {
    const { topic } = message;
    if (this.#options.private.some((hidden) => filterMatches(hidden, topic))) return undefined;
    const publication = new Publication(message, Date.now());
    if (message.retain) this.#retained.put(publication, Date.now());
    return this.#tree.publish(publication, from, performance.now());
  }

  async #track(outcome: Promise<Outcome>): Promise<Published> {
    this.#unsettled++;
    const settled = await outcome;
    if (--this.#unsettled === 0) this.#idle?.();
    return settled === accepted ? done : { outcome: settled, nobody: false };
  }

  #nobody(topic: string): Published {
    this.#unrouted++;
    if (this.#options.unrouted === 'accept') return unheard;
    return {
      outcome: {
        state: 'rejected',
        error: new JunctionError('no-route', `no route and no subscriber takes ${topic}`),
      },
      nobody: true,
    };
  }
}

const reserved = (topic: string): Published => ({
  outcome: {
    state: 'rejected',
    error: new JunctionError('not-authorized', `clients may not publish to ${topic}`),
  },
  nobody: false,
});
