import type { Intake } from '../core/protocol.ts';
import { counted, type Consumer, type Delivery, type Subscription } from './delivery.ts';

/** How many messages are under way to the route at one time. */
const window = 256;
/** For how many sweeps nothing is handed over after a release: the route has tried already. */
const pause = 16;

/** A route as the consumer of what was stored for a queue that it reads now. */
export class RouteConsumer implements Consumer {
  readonly name: string;
  readonly #intake: Intake;
  readonly #onSettled: () => void;
  #hold: Subscription | undefined;
  #underWay = 0;
  #paused = 0;
  #ended = false;

  /** @param onSettled called after each settlement */
  constructor(route: string, intake: Intake, onSettled: () => void) {
    this.name = `route ${route}`;
    this.#intake = intake;
    this.#onSettled = onSettled;
  }

  /** Whether it takes no more, and has nothing left. */
  get over(): boolean {
    return this.#ended && this.#underWay === 0;
  }

  /** The route does not read the queue any more: what it has it still answers for. */
  end(): void {
    this.#ended = true;
    this.#onSettled();
  }

  hold(subscription: Subscription): void {
    this.#hold = subscription;
  }

  credit(): number {
    return this.#paused > 0 || this.#ended ? 0 : window - this.#underWay;
  }

  deliver(delivery: Delivery): void {
    this.#underWay++;
    void this.#intake.deliver(counted(delivery.envelope, delivery.deliveryCount)).then((outcome) => {
      this.#underWay--;
      if (outcome.state === 'released') this.#paused = pause;
      delivery.settle(outcome);
      this.#onSettled();
    });
  }

  /** A topic's backlog alone can overflow. */
  overflow(): void {}

  tick(): void {
    if (this.#paused > 0 && --this.#paused === 0) this.#hold?.pump();
  }
}
