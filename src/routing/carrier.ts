import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, type Outcome } from '../core/outcome.ts';
import type { Failures } from './failures.ts';
import { groupFailed, sendToOne, type Alternatives } from './targets/group.ts';
import { keyed } from './plan/onward.ts';
import type { RouteTarget } from './route/route.ts';
import type { Target } from './targets/target.ts';
import type { TargetQueue } from './targets/target-queue.ts';

/** Copies that one mirror may have unanswered; further messages pass it by. */
const mirrored = 1000;

export interface CarrierParts {
  queueOf(to: RouteTarget): TargetQueue;
  /** What becomes of what fails on this route; undefined where the route has gone meanwhile. */
  failuresOf(route: string): Failures | undefined;
}

/** Brings messages to the queues of their targets: to each by itself, to one of several, or as a copy to a mirror. */
export class Carrier {
  readonly #parts: CarrierParts;
  /** How many copies a mirror has unanswered. */
  readonly #copies = new WeakMap<RouteTarget, number>();

  constructor(parts: CarrierParts) {
    this.#parts = parts;
  }

  /**
   * Never rejects.
   * @param message as its source handed it over
   * @param onward as it leaves its routes
   */
  send(one: Alternatives, message: Envelope, onward: Envelope): Promise<Outcome> {
    if (one.mode === 'one') return this.toQueue(one.targets[0], message, onward);
    if (one.mode === 'mirror') return this.#mirror(one.targets[0], message, onward);
    return this.#toOneOf(one, message, onward);
  }

  toQueue(target: Target, message: Envelope, onward: Envelope): Promise<Outcome> {
    const { to, address, finish, settled } = target;
    const sent = this.#parts.queueOf(to).send(message, keyed(onward, target), address, finish);
    return settled ? told(sent, settled) : sent;
  }

  async #toOneOf(one: Alternatives, message: Envelope, onward: Envelope): Promise<Outcome> {
    const firstAt = Date.now();
    const outcome = await sendToOne(one, (target) => this.toQueue(target, message, onward));
    const last = one.targets.at(-1)!;
    const failures = this.#parts.failuresOf(last.route);
    if (outcome.state !== 'rejected' || !failures) return outcome;
    return failures.forGood(
      {
        message,
        endpoint: last.to.endpoint,
        address: last.address,
        attempts: one.targets.length,
        firstAt,
        lastAt: Date.now(),
      },
      groupFailed(one.targets, outcome.error),
    );
  }

  #mirror(target: Target, message: Envelope, onward: Envelope): Promise<Outcome> {
    const { to, route } = target;
    const failed = (error: JunctionError): void =>
      void this.#parts.failuresOf(route)?.unmirrored(to.endpoint, error);
    const copies = this.#copies.get(to) ?? 0;
    if (copies >= mirrored)
      failed(new JunctionError('busy', `it has ${mirrored} copies that it has not answered`));
    else {
      this.#copies.set(to, copies + 1);
      void this.toQueue(target, message, onward).then((outcome) => {
        this.#copies.set(to, this.#copies.get(to)! - 1);
        if (outcome.state !== 'accepted') failed(outcome.error);
      });
    }
    return Promise.resolve(accepted);
  }
}

/** An outcome of which somebody is told before it goes on. */
export async function told(sent: Promise<Outcome>, settled: (outcome: Outcome) => void): Promise<Outcome> {
  const outcome = await sent;
  settled(outcome);
  return outcome;
}
