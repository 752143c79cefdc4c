import { withDuplicateId } from '../../../client/duplicate-id.ts';
import { SendQueue, type Outgoing } from '../../../client/send-queue.ts';
import type { Envelope } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import type { LossCounter } from '../../../core/losses.ts';
import type { Context, Sink } from '../../../core/protocol.ts';
import { RateLimitedLog } from '../../../core/rate-limited-log.ts';
import { headerLine } from '../frame.ts';
import type { StompClientConfig } from './config.ts';
import type { Link } from './link.ts';
import { Outbound } from './mapping.ts';
import { refusalOf } from './refusals.ts';

/** Bytes on their way to the network before nothing more is written. */
const highWater = 1024 * 1024;
/** What a message costs beside its body, in bytes; a rough figure. */
const overhead = 500;

/**
 * Sends messages, each with a receipt, many at a time. An ERROR ends the connection (STOMP 1.2 "ERROR") and often
 * does not say which message it is about: then those that were under way are sent again one by one, until the one is
 * found, so that it alone fails.
 */
export class StompSink implements Sink {
  readonly #queue: SendQueue<Outbound>;
  readonly #log: RateLimitedLog;
  readonly #losses: LossCounter | undefined;
  readonly #onConfirmed: () => void;
  readonly #duplicateDetection: boolean;
  /** Under way on this connection, by receipt. */
  #underWay = new Map<string, Outgoing<Outbound>>();
  /** How many of the next messages an ERROR may have been about. */
  #suspects = 0;
  #receipts = 0;
  #link: Link | undefined;

  /** @param onConfirmed told of each confirmation: the connection works */
  constructor(
    config: StompClientConfig,
    { log, losses }: Pick<Context, 'log' | 'losses'>,
    onConfirmed: () => void,
  ) {
    this.#losses = losses;
    this.#log = new RateLimitedLog(log);
    this.#onConfirmed = onConfirmed;
    this.#duplicateDetection = config.duplicate_detection;
    this.#queue = new SendQueue({
      broker: 'the STOMP broker',
      inFlight: config.in_flight,
      maxPending: config.max_pending,
      timeout: config.timeout,
    });
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const told = this.#duplicateDetection ? withDuplicateId(envelope) : envelope;
    const outbound = new Outbound(told, address);
    const sent = this.#queue.push(outbound, outbound.body.length + address.length + overhead);
    this.pump();
    return sent;
  }

  attach(link: Link): void {
    this.#link = link;
    this.pump();
  }

  /** The connection is lost; what was under way on it goes again first. */
  detach(): void {
    if (!this.#link) return;
    this.#link = undefined;
    this.#underWay = new Map();
    this.#queue.putBack();
  }

  receipt(id: string): void {
    const outgoing = this.#underWay.get(id);
    if (!outgoing) return;
    this.#underWay.delete(id);
    if (this.#losses) for (const what of outgoing.value.lost) this.#losses.lost(what);
    if (this.#suspects > 0) this.#suspects--;
    this.#queue.done(outgoing);
    this.#onConfirmed();
    this.pump();
  }

  /** @param receipt of the frame it is about, if the broker says so */
  refused(text: string, receipt: string | undefined): void {
    const named = receipt === undefined ? undefined : this.#underWay.get(receipt);
    const culprit = named ?? (this.#underWay.size === 1 ? first(this.#underWay.values()) : undefined);
    if (culprit) {
      if (this.#suspects > 0) this.#suspects--;
      this.#queue.done(culprit, refusalOf(text, culprit.value.address));
      this.#onConfirmed(); // it was an answer: the next attempt to connect need not wait long
    } else this.#suspects = this.#underWay.size;
  }

  /** Writes what waits, as far as the network takes it. */
  pump(): void {
    const link = this.#link;
    if (!link) return;
    while (link.pending < highWater && (this.#suspects === 0 || this.#underWay.size === 0)) {
      const outgoing = this.#queue.take();
      if (!outgoing) return;
      this.#write(outgoing, link);
    }
  }

  close(): void {
    this.#link = undefined;
    this.#queue.close();
  }

  #write(outgoing: Outgoing<Outbound>, link: Link): void {
    const message = outgoing.value;
    let head = 'SEND\n';
    try {
      for (const [name, value] of message.headers(link.dialect, link.version, Date.now())) {
        const line = headerLine(name, value, link.version);
        if (line === '') this.#lost(name, message, link);
        head += line;
      }
    } catch (error) {
      if (this.#suspects > 0) this.#suspects--;
      return this.#queue.done(outgoing, JunctionError.from(error));
    }
    const receipt = String(++this.#receipts);
    this.#underWay.set(receipt, outgoing);
    const length = message.withoutLength(link.dialect) ? '' : `content-length:${message.body.length}\n`;
    link.writeMessage(`${head}receipt:${receipt}\n${length}\n`, message.body);
  }

  #lost(name: string, message: Outbound, { version }: Link): void {
    const { address } = message;
    if (name === 'destination')
      throw new JunctionError('invalid-message', `STOMP ${version} cannot write the address ${address}`);
    message.lose('headers');
    this.#log.warn(
      name,
      { address, header: name },
      `a header was left out, which STOMP ${version} cannot write`,
    );
  }
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}
