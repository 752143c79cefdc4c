import { Method } from './codec/methods.ts';
import type { Channel } from './wire/channel.ts';

/**
 * What the broker is told about the messages of one channel. Acceptances are gathered for one turn of the event loop:
 * all up to the first message that is not settled go in one basic.ack (§1.8.3.13 of the reference, `multiple`), those
 * behind it one by one, so that no message holds up another's place in the prefetch window.
 */
export class Settlements {
  readonly #channel: Channel;
  /** Delivery tags without an outcome, in order. */
  readonly #unsettled = new Set<number>();
  #accepted: number[] = [];
  #flush: NodeJS.Immediate | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  add(tag: number): void {
    this.#unsettled.add(tag);
  }

  accept(tag: number): void {
    if (!this.#unsettled.delete(tag)) return;
    this.#accepted.push(tag);
    this.#flush ??= setImmediate(() => this.flush());
  }

  /** To the queue's dead letters, if it has any; else the broker drops it. */
  reject(tag: number): void {
    this.#nack(tag, false);
  }

  /** Back to the queue. */
  release(tag: number): void {
    this.#nack(tag, true);
  }

  /** Tells the broker now what was accepted. */
  flush(): void {
    clearImmediate(this.#flush);
    this.#flush = undefined;
    const accepted = this.#accepted;
    this.#accepted = [];
    const [first = Infinity] = this.#unsettled;
    let upTo = 0;
    let below = 0;
    for (const tag of accepted)
      if (tag < first) {
        below++;
        if (tag > upTo) upTo = tag;
      } else this.#ack(tag, false);
    if (upTo > 0) this.#ack(upTo, below > 1);
  }

  #nack(tag: number, requeue: boolean): void {
    if (!this.#unsettled.delete(tag)) return;
    this.#channel.tell(Method.basicReject, (writer) => {
      writer.tag(tag);
      writer.octet(requeue ? 1 : 0);
    });
  }

  #ack(tag: number, multiple: boolean): void {
    this.#channel.tell(Method.basicAck, (writer) => {
      writer.tag(tag);
      writer.octet(multiple ? 1 : 0);
    });
  }
}
