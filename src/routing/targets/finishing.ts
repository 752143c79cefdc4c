import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Delivery } from './delivery.ts';

/** Does what is left to do to messages (`Delivery.finish`), and gives them on in the order in which they come. */
export class Finishing {
  readonly #give: (delivery: Delivery) => Promise<void>;
  /** Resolves when all that have come have been given on; undefined where they have. */
  #last: Promise<void> | undefined;

  /** @param give sends a finished message */
  constructor(give: (delivery: Delivery) => Promise<void>) {
    this.#give = give;
  }

  /** Whether a message that comes has to wait for others, also where nothing is left to do to it. */
  get busy(): boolean {
    return this.#last !== undefined;
  }

  /**
   * Sends a message when it is finished, and those before it have been given on.
   * @throws JunctionError, or rejects with one, where it cannot be finished
   */
  send(delivery: Delivery): Promise<void> {
    const finished = delivery.finish
      ? delivery.finish(delivery.message, delivery.envelope)
      : delivery.envelope;
    if (!(finished instanceof Promise) && !this.#last) return this.#giveOn(delivery, finished);
    const before = this.#last;
    const given = (async (): Promise<{ sent: Promise<void> }> => {
      const [result] = await Promise.allSettled([finished, before]);
      if (result.status === 'rejected') throw JunctionError.from(result.reason);
      return { sent: this.#giveOn(delivery, result.value) };
    })();
    const after = given.then(
      () => undefined,
      () => undefined,
    );
    this.#last = after;
    void after.then(() => {
      if (this.#last === after) this.#last = undefined;
    });
    return given.then(({ sent }) => sent);
  }

  #giveOn(delivery: Delivery, finished: Envelope): Promise<void> {
    delivery.envelope = finished;
    delivery.finish = undefined;
    return this.#give(delivery);
  }
}
