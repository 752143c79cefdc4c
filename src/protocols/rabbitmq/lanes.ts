import type { JunctionError } from '../../core/errors.ts';
import { limitTold, publishError, tooLarge } from './errors.ts';
import { Publisher, type Message, type Unconfirmed } from './publisher.ts';
import type { ClosedError } from './wire/channel.ts';
import type { Wire } from './wire/wire.ts';

/** What goes to one exchange. */
interface Lane {
  /** Whether the broker has taken a message to it since the last error on a channel. */
  proven: boolean;
  /** Taken, not written, in order. */
  waiting: Message[];
  /** How many of the first that wait were on a channel that was closed: one of them may have been the reason. */
  suspects: number;
}

/** What is on the trial channel: messages to one exchange. */
interface Trial {
  readonly lane: Lane;
  readonly messages: readonly Message[];
}

/** An exchange's name may come from a message: no more lanes than this are remembered. */
const mostLanes = 1000;

/**
 * Publishes over two channels of one connection. RabbitMQ answers a message to an exchange that does not exist, or that
 * we may not write to, by closing the channel, without telling which message it was. So each exchange is tried first
 * with one message alone on a channel of its own; who has passed shares the other one. Where that is closed all
 * its exchanges are tried again, half of what was under way at a time, and half of that, until one message alone closes
 * the trial channel: it has failed, and nothing else has.
 *
 * Of a message that is too large RabbitMQ tells the size and its limit. So nothing needs to be tried: all that are over
 * the limit have failed, and from then on such messages are not written. The limit holds for this connection only, since
 * the broker may have another one when it is back.
 */
export class Lanes {
  readonly #wire: Wire;
  readonly #done: (message: Message, error?: JunctionError) => void;
  readonly #lanes = new Map<string, Lane>();
  /** Exchanges with messages that wait for a trial, in turn. */
  readonly #untried = new Set<Lane>();
  #shared: Publisher | undefined;
  #trial: Publisher | undefined;
  #trying: Trial | undefined;
  /** The largest body that the broker takes, in bytes, once it has said so. */
  #limit = Infinity;
  #over = false;

  constructor(wire: Wire, done: (message: Message, error?: JunctionError) => void) {
    this.#wire = wire;
    this.#done = done;
  }

