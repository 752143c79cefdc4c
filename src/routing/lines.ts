import { isDeepStrictEqual } from 'node:util';
import type { Sink } from '../core/protocol.ts';
import type { Failures } from './failures.ts';
import type { ResolvedRoute, RouteTarget } from './route/route.ts';
import type { RetryPolicy } from './route/retry.ts';
import type { RoutingTable } from './plan/table.ts';
import { TargetQueue } from './targets/target-queue.ts';

/** A route as it is carried: its rules, and a queue for each of its targets. */
export interface Line {
  route: ResolvedRoute;
  readonly failures: Failures;
  readonly queues: ReadonlyMap<RouteTarget, TargetQueue>;
  /** By which table its spool goes on; undefined: by the one in use. */
  frozen: RoutingTable | undefined;
}

/** What a swap of the routes means to their spools. */
export interface Swapped {
  /** Routes with a spool whose messages are handed over anew, by other rules or for the first time. */
  readonly begun: ReadonlySet<string>;
  /** Routes that had a spool and have none now. */
  readonly lost: ReadonlySet<string>;
}

export interface LinesParts {
  /** By endpoint; it may change between swaps. */
  readonly sinks: ReadonlyMap<string, Sink>;
  failuresOf(route: ResolvedRoute): Failures;
}

/** What is held back from an endpoint. */
export interface Held {
  /** Resolves once the endpoint has answered for what was under way. */
  readonly quiet: Promise<void>;
  /** @param sink where it goes from now on, in place of the one it was meant for */
  resume(sink?: Sink): void;
}

/** The end of a spool whose route has none any more. */
export interface Emptying {
  /** Resolves once it is empty, or is given up. */
  readonly emptied: Promise<void>;
  /** Keeps what is left in it, as for a route that is gone. */
  giveUp(): void;
}

interface Busy {
  readonly endpoint: string;
  readonly queue: TargetQueue;
}

/**
 * The lines of all routes, and what becomes of their queues when the routes change. Messages of one flow, which is what
 * goes from one pattern of an endpoint to one address template of another, stay in their queue whatever else becomes of
 * the route. All other queues are retired: they deliver what they have by their old rules, and queues to the same
 * endpoint let them go first, lane by lane.
 */
export class Lines {
  readonly #parts: LinesParts;
  #lines = new Map<string, Line>();
  #queues = new Map<RouteTarget, Busy>();
  /** Also for plans of former tables, by which some messages are still carried. */
  readonly #former = new WeakMap<RouteTarget, TargetQueue>();
  readonly #retired = new Set<Busy>();
  /** Lines whose spools are being emptied since their routes have none any more. */
  readonly #emptying = new Map<Line, Emptying | undefined>();
  /** Queues that wait for the spool of a route to be emptied, and its name. */
  readonly #waiting = new Map<TargetQueue, string>();

  constructor(parts: LinesParts) {
    this.#parts = parts;
  }

  get(route: string): Line | undefined {
    return this.#lines.get(route);
  }

  queueOf(to: RouteTarget): TargetQueue {
    return this.#queues.get(to)?.queue ?? this.#former.get(to)!;
  }

