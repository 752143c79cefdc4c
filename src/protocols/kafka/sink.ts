import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { Backoff } from '../../core/backoff.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Context, EndpointState, Sink } from '../../core/protocol.ts';
import { invalidAddress } from '../../core/template.ts';
import { kafkaAddress } from './address.ts';
import { Batcher } from './batcher.ts';
import type { KafkaClientConfig } from './config.ts';
import { Pending } from './lane.ts';
import { fromEnvelope } from './mapping.ts';
import { Session } from './session.ts';
import { ProducerWire } from './wire.ts';

/** Bytes of a record beside key, value and headers, at most (its length, deltas and the lengths of its parts). */
const recordOverhead = 40;

/**
 * Sends to Kafka with acks=all and resolves on the brokers' acknowledgement alone. kafkajs has no linger, so batches
 * are ours: what arrives while one is under way makes up the next.
 */
export class KafkaSink implements Sink {
  readonly #config: KafkaClientConfig;
  readonly #context: Context;
  readonly #batcher: Batcher;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #state: EndpointState = 'connecting';
  #reason: string | undefined;

  constructor(config: KafkaClientConfig, context: Context) {
    this.#config = config;
    this.#context = context;
    this.#batcher = new Batcher(config);
  }

  get state(): EndpointState {
    return this.#state;
  }

  get reason(): string | undefined {
    return this.#reason;
  }

  /** Connects, and from then on reconnects, by itself. */
  open(): void {
    this.#running ??= this.#run();
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const invalid = invalidAddress(address, kafkaAddress);
    if (invalid !== undefined)
      return Promise.reject(new JunctionError('invalid-message', `Kafka topic "${address}": ${invalid}`));
    if (this.#closing.signal.aborted)
      return Promise.reject(new JunctionError('closed', `endpoint ${this.#context.name} is closed`));
    const message = fromEnvelope(envelope);
    const bytes = sizeOf(message);
    if (bytes > this.#config.max_message)
      return Promise.reject(
        new JunctionError(
          'too-large',
          `a message of ${bytes} bytes for Kafka topic ${address} exceeds max_message, ${this.#config.max_message} bytes`,
        ),
      );
    if (this.#batcher.pendingBytes + bytes > this.#config.max_pending)
      return Promise.reject(
        new JunctionError(
          'busy',
          `${this.#batcher.pendingBytes} bytes wait for Kafka’s acknowledgement; max_pending is ${this.#config.max_pending}${this.#reason === undefined ? '' : ` (${this.#reason})`}`,
        ),
      );
    return new Promise((resolve, reject) => {
      const deadline = performance.now() + this.#config.timeout;
      this.#batcher.add(address, new Pending(message, bytes, deadline, resolve, reject));
    });
  }

  /** Fails what is still waiting and ends the connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#batcher.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const backoff = new Backoff(100, 10_000);
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const session = new Session(this.#config, this.#context.log);
      const end = (): void => session.close();
      signal.addEventListener('abort', end);
      const since = performance.now();
      try {
        await this.#use(session, () => backoff.reset());
        this.#state = 'connecting';
      } catch (error) {
        this.#failing(error instanceof Error ? error.message : String(error));
      } finally {
        signal.removeEventListener('abort', end);
        session.close();
      }
      if (performance.now() - since > 30_000) backoff.reset();
      await pause(backoff.next(), undefined, { signal }).catch(() => undefined);
    }
    this.#state = 'closed';
  }

  /** Runs one session; throws why it failed, returns where it is merely over (brokers end idle connections). */
  async #use(session: Session, worked: () => void): Promise<void> {
    let onBroken: (reason: Error | undefined) => void = () => undefined;
    const broken = new Promise<Error | undefined>((resolve) => (onBroken = resolve));
    const wire = new ProducerWire(session, this.#config, onBroken, worked);
    try {
      await wire.connect();
      if (this.#closing.signal.aborted) return;
      this.#ready();
      this.#batcher.use(wire);
      const reason = await Promise.race([broken, session.lost]);
      if (reason) throw reason;
    } finally {
      this.#batcher.use(undefined);
      session.close();
      await wire.disconnect();
    }
  }

  #ready(): void {
    const first = this.#state !== 'ready';
    this.#state = 'ready';
    this.#reason = undefined;
    if (first) this.#context.log.info({ brokers: this.#config.brokers }, 'connected to Kafka');
  }

  #failing(reason: string): void {
    if (this.#closing.signal.aborted) return;
    const first = this.#reason === undefined;
    this.#state = 'failing';
    this.#reason = reason;
    if (first)
      this.#context.log.warn(
        { brokers: this.#config.brokers, reason },
        'cannot send to Kafka; trying again until it is back',
      );
  }
}

function sizeOf(message: ReturnType<typeof fromEnvelope>): number {
  let bytes = recordOverhead + length(message.key) + length(message.value);
  const headers = message.headers!;
  for (const name in headers) {
    const value = headers[name]!;
    const each = 10 + Buffer.byteLength(name);
    if (Array.isArray(value)) for (const one of value) bytes += each + length(one);
    else bytes += each + length(value);
  }
  return bytes;
}

function length(part: Buffer | string | null | undefined): number {
  if (part === null || part === undefined) return 0;
  return typeof part === 'string' ? Buffer.byteLength(part) : part.length;
}
