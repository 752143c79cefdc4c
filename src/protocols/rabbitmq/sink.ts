import { SendQueue } from '../../client/send-queue.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Log, Sink } from '../../core/protocol.ts';
import { RateLimitedLog } from '../../core/rate-limited-log.ts';
import { parseTarget, type Target } from './address.ts';
import type { RabbitClientConfig } from './config.ts';
import { Lanes } from './lanes.ts';
import { fromEnvelope } from './mapping.ts';
import type { Publication } from './publisher.ts';
import type { Wire } from './wire/wire.ts';

/** Octets of frames and methods around a message, about. */
const overhead = 64;

/** Addresses whose meaning is remembered. */
const mostTargets = 1000;

const empty = new Uint8Array(0);

/** Sends messages and waits for the broker's confirmation of each. */
export class RabbitSink implements Sink {
  readonly #queue: SendQueue<Publication>;
  readonly #username: string | undefined;
  readonly #log: RateLimitedLog;
  readonly #worked: () => void;
  readonly #targets = new Map<string, Target>();
  #wire: Wire | undefined;
  #lanes: Lanes | undefined;
  #blocked: string | undefined;
  #pumping = false;

  /** @param worked called when the broker has confirmed something */
  constructor(config: RabbitClientConfig, log: Log, worked: () => void) {
    this.#queue = new SendQueue({
      broker: 'RabbitMQ',
      inFlight: config.in_flight,
      maxPending: config.max_pending,
      timeout: config.timeout,
    });
    this.#username = config.username;
    this.#log = new RateLimitedLog(log);
    this.#worked = worked;
  }

  /** Why nothing is sent though the connection stands. */
  get trouble(): string | undefined {
    return this.#blocked === undefined ? undefined : `RabbitMQ takes no messages for now: ${this.#blocked}`;
  }

  async send(envelope: Envelope, address: string): Promise<void> {
    const { exchange, routingKey } = this.#target(address);
    const properties = fromEnvelope(envelope, {
      now: Date.now(),
      username: this.#username,
      onRepeated: this.#repeated,
    });
    const body = envelope.body ?? empty;
    const sent = this.#queue.push(
      { exchange, routingKey, properties, body },
      body.length + properties.length + overhead,
    );
    this.#pump();
    return sent;
  }

  /** Sends through this connection from now on; what the last one left unconfirmed goes first. */
  attach(wire: Wire): void {
    this.#wire = wire;
    this.#blocked = undefined;
    const lanes = new Lanes(wire, (message, error) => {
      this.#queue.done(message, error);
      if (error === undefined) this.#worked();
      this.#pump();
    });
    this.#lanes = lanes;
    wire.listen({
      blocked: (reason) => {
        this.#blocked = reason;
        this.#pump();
      },
      drained: () => this.#pump(),
    });
    this.#pump();
  }

  detach(): void {
    this.#lanes?.end();
    this.#lanes = undefined;
    this.#wire = undefined;
    this.#blocked = undefined;
    this.#queue.putBack();
  }

  /** Fails what is not confirmed. */
  close(): void {
    this.#queue.close();
  }

  #pump(): void {
    if (this.#pumping) return; // what is refused before it is written is done within `publish`
    this.#pumping = true;
    while (this.#lanes && this.#blocked === undefined && !this.#wire!.congested) {
      const message = this.#queue.take();
      if (!message) break;
      this.#lanes.publish(message);
    }
    this.#pumping = false;
  }

  #target(address: string): Target {
    const known = this.#targets.get(address);
    if (known) return known;
    const target = parseTarget(address);
    if (typeof target === 'string')
      throw new JunctionError('invalid-message', `"${address}" is no address of RabbitMQ: ${target}`);
    if (this.#targets.size >= mostTargets) this.#targets.clear();
    this.#targets.set(address, target);
    return target;
  }

  readonly #repeated = (header: string): void =>
    this.#log.warn(
      'repeated',
      { header },
      'RabbitMQ holds each header once: of a repeated one the first is sent',
    );
}