  /**
   * From now on these routes hold.
   * @param before the table that has held until now, by which spools that come to an end go on
   */
  swap(routes: readonly ResolvedRoute[], before: RoutingTable | undefined): Swapped {
    const old = this.#lines;
    const spare = flowsOf(old.values());
    const kept = new Set<Line>();
    const begun = new Set<string>();
    const lost = new Set<string>();
    this.#lines = new Map();
    this.#queues = new Map();
    for (const route of routes) {
      const former = old.get(route.name);
      const line = former && goesOn(former.route, route) ? former : this.#newLine(route, spare);
      if (line === former) {
        line.route = route;
        kept.add(line);
      } else if (route.spool) begun.add(route.name);
      if (former?.route.spool && !route.spool) lost.add(route.name);
      this.#lines.set(route.name, line);
      for (const [to, queue] of line.queues) {
        this.#queues.set(to, { endpoint: to.endpoint, queue });
        this.#former.set(to, queue);
      }
    }
    for (const line of old.values())
      if (line.route.spool && !kept.has(line)) {
        line.frozen = before;
        if (lost.has(line.route.name)) this.#emptying.set(line, undefined);
      }
    for (const busy of spare.values()) for (const each of busy) this.#retire(each);
    for (const { endpoint, queue } of this.#queues.values())
      for (const retired of this.#retired) if (retired.endpoint === endpoint) queue.follow(retired.queue);
    return { begun, lost };
  }

  /** Lets the messages of a route that has lost its spool wait until that is empty; may be said again after a swap. */
  waitFor(route: string, emptying: Emptying): void {
    const all = [...this.#lines.get(route)!.queues.values()];
    const queues = all.filter((queue) => !this.#waiting.has(queue));
    const line = [...this.#emptying.keys()].find((each) => each.route.name === route);
    if (line) this.#emptying.set(line, emptying);
    for (const queue of queues) {
      void queue.hold();
      this.#waiting.set(queue, route);
    }
    void emptying.emptied.then(() => {
      if (line) this.#emptying.delete(line);
      for (const queue of queues) {
        this.#waiting.delete(queue);
        queue.resume();
      }
    });
  }

  /** Sends nothing to an endpoint for now; what comes waits. */
  hold(endpoint: string): Held {
    const queues = this.#at(endpoint);
    const quiet = Promise.all(queues.map((queue) => queue.hold()));
    return {
      quiet: quiet.then(() => undefined),
      resume: (sink) => {
        for (const queue of queues) queue.resume(sink);
      },
    };
  }

  /** Resolves once nothing is left for an endpoint that routes which are gone, or their spools, have taken. */
  async retired(endpoint: string): Promise<void> {
    const there = [...this.#retired].filter((each) => each.endpoint === endpoint);
    await Promise.all([
      ...there.map(({ queue }) => queue.retire()),
      ...this.#emptyingTo(endpoint).map((each) => each.emptied),
    ]);
  }

  /** Gives what came from an endpoint and waits back to it. */
  giveBack(from: string): void {
    for (const { route, queues } of this.#lines.values())
      if (route.from.endpoint === from) for (const queue of queues.values()) queue.giveBack();
  }

  /** Gives up what waits, everywhere or in queues to one endpoint. */
  stop(endpoint?: string): void {
    for (const queue of this.#at(endpoint)) queue.stop();
    if (endpoint !== undefined) for (const each of this.#emptyingTo(endpoint)) each.giveUp();
  }

  #emptyingTo(endpoint: string): Emptying[] {
    return [...this.#emptying].flatMap(([{ route }, emptying]) =>
      emptying && route.to.some((to) => to.endpoint === endpoint) ? [emptying] : [],
    );
  }

  #at(endpoint?: string): TargetQueue[] {
    const here = (at: string): boolean => endpoint === undefined || at === endpoint;
    const found = [...this.#queues.values(), ...this.#retired].filter((each) => here(each.endpoint));
    const emptying = [...this.#emptying.keys()].flatMap(({ queues }) => [...queues]);
    return [
      ...found.map(({ queue }) => queue),
      ...emptying.filter(([to]) => here(to.endpoint)).map(([, queue]) => queue),
    ];
  }

  #newLine(route: ResolvedRoute, spare: Map<string, Busy[]>): Line {
    const failures = this.#parts.failuresOf(route);
    const queues = new Map<RouteTarget, TargetQueue>();
    for (const to of route.to) {
      const policy = policyOf(route, to);
      const owner = failures.ownerAt(to);
      const carried = route.spool ? undefined : spare.get(flowOf(route, to))?.shift()?.queue;
      carried?.adopt(policy, owner);
      const sink = this.#parts.sinks.get(to.endpoint)!;
      queues.set(to, carried ?? new TargetQueue(sink, policy, owner, route.spool !== undefined));
    }
    return { route, failures, queues, frozen: undefined };
  }

  #retire(busy: Busy): void {
    this.#retired.add(busy);
    const route = this.#waiting.get(busy.queue);
    const line = route === undefined ? undefined : this.#lines.get(route);
    // Where the spool is not being emptied any more, what waits for that is its source's again.
    if (route !== undefined && (!line || line.route.spool)) busy.queue.stop();
    void busy.queue.retire().then(() => this.#retired.delete(busy));
  }
}

/** The new routes, with the same targets where nothing has changed about them: that is how their spools know them. */
export function keepTargets(
  before: readonly ResolvedRoute[],
  routes: readonly ResolvedRoute[],
): ResolvedRoute[] {
  const old = new Map(before.map((route) => [route.name, route.to]));
  return routes.map((route) => {
    const to = old.get(route.name);
    return to && isDeepStrictEqual(to, route.to) ? { ...route, to } : route;
  });
}

const flowOf = ({ from }: ResolvedRoute, to: RouteTarget): string =>
  JSON.stringify([
    from.endpoint,
    from.pattern.text,
    to.endpoint,
    to.template.text,
    to.group?.mode,
    to.mirror,
  ]);

/** The queues of routes without spool, by flow. */
function flowsOf(lines: Iterable<Line>): Map<string, Busy[]> {
  const flows = new Map<string, Busy[]>();
  for (const { route, queues } of lines) {
    if (route.spool) continue;
    for (const [to, queue] of queues) {
      const flow = flowOf(route, to);
      const busy = { endpoint: to.endpoint, queue };
      const known = flows.get(flow);
      if (known) known.push(busy);
      else flows.set(flow, [busy]);
    }
  }
  return flows;
}

/** Whether the spool of a route goes on as if nothing had happened; its bounds are no part of that. */
function goesOn(before: ResolvedRoute, after: ResolvedRoute): boolean {
  if (!before.spool || !after.spool || before.to !== after.to) return false;
  return isDeepStrictEqual(rulesOf(before), rulesOf(after));
}

function rulesOf(route: ResolvedRoute): object {
  const { from, deadLetter, spool } = route;
  return { from, deadLetter, maxAge: spool?.maxAge };
}

function policyOf({ deadLetter, spool }: ResolvedRoute, to: RouteTarget): RetryPolicy | undefined {
  const { retry } = to;
  if (to.mirror !== undefined) return undefined;
  // A route without dead letters has nowhere to put what has been tried in vain but its source.
  const policy = retry && (deadLetter ? retry : { ...retry, over: 'release' as const });
  // What waits in a lane behind it grows old in the spool, but the first one is here.
  const maxAge = spool?.maxAge ?? Infinity;
  return policy && maxAge < policy.deadline ? { ...policy, deadline: maxAge, over: 'dead' as const } : policy;
}
