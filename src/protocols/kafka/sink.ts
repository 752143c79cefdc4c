import { performance } from 'node:perf_hooks';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Context, EndpointState, Sink } from '../../core/protocol.ts';
import { invalidAddress } from '../../core/template.ts';
import { kafkaAddress } from './address.ts';
import { compressWith } from './compression.ts';
import type { KafkaClientConfig } from './config.ts';
import { fromEnvelope } from './mapping.ts';
import { hashOf } from './producer/partitioner.ts';
import { Pending } from './producer/pending.ts';
import { Producer } from './producer/producer.ts';
import { dialerOf } from './wire/dial.ts';
import { compressBatch, encodeRecord } from './wire/record-batch.ts';

/** Sends to Kafka with acks=all and resolves on the brokers' acknowledgement alone. */
export class KafkaSink implements Sink {
  readonly #config: KafkaClientConfig;
  readonly #context: Context;
  readonly #producer: Producer;
  #closed = false;
  /** What the log has said of its state. */
  #told: 'nothing' | 'ready' | 'failing' = 'nothing';

  constructor(config: KafkaClientConfig, context: Context) {
    this.#config = config;
    this.#context = context;
    this.#producer = new Producer({
      brokers: config.brokers.map(addressOf),
      dial: dialerOf(config),
      patience: Math.ceil(config.timeout / 2),
      idempotent: config.idempotent,
      batch: { count: config.batch_count, bytes: config.batch_size },
      linger: config.linger,
      compress: compressorOf(config),
      timeout: config.timeout,
      log: context.log,
      changed: () => this.#tell(),
    });
  }

  get state(): EndpointState {
    return this.#producer.state;
  }

  get reason(): string | undefined {
    return this.#producer.reason;
  }

  /** Connects, and from then on reconnects, by itself. */
  open(): void {
    this.#producer.open();
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const invalid = invalidAddress(address, kafkaAddress);
    if (invalid !== undefined)
      return Promise.reject(new JunctionError('invalid-message', `Kafka topic "${address}": ${invalid}`));
    if (this.#closed)
      return Promise.reject(new JunctionError('closed', `endpoint ${this.#context.name} is closed`));
    const message = fromEnvelope(envelope);
    const record = encodeRecord(message);
    const bytes = record.tail.length;
    if (bytes > this.#config.max_message)
      return Promise.reject(
        new JunctionError(
          'too-large',
          `a message of ${bytes} bytes for Kafka topic ${address} exceeds max_message, ${this.#config.max_message} bytes`,
        ),
      );
    const { pendingBytes } = this.#producer;
    if (pendingBytes > 0 && pendingBytes + bytes > this.#config.max_pending)
      return Promise.reject(
        new JunctionError(
          'busy',
          `${pendingBytes} bytes wait for Kafka’s acknowledgement; max_pending is ${this.#config.max_pending}${this.reason === undefined ? '' : ` (${this.reason})`}`,
        ),
      );
    const hash = message.key === null ? undefined : hashOf(Buffer.from(message.key));
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#config.timeout;
      this.#producer.add(address, new Pending(record, hash, deadline, resolve, reject));
    });
  }

  /** Fails what is still waiting and ends the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#producer.close();
  }

  /** What an operator should know, once. */
  #tell(): void {
    const { state, reason } = this.#producer;
    const { brokers } = this.#config;
    if (this.#closed || state === 'connecting' || state === 'closed' || state === this.#told) return;
    this.#told = state;
    if (state === 'ready') this.#context.log.info({ brokers }, 'connected to Kafka');
    else this.#context.log.warn({ brokers, reason }, 'cannot send to Kafka; trying again until it is back');
  }
}

function addressOf(text: string): { host: string; port: number } {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

function compressorOf({ compression }: KafkaClientConfig): ((batch: Buffer) => Promise<Buffer>) | undefined {
  if (compression === 'none') return undefined;
  const compress = compressWith(compression);
  return (batch) => compressBatch(batch, compression, compress);
}
