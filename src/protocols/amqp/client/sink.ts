import { withDuplicateId } from '../../../client/duplicate-id.ts';
import { SendQueue } from '../../../client/send-queue.ts';
import type { Envelope } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import type { Sink } from '../../../core/protocol.ts';
import type { RateLimitedLog } from '../../../core/rate-limited-log.ts';
import { MessageEncoder } from '../message-encoder.ts';
import type { Addresses } from './addresses.ts';
import type { BrokerConnection } from './broker-connection.ts';
import type { AmqpClientConfig } from './config.ts';
import { Lane } from './lane.ts';

/**
 * Sends messages to a broker, over one link for each address: on a link that names the address the message itself need
 * not, so that it can stay as its sender wrote it (AMQP 1.0 §3.2).
 */
export class AmqpSink implements Sink {
  readonly #config: AmqpClientConfig;
  readonly #addresses: Addresses;
  readonly #worked: () => void;
  readonly #encoder: MessageEncoder;
  readonly #lanes = new Map<string, Lane>();
  readonly #pending = { bytes: 0 };
  #connection: BrokerConnection | undefined;
  #uses = 0;
  #closed = false;

  /** @param worked is told when the broker has taken a message */
  constructor(config: AmqpClientConfig, addresses: Addresses, log: RateLimitedLog, worked: () => void) {
    this.#config = config;
    this.#addresses = addresses;
    this.#worked = worked;
    this.#encoder = new MessageEncoder((header) =>
      log.warn(
        'header',
        { header: header.slice(0, 100) },
        'a header came more than once, which AMQP cannot carry: only the first was sent',
      ),
    );
  }

  async send(envelope: Envelope, address: string): Promise<void> {
    const lane = this.#lane(address);
    const name = this.#addresses.nameOf(address);
    const told = this.#config.duplicate_detection ? withDuplicateId(envelope) : envelope;
    const renamed = told.address === name ? told : { ...told, address: name };
    return lane.send(this.#encoder.encode(renamed, envelope.deliveryCount, name));
  }

  connected(connection: BrokerConnection): void {
    this.#connection = connection;
    for (const lane of this.#lanes.values()) lane.connected(connection);
  }

  disconnected(): void {
    this.#connection = undefined;
    for (const lane of this.#lanes.values()) lane.disconnected();
  }

  close(): void {
    this.#closed = true;
    for (const lane of this.#lanes.values()) lane.close();
  }

  #lane(address: string): Lane {
    let lane = this.#lanes.get(address);
    if (!lane) {
      if (this.#closed) throw new JunctionError('closed', 'the connection to the broker is closing');
      if (this.#lanes.size >= this.#config.max_links) this.#makeRoom();
      lane = new Lane(address, this.#addresses, this.#newQueue(), this.#worked);
      this.#lanes.set(address, lane);
      if (this.#connection) lane.connected(this.#connection);
    }
    lane.used = ++this.#uses;
    return lane;
  }

  #newQueue(): SendQueue<Buffer> {
    const { in_flight, max_pending, timeout } = this.#config;
    return new SendQueue({
      broker: 'the AMQP broker',
      inFlight: in_flight,
      maxPending: max_pending,
      timeout,
      pending: this.#pending,
    });
  }

  /** @throws JunctionError `busy` where every link is in use */
  #makeRoom(): void {
    let oldest: [string, Lane] | undefined;
    for (const entry of this.#lanes)
      if (entry[1].idle && !(oldest && oldest[1].used < entry[1].used)) oldest = entry;
    if (!oldest)
      throw new JunctionError(
        'busy',
        `messages are under way to ${this.#lanes.size} addresses; max_links allows no more`,
      );
    this.#lanes.delete(oldest[0]);
    oldest[1].close();
  }
}
