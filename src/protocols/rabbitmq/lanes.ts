import type { JunctionError } from '../../core/errors.ts';
import { publishError } from './errors.ts';
import { Publisher, type Message } from './publisher.ts';
import type { ClosedError } from './wire/channel.ts';
import type { Wire } from './wire/wire.ts';

/** What goes to one exchange. */
interface Lane {
  /** Whether it has confirmed something since the last error on a channel. */
  proven: boolean;
  /** Taken, not written, in order. */
  waiting: Message[];
}

/** An exchange's name may come from a message: no more lanes than this are remembered. */
const mostLanes = 1000;

/**
 * Publishes over two channels of one connection. RabbitMQ answers a message to an exchange that does not exist, or that
 * we may not write to, by closing the channel, without telling which message it was. So each exchange is tried first
 * with one message alone on a channel of its own; who has passed shares the other one. Where that is closed all
 * its exchanges are tried again: the one message that closes the trial channel has failed, and nothing else has.
 */
export class Lanes {
  readonly #wire: Wire;
  readonly #done: (message: Message, error?: JunctionError) => void;
  readonly #lanes = new Map<string, Lane>();
  /** Exchanges with messages that wait for a trial, in turn. */
  readonly #untried = new Set<Lane>();
  #shared: Publisher | undefined;
  #trial: Publisher | undefined;
  #trying: Lane | undefined;
  #over = false;

  constructor(wire: Wire, done: (message: Message, error?: JunctionError) => void) {
    this.#wire = wire;
    this.#done = done;
  }

  publish(message: Message): void {
    const { exchange } = message.value;
    let lane = this.#lanes.get(exchange);
    if (!lane) {
      if (this.#lanes.size >= mostLanes) this.#forget();
      this.#lanes.set(exchange, (lane = { proven: false, waiting: [] }));
    }
    if (lane.proven) return this.#share(message);
    lane.waiting.push(message);
    this.#untried.add(lane);
    this.#tryNext();
  }

  /** The connection is over; whoever waits here is sent again by another one. */
  end(): void {
    this.#over = true;
  }

  #share(message: Message): void {
    this.#shared ??= new Publisher(this.#wire, {
      done: this.#done,
      closed: (unconfirmed, error) => this.#sharedClosed(unconfirmed, error),
    });
    this.#shared.publish(message);
  }

  #tryNext(): void {
    while (!this.#trying && !this.#over) {
      const [lane] = this.#untried;
      if (!lane) return;
      this.#untried.delete(lane);
      const message = lane.waiting.shift();
      if (!message) continue;
      if (message.settled) {
        // Its time was up while it waited here.
        this.#untried.add(lane);
        this.#done(message);
        continue;
      }
      this.#trying = lane;
      this.#trial ??= new Publisher(this.#wire, {
        done: (tried, error) => this.#passed(tried, error),
        closed: (unconfirmed, error) => this.#trialClosed(unconfirmed, error),
      });
      this.#trial.publish(message);
    }
  }

  #passed(message: Message, error: JunctionError | undefined): void {
    const lane = this.#trying!;
    this.#trying = undefined;
    lane.proven = true;
    for (const each of lane.waiting.splice(0)) this.#share(each);
    this.#done(message, error);
    this.#tryNext();
  }

  #trialClosed([culprit]: readonly Message[], error: ClosedError): void {
    const lane = this.#trying;
    this.#trial = undefined;
    this.#trying = undefined;
    if (this.#over || error.code === 0) return;
    if (lane && lane.waiting.length > 0) this.#untried.add(lane);
    if (culprit) this.#done(culprit, publishError(error));
    this.#tryNext();
  }

  #sharedClosed(unconfirmed: readonly Message[], error: ClosedError): void {
    this.#shared = undefined;
    if (this.#over || error.code === 0) return;
    const again = new Map<Lane, Message[]>();
    for (const message of unconfirmed) {
      const lane = this.#lanes.get(message.value.exchange)!;
      lane.proven = false;
      const list = again.get(lane);
      if (list) list.push(message);
      else again.set(lane, [message]);
    }
    for (const [lane, messages] of again) {
      lane.waiting = [...messages, ...lane.waiting];
      this.#untried.add(lane);
    }
    this.#tryNext();
  }

  #forget(): void {
    for (const [exchange, lane] of this.#lanes)
      if (!lane.proven && lane.waiting.length === 0 && lane !== this.#trying) this.#lanes.delete(exchange);
  }
}
