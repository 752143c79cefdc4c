import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, combine, failed, type Outcome } from '../core/outcome.ts';
import type { Intake, Log, Sink } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { DeadLetterStore } from '../core/storage.ts';
import { DeadLetters } from './dead-letters.ts';
import { Failures, type Counters } from './failures.ts';
import type { Handover } from './handover.ts';
import { keyed, notRead, onwardOf, whyFutile } from './onward.ts';
import { RouteHandover } from './route-handover.ts';
import type { ResolvedRoute, RouteTarget } from './route.ts';
import type { Part, Plan, RefusedTarget, RoutingTable, Target } from './table.ts';
import { TargetQueue } from './target-queue.ts';

/** Takes messages of one route to hand them to its targets later (`Dispatcher.handover`). */
export interface SpoolEntrance {
  /**
   * Resolves once the message is on the disk.
   * @throws JunctionError where it is not: `busy` where the spool is full
   */
  append(message: Envelope): Promise<void>;
}

export interface DispatcherOptions {
  /** For dead letters; must be there where a route keeps them in the store. */
  readonly store?: DeadLetterStore | undefined;
  /** The spool of a route, by its name; must be there for each that has one. */
  readonly spoolOf?: ((route: string) => SpoolEntrance) | undefined;
}

/** Carries messages from sources to the sinks of every route that reads them. It knows no protocol. */
export class Dispatcher {
  readonly #table: RoutingTable;
  readonly #log: RateLimitedLog;
  readonly #spoolOf: DispatcherOptions['spoolOf'];
  readonly #routes = new Map<string, ResolvedRoute>();
  readonly #failures = new Map<string, Failures>();
  readonly #queues = new Map<RouteTarget, TargetQueue>();
  readonly #counters: Counters = { dropped: 0, deadLettered: 0 };

  constructor(
    table: RoutingTable,
    sinks: ReadonlyMap<string, Sink>,
    log: Log,
    { store, spoolOf }: DispatcherOptions = {},
  ) {
    this.#table = table;
    this.#log = new RateLimitedLog(log);
    this.#spoolOf = spoolOf;
    const deadLetters = new DeadLetters(sinks, store);
    for (const route of table.routes) {
      const failures = new Failures(route, deadLetters, this.#log, this.#counters);
      this.#routes.set(route.name, route);
      this.#failures.set(route.name, failures);
      for (const to of route.to) {
        // A route without dead letters has nowhere to put what has been tried in vain but its source.
        const retry = to.retry && (route.deadLetter ? to.retry : { ...to.retry, over: 'release' as const });
        // What waits in a lane behind it grows old in the spool, but the first one is here.
        const maxAge = route.spool?.maxAge ?? Infinity;
        const policy =
          retry && maxAge < retry.deadline ? { ...retry, deadline: maxAge, over: 'dead' as const } : retry;
        this.#queues.set(
          to,
          new TargetQueue(
            sinks.get(to.endpoint)!,
            policy,
            failures.ownerAt(to.endpoint),
            route.spool !== undefined,
          ),
        );
      }
    }
  }

  get counters(): Readonly<Counters> {
    return this.#counters;
  }

  /** What the source of this endpoint hands its messages to. */
  intakeOf(endpoint: string): Intake {
    return {
      patterns: this.#table.patternsOf(endpoint),
      readerOf: (address) => this.#table.plan(endpoint, address)?.reader,
      deliver: (envelope) => {
        const plan = this.#table.plan(endpoint, envelope.address);
        return plan ? this.#carry(envelope, plan, endpoint) : Promise.resolve(accepted);
      },
    };
  }

  /** How the spool of a route reaches the route's targets. */
  handover(name: string): Handover {
    const route = this.#routes.get(name)!;
    const { endpoint } = route.from;
    return new RouteHandover({
      route,
      plan: (address) => this.#table.plan(endpoint, address),
      queueOf: (to) => this.#queues.get(to)!,
      failures: this.#failures.get(name)!,
      drop: (plan, futile) => void this.#drop(plan, endpoint, futile),
    });
  }

