import { performance } from 'node:perf_hooks';
import type { JunctionError } from '../../../core/errors.ts';
import { refusalOf } from '../errors.ts';
import { errorName, kafkaErrors } from '../wire/error-codes.ts';
import type { Metadata } from '../wire/requests.ts';
import type { Cluster } from './cluster.ts';
import { Topic } from './topic.ts';

/** Topics in one question, at most. */
const topicsPerQuestion = 500;

export interface TopicsOwner {
  /** A topic's partitions, or their leaders, are known now. */
  located(topic: Topic): void;
  /** The brokers allow nothing to be written to a topic. */
  refused(topic: Topic, error: JunctionError): void;
  /** Whether something waits for a partition without a leader that can be reached. */
  astray(topic: Topic): boolean;
  /** There may be something to do. */
  changed(): void;
}

/** The topics that are written to, and the questions to the brokers where their partitions are. */
export class Topics {
  readonly #cluster: Cluster;
  readonly #owner: TopicsOwner;
  readonly #topics = new Map<string, Topic>();
  /** Those of which the brokers are to be asked. */
  readonly #unsure = new Set<Topic>();
  #asking = false;
  #closed = false;

  constructor(cluster: Cluster, owner: TopicsOwner) {
    this.#cluster = cluster;
    this.#owner = owner;
  }

  get all(): Iterable<Topic> {
    return this.#topics.values();
  }

  /** The topic of this name; if it is new the brokers will be asked for it. */
  of(name: string): Topic {
    let topic = this.#topics.get(name);
    if (!topic) {
      this.#topics.set(name, (topic = new Topic(name)));
      this.#unsure.add(topic);
    }
    topic.used = true;
    return topic;
  }

  /** What is known of it may be out of date. */
  doubt(name: string): void {
    const topic = this.#topics.get(name);
    if (topic && !topic.delay) this.#unsure.add(topic);
  }

  /** Forgets a topic that was never found, for its name came from outside. */
  forget(topic: Topic): void {
    clearTimeout(topic.delay);
    this.#unsure.delete(topic);
    this.#topics.delete(topic.name);
  }

  /** Asks for what is in doubt; brokers may make what is missing. */
  locate(): void {
    if (this.#asking || this.#unsure.size === 0 || !this.#cluster.reachable) return;
    const topics = [...this.#unsure].slice(0, topicsPerQuestion);
    for (const topic of topics) this.#unsure.delete(topic);
    this.#asking = true;
    void this.#ask(topics, true).finally(() => {
      this.#asking = false;
      this.#owner.changed();
    });
  }

  /** Asks for what was written to lately, without making anything anew. */
  async refresh(): Promise<void> {
    const topics = [...this.#topics.values()].filter(({ used, known }) => used && known);
    for (const topic of topics) topic.used = false;
    for (let i = 0; i === 0 || i < topics.length; i += topicsPerQuestion)
      await this.#ask(topics.slice(i, i + topicsPerQuestion), false);
    this.#owner.changed();
  }

  close(): void {
    this.#closed = true;
    for (const topic of this.#topics.values()) clearTimeout(topic.delay);
  }

  async #ask(topics: readonly Topic[], create: boolean): Promise<void> {
    try {
      const names = topics.map(({ name }) => name);
      const found = new Map((await this.#cluster.locate(names, create)).map((each) => [each.name, each]));
      for (const topic of topics) this.#learn(topic, found.get(topic.name));
    } catch {
      // The connection is over, which the cluster mends and tells.
      if (create) for (const topic of topics) this.#unsure.add(topic);
    }
  }

  #learn(topic: Topic, found: Metadata['topics'][number] | undefined): void {
    if (this.#topics.get(topic.name) !== topic) return;
    const error = found?.error ?? kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION;
    const refusal = refusalOf(error, topic.name);
    if (found && found.partitions.length > 0) {
      topic.update(found.partitions, performance.now());
      this.#owner.located(topic);
    } else if (refusal) this.#owner.refused(topic, refusal);
    else if (error === kafkaErrors.UNKNOWN_TOPIC_OR_PARTITION) {
      topic.gone(performance.now());
      topic.trouble = 'it does not exist yet, and the brokers have not created it';
    } else topic.trouble = errorName(error);
    if (topic.queue.length > 0 || this.#owner.astray(topic)) this.#later(topic);
    else topic.backoff.reset();
  }

  /** Asks again in a while, e.g. when it has been made or has a leader. */
  #later(topic: Topic): void {
    if (this.#closed) return;
    clearTimeout(topic.delay);
    topic.delay = setTimeout(() => {
      topic.delay = undefined;
      this.#unsure.add(topic);
      this.#owner.changed();
    }, topic.backoff.next());
  }
}
