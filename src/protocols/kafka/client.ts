import { type Context, type Endpoint, type EndpointStatus, type Traits } from '../../core/protocol.ts';
import type { KafkaClientConfig } from './config.ts';
import { KafkaSink } from './sink.ts';
import { KafkaSource } from './source.ts';

export const kafkaTraits: Traits = {
  headers: 'bytes',
  repeatedHeaders: true,
  headerOrder: 'lost', // written in their order; kafkajs, which reads, puts those of one name together, and numbers first
  ids: 'header',
  loses: ['durable', 'deliveryCount', 'retain'],
  supplies: ['timestamp'],
  redelivers: true,
};

/** The connection to a Kafka cluster. */
export class KafkaClient implements Endpoint {
  readonly source: KafkaSource;
  readonly sink: KafkaSink;
  readonly #at: string;

  constructor(config: KafkaClientConfig, context: Context) {
    this.source = new KafkaSource(config, context);
    this.sink = new KafkaSink(config, context);
    this.#at = config.brokers.join(',');
  }

  open(): Promise<void> {
    this.sink.open();
    return Promise.resolve();
  }

  /** Ready when it can both send and, where a route reads from here, read. */
  status(): EndpointStatus {
    const { sink, source } = this;
    const worse = sink.state !== 'ready' || source.state === undefined ? sink : source;
    const reason = worse.reason;
    return { state: worse.state!, at: this.#at, ...(reason === undefined ? undefined : { reason }) };
  }

  async close(): Promise<void> {
    await Promise.all([this.source.close(), this.sink.close()]);
  }
}
