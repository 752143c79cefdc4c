import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, failed, type Outcome } from '../core/outcome.ts';
import type { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { DeadLetter } from '../core/storage.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { DedupCounters } from './dedup.ts';
import type { Delivery } from './targets/delivery.ts';
import type { ResolvedRoute, RouteTarget } from './route/route.ts';
import type { TargetQueueOwner } from './targets/target-queue.ts';

/** What was counted since the start. */
export interface Counters extends DedupCounters {
  /** Messages that ended here because they had expired or were going round in a circle. */
  dropped: number;
  /** Messages that became dead letters, once for each target, or once for the route as a whole. */
  deadLettered: number;
  /** Messages that routes read but did not want (`when`), once for each address at which nothing else wanted them. */
  filtered: number;
  /** Copies that mirrors did not get. */
  unmirrored: number;
}

/** Which delivery of a message has failed. */
export type Attempted = Pick<
  DeadLetter,
  'message' | 'endpoint' | 'address' | 'attempts' | 'firstAt' | 'lastAt'
>;

/** What becomes of the deliveries of one route that fail: a line in the log, a dead letter, an outcome for the source. */
export class Failures {
  readonly #route: ResolvedRoute;
  readonly #deadLetters: DeadLetters;
  readonly #log: RateLimitedLog;
  readonly #counters: Counters;

  constructor(route: ResolvedRoute, deadLetters: DeadLetters, log: RateLimitedLog, counters: Counters) {
    this.#route = route;
    this.#deadLetters = deadLetters;
    this.#log = log;
    this.#counters = counters;
  }

  /** The outcome of a message that cannot be carried to a target, or, where `to` is undefined, by the route. Never rejects. */
  refused(message: Envelope, to: RouteTarget | undefined, error: JunctionError): Promise<Outcome> {
    if (to?.mirror !== undefined) return Promise.resolve(this.unmirrored(to.endpoint, error));
    return this.untried(message, to, error);
  }

  /**
   * The outcome of a message that is not tried at a target, or at all targets where `to` is undefined. Never rejects.
   * @param firstAt when it was taken, ms since the epoch; now, where that is not said
   */
  untried(
    message: Envelope,
    to: RouteTarget | undefined,
    error: JunctionError,
    firstAt?: number,
  ): Promise<Outcome> {
    const now = Date.now();
    const target = { endpoint: to?.endpoint, address: to?.template.text };
    return this.forGood({ message, ...target, attempts: 0, firstAt: firstAt ?? now, lastAt: now }, error);
  }

  /** The outcome of a delivery that has failed for good: accepted where its dead letter is kept. Never rejects. */
  async forGood(attempted: Attempted, error: JunctionError): Promise<Outcome> {
    const { name: route, deadLetter: target, from } = this.#route;
    if (target === undefined) {
      const who = attempted.endpoint === undefined ? 'a route' : 'a target';
      this.#warn(attempted.endpoint, error, 'rejected', `${who} did not take a message`);
      return { state: 'rejected', error };
    }
    try {
      const { code, message: reason } = error;
      const message: Envelope = { ...attempted.message, origin: undefined };
      await this.#deadLetters.bury(
        { ...attempted, message, route, source: from.endpoint, code, reason },
        target,
      );
      this.#counters.deadLettered++;
      this.#warn(attempted.endpoint, error, 'dead letter', 'a message became a dead letter');
      return accepted;
    } catch (reason) {
      const unburied = JunctionError.from(reason);
      this.#warn(
        attempted.endpoint,
        unburied,
        'released',
        'a message failed for good, but its source keeps it',
      );
      return failed(unburied);
    }
  }

  /**
   * The owner of the queue to one of the route's targets. Of one that is a member of a group, or a mirror, failures for good
   * make no dead letter: the group has another one, and nobody waits for a mirror.
   */
  ownerAt({ endpoint, group, mirror }: RouteTarget): TargetQueueOwner {
    const alone = group === undefined && mirror === undefined;
    return {
      failedForGood: (delivery, error) => {
        if (alone) return this.forGood(attemptedOf(delivery, endpoint), error);
        if (group) this.#warn(endpoint, error, 'refused', 'a target of several did not take a message');
        return Promise.resolve({ state: 'rejected', error });
      },
      failedForNow: (_, error, again) => {
        if (again)
          this.#warn(endpoint, error, 'retried', 'a target did not take a message, which is sent again');
        else if (mirror === undefined)
          this.#warn(endpoint, error, 'released', 'a target did not take a message');
      },
      expired: (_, error = new JunctionError('expired', 'it expired before the target took it')) => {
        this.#counters.dropped++;
        this.#warn(endpoint, error, 'accepted', 'a message ends here');
      },
    };
  }

  /** A mirror did not get a copy, for which nobody waits. */
  unmirrored(endpoint: string, error: JunctionError): Outcome {
    this.#counters.unmirrored++;
    this.#warn(endpoint, error, 'accepted', 'a mirror did not get a copy of a message');
    return accepted;
  }

  #warn(endpoint: string | undefined, { code, message }: JunctionError, outcome: string, what: string): void {
    const route = this.#route.name;
    this.#log.warn(
      `${route} ${endpoint ?? ''} ${code} ${outcome}`,
      { route, ...(endpoint !== undefined && { endpoint }), code, outcome },
      `${what}: ${message}`,
    );
  }
}

function attemptedOf(delivery: Delivery, endpoint: string): Attempted {
  const { message, address, attempts, age } = delivery;
  const lastAt = Date.now();
  return { message, endpoint, address, attempts, firstAt: Math.round(lastAt - age), lastAt };
}
