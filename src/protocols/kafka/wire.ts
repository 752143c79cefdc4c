import { Partitioners, type CompressionTypes, type Producer, type TopicMessages } from 'kafkajs';
import type { Wire } from './batcher.ts';
import { compressions } from './compression.ts';
import type { KafkaClientConfig } from './config.ts';
import { classify } from './errors.ts';
import type { Session } from './session.ts';

/**
 * Two producers of one session. kafkajs asks for the metadata of every topic it has ever sent to, and fails whatever
 * is being sent when one of them has gone bad. So new topics go through a producer of their own, and an error about a
 * topic counts only where that producer has known no other.
 */
export class ProducerWire implements Wire {
  readonly broken: (reason: Error | undefined) => void;
  readonly worked: () => void;
  readonly #session: Session;
  readonly #timeout: number;
  readonly #compression: CompressionTypes;
  readonly #main: Producer;
  #scout: Producer | undefined;

  constructor(
    session: Session,
    { timeout, compression }: Pick<KafkaClientConfig, 'timeout' | 'compression'>,
    broken: (reason: Error | undefined) => void,
    worked: () => void,
  ) {
    this.#session = session;
    this.#timeout = Math.ceil(timeout / 2); // for the brokers to wait for their replicas
    this.#compression = compressions[compression];
    this.#main = this.#producer();
    this.broken = broken;
    this.worked = worked;
  }

  connect(): Promise<void> {
    return this.#main.connect();
  }

  async disconnect(): Promise<void> {
    await Promise.allSettled([this.#main.disconnect(), this.#dismiss()]);
  }

  shared(batch: TopicMessages[]): Promise<unknown> {
    return this.#main.sendBatch({
      acks: -1,
      timeout: this.#timeout,
      compression: this.#compression,
      topicMessages: batch,
    });
  }

  async alone(batch: TopicMessages): Promise<unknown> {
    if (this.#scout) {
      try {
        return await this.#send(this.#scout, batch);
      } catch (thrown) {
        await this.#dismiss();
        if (classify(thrown, batch.topic).scope !== 'topic') throw thrown;
      }
    }
    this.#scout = this.#producer();
    try {
      await this.#scout.connect();
      return await this.#send(this.#scout, batch);
    } catch (thrown) {
      await this.#dismiss();
      throw thrown;
    }
  }

  #send(producer: Producer, batch: TopicMessages): Promise<unknown> {
    return producer.send({ acks: -1, timeout: this.#timeout, compression: this.#compression, ...batch });
  }

  async #dismiss(): Promise<void> {
    const scout = this.#scout;
    this.#scout = undefined;
    await scout?.disconnect().catch(() => undefined);
  }

  #producer(): Producer {
    return this.#session.kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: { retries: 0 },
    });
  }
}