  /**
   * Takes a message through a route once more, each target tried once; what fails makes no dead letter.
   * @param only the one target that is meant; undefined: all of the route
   */
  async replay(
    route: string,
    message: Envelope,
    only?: { readonly endpoint: string; readonly address: string },
  ): Promise<Outcome> {
    const from = this.#routes.get(route)?.from.endpoint;
    const plan = from === undefined ? undefined : this.#table.plan(from, message.address);
    if (!plan?.routes.includes(route)) return rejected(notRead(route, message));
    const part = plan.spooled.get(route) ?? plan;
    const refusal = part.refused.find((each) => each.route === route)?.error ?? part.refusal;
    let targets = part.targets.filter((target) => target.route === route);
    if (only) {
      const there = targets.filter(({ to }) => to.endpoint === only.endpoint);
      // A route that has been mended may have another address there.
      const same = there.filter(({ address }) => address === only.address);
      targets = same.length > 0 ? same : there;
    }
    if (targets.length === 0 || (!only && refusal)) return rejected(refusal ?? notRead(route, message));
    const onward = onwardOf(message, plan);
    const sent = targets.map((target) =>
      this.#queues.get(target.to)!.sendOnce(keyed(onward, target), target.address),
    );
    return combine(await Promise.all(sent));
  }

  /** Gives up what waits to be sent again; nothing is sent again from now on. */
  stop(): void {
    for (const queue of this.#queues.values()) queue.stop();
  }

  #carry(envelope: Envelope, plan: Plan, from: string): Promise<Outcome> {
    const futile = whyFutile(envelope, plan);
    if (futile) return Promise.resolve(this.#drop(plan, from, futile));
    if (plan.refusal) {
      this.#warn(plan, from, plan.refusal);
      return Promise.resolve(rejected(plan.refusal));
    }
    const onward = onwardOf(envelope, plan);
    if (plan.targets.length === 1 && plan.spooled.size === 0 && plan.refused.length === 0)
      return this.#send(envelope, onward, plan.targets[0]!);
    const parts = this.#sendAll(envelope, onward, plan);
    for (const route of plan.spooled.keys())
      if (!envelope.via.includes(route)) parts.push(this.#append(route, envelope));
    return Promise.all(parts).then(combine);
  }

  #sendAll(message: Envelope, onward: Envelope, { targets, refused }: Part): Promise<Outcome>[] {
    const passed = ({ route }: { readonly route: string }): boolean => message.via.includes(route);
    const parts: Promise<Outcome>[] = [];
    for (const target of targets) if (!passed(target)) parts.push(this.#send(message, onward, target));
    for (const target of refused) if (!passed(target)) parts.push(this.#refuse(message, target));
    return parts;
  }

  #send(message: Envelope, onward: Envelope, target: Target): Promise<Outcome> {
    return this.#queues.get(target.to)!.send(message, keyed(onward, target), target.address);
  }

  #refuse(message: Envelope, { route, to, error }: RefusedTarget): Promise<Outcome> {
    const now = Date.now();
    const attempted = { message, endpoint: to.endpoint, address: to.template.text, attempts: 0 };
    return this.#failures.get(route)!.forGood({ ...attempted, firstAt: now, lastAt: now }, error);
  }

  async #append(route: string, message: Envelope): Promise<Outcome> {
    try {
      await this.#spoolOf!(route).append(message);
      return accepted;
    } catch (reason) {
      const { code, message: why } = JunctionError.from(reason);
      const { endpoint } = this.#routes.get(route)!.from;
      this.#log.warn(
        `${route} spool ${code}`,
        { route, endpoint, code },
        `a spool did not take a message: ${why}`,
      );
      return failed(reason);
    }
  }

  /** Nothing is lost by ending it here, and a refusal would only bring it back. */
  #drop(plan: Plan, from: string, futile: JunctionError): Outcome {
    this.#counters.dropped++;
    this.#warn(plan, from, futile);
    return accepted;
  }

  #warn(plan: Plan, from: string, error: JunctionError): void {
    const { code, message } = error;
    this.#log.warn(`${plan.reader} ${code}`, { route: plan.reader, endpoint: from, code }, message);
  }
}

const rejected = (error: JunctionError): Outcome => ({ state: 'rejected', error });