  publish(message: Message): void {
    const lane = this.#laneOf(message);
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
    if (this.#futile(message)) return this.#drop(message);
    this.#shared ??= new Publisher(this.#wire, {
      done: this.#done,
      closed: (unconfirmed, error) => {
        this.#shared = undefined;
        if (error.code !== 0) this.#again(unconfirmed, this.#learn(unconfirmed, error));
      },
    });
    this.#shared.publish(message);
  }

  #tryNext(): void {
    while (!this.#trying && !this.#over) {
      const [lane] = this.#untried;
      if (!lane) return;
      this.#untried.delete(lane);
      const messages: Message[] = [];
      const futile: Message[] = [];
      const most = Math.max(1, Math.ceil(lane.suspects / 2));
      while (messages.length < most && lane.waiting.length > 0) {
        const message = lane.waiting.shift()!;
        (this.#futile(message) ? futile : messages).push(message);
      }
      lane.suspects = Math.max(0, lane.suspects - futile.length);
      if (messages.length > 0) this.#try({ lane, messages });
      for (const message of futile) this.#drop(message);
    }
  }

  #try(trial: Trial): void {
    this.#trying = trial;
    const publisher = this.#trialChannel();
    for (const message of trial.messages) publisher.publish(message);
    // Not the confirmations, for which a queue without its quorum would let all others wait.
    publisher.probe().then(
      () => this.#passed(trial),
      () => undefined, // told by `closed`
    );
  }

  /** One where nothing is unconfirmed, which the next trial could do harm to. */
  #trialChannel(): Publisher {
    if (this.#trial && !this.#trial.idle) {
      this.#trial.retire();
      this.#trial = undefined;
    }
    if (this.#trial) return this.#trial;
    let trial: Publisher | undefined = undefined; // on a dead connection it is closed before it is made
    trial = new Publisher(this.#wire, {
      done: this.#done,
      closed: (unconfirmed, error) => this.#trialClosed(trial, unconfirmed, error),
    });
    return (this.#trial = trial);
  }

  #passed(trial: Trial): void {
    if (this.#trying !== trial) return;
    const { lane, messages } = trial;
    this.#trying = undefined;
    lane.suspects = Math.max(0, lane.suspects - messages.length);
    if (lane.suspects > 0) this.#untried.add(lane);
    else {
      lane.proven = true;
      for (const each of lane.waiting.splice(0)) this.#share(each);
    }
    this.#tryNext();
  }

  #trialClosed(trial: Publisher | undefined, unconfirmed: readonly Unconfirmed[], error: ClosedError): void {
    if (trial !== this.#trial) {
      if (error.code !== 0) this.#again(unconfirmed, this.#learn(unconfirmed, error));
      return;
    }
    const tried = this.#trying;
    this.#trial = undefined;
    this.#trying = undefined;
    if (error.code === 0) return;
    if (tried && tried.lane.waiting.length > 0) this.#untried.add(tried.lane);
    const alone = tried?.messages.length === 1 ? tried.messages[0] : undefined;
    const culprit = unconfirmed.find(({ message }) => message === alone);
    if (culprit) tried!.lane.suspects = 0;
    const rest = unconfirmed.filter((each) => each !== culprit);
    this.#again(rest, this.#learn(unconfirmed, error));
    if (culprit) this.#done(culprit.message, culprit.returned ?? publishError(error));
  }

  /** Whether there is no use in writing it: its time was up while it waited here, or it is larger than the broker takes. */
  #futile({ settled, value: { body } }: Message): boolean {
    return settled || body.length > this.#limit;
  }

  #drop(message: Message): void {
    const { length } = message.value.body;
    this.#done(message, length > this.#limit ? tooLarge(length, this.#limit) : undefined);
  }

  /** Whether the broker has told its limit: then it is known which of them have closed the channel. */
  #learn(unconfirmed: readonly Unconfirmed[], error: ClosedError): boolean {
    const bodies = unconfirmed.map(({ message }) => message.value.body.length);
    const told = limitTold(error, bodies);
    if (told !== undefined) this.#limit = told;
    return told !== undefined;
  }

  /**
   * Sends again what the broker may have missed; of what it has returned the answer is known.
   * @param known whether it is known why the channel was closed; else each of them may be the reason
   */
  #again(unconfirmed: readonly Unconfirmed[], known: boolean): void {
    if (this.#over) return;
    const again = new Map<Lane, Message[]>();
    for (const { message, returned } of unconfirmed) {
      if (returned) continue;
      const lane = this.#laneOf(message);
      lane.proven = false;
      const list = again.get(lane);
      if (list) list.push(message);
      else again.set(lane, [message]);
    }
    for (const [lane, messages] of again) {
      lane.waiting = [...messages, ...lane.waiting];
      if (!known) lane.suspects = messages.length;
      this.#untried.add(lane);
    }
    for (const { message, returned } of unconfirmed) if (returned) this.#done(message, returned);
    this.#tryNext();
  }

  #laneOf({ value: { exchange } }: Message): Lane {
    let lane = this.#lanes.get(exchange);
    if (!lane) {
      if (this.#lanes.size >= mostLanes) this.#forget();
      this.#lanes.set(exchange, (lane = { proven: false, waiting: [], suspects: 0 }));
    }
    return lane;
  }

  #forget(): void {
    for (const [exchange, lane] of this.#lanes)
      if (!lane.proven && lane.waiting.length === 0 && lane !== this.#trying?.lane)
        this.#lanes.delete(exchange);
  }
}
