/**
 * The messages of one ordering key at one target, while something there is in trouble. A blocked lane sends nothing but
 * its first message, alone, when its wait is over; the rest waits behind it in order.
 */
export class Lane<Item extends { readonly sequence: number }> {
  readonly name: string;
  blocked = false;
  /** When its first message may be sent again, by the monotonic clock in ms. */
  dueAt = 0;
  /** How many of its messages the target has and has not answered. */
  underWay = 0;
  /** The message that is being tried alone. */
  trial: Item | undefined = undefined;
  #waiting: Item[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get idle(): boolean {
    return this.underWay === 0 && this.#waiting.length === 0;
  }

  get first(): Item | undefined {
    return this.#waiting[0];
  }

  /** Puts a message in its place, which is the last for a new one. */
  insert(delivery: Item): void {
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.sequence > delivery.sequence) at--;
    if (at === this.#waiting.length) this.#waiting.push(delivery);
    else this.#waiting.splice(at, 0, delivery);
  }

  takeFirst(): Item | undefined {
    return this.#waiting.shift();
  }

  takeAfterFirst(): Item[] {
    return this.#waiting.splice(1);
  }

  takeAll(): Item[] {
    const all = this.#waiting;
    this.#waiting = [];
    return all;
  }
}
