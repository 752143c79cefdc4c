import type { AddressSyntax } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { newIdentity } from '../core/identity.ts';
import { accepted, combine, failed, type Outcome } from '../core/outcome.ts';
import type { Intake, Log, Sink } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { DeadLetterStore } from '../core/storage.ts';
import { Carrier, told } from './carrier.ts';
import { DeadLetters } from './dead-letters.ts';
import type { Deduplication } from './dedup.ts';
import { Failures, type Counters } from './failures.ts';
import type { Handover } from './spool/handover.ts';
import { keyed, notRead, onwardOf, whyFutile } from './plan/onward.ts';
import { keepTargets, Lines, type Emptying, type Held, type Swapped } from './lines.ts';
import { sendToOne } from './targets/group.ts';
import { RouteHandover } from './route-handover.ts';
import type { RequestCounters, Requests } from './plan/requests.ts';
import type { ResolvedRoute, RouteTarget } from './route/route.ts';
import type { Part, RefusedTarget } from './plan/passage.ts';
import { planFor, RoutingTable, type Guard, type Plan } from './plan/table.ts';
import type { Target } from './targets/target.ts';

/** Takes messages of one route to hand them to its targets later (`Dispatcher.handover`). */
export interface SpoolEntrance {
  /**
   * Resolves once the message is on the disk.
   * @param beside called in the tick in which it is written there: what it writes to the store goes with the message
   * @throws JunctionError where it is not: `busy` where the spool is full
   */
  append(message: Envelope, beside?: () => void): Promise<void>;
}

export interface DispatcherOptions {
  /** For dead letters; must be there where a route keeps them in the store. */
  readonly store?: DeadLetterStore | undefined;
  /** The spool of a route, by its name; must be there for each that has one. */
  readonly spoolOf?: ((route: string) => SpoolEntrance | undefined) | undefined;
  /** What lets each message through a route once; must be there where a route wants that. */
  readonly dedupOf?: ((route: ResolvedRoute) => Deduplication) | undefined;
}

/** Carries messages from sources to the sinks of every route that reads them. It knows no protocol. */
export class Dispatcher {
  #table: RoutingTable;
  readonly #log: RateLimitedLog;
  readonly #spoolOf: DispatcherOptions['spoolOf'];
  readonly #dedupOf: DispatcherOptions['dedupOf'];
  #dedup: ReadonlyMap<string, Deduplication>;
  readonly #deadLetters: DeadLetters;
  readonly #lines: Lines;
  readonly #carrier: Carrier;
  readonly #requests: Requests | undefined;
  readonly #counters: Counters = {
    dropped: 0,
    deadLettered: 0,
    filtered: 0,
    unmirrored: 0,
    deduplicated: 0,
    unidentified: 0,
  };

  /** @param sinks by endpoint; it may change between swaps */
  constructor(
    table: RoutingTable,
    sinks: ReadonlyMap<string, Sink>,
    log: Log,
    { store, spoolOf, dedupOf }: DispatcherOptions = {},
  ) {
    this.#table = table;
    this.#requests = table.requests;
    this.#log = new RateLimitedLog(log);
    this.#spoolOf = spoolOf;
    this.#dedupOf = dedupOf;
    this.#dedup = this.#dedupIn(table);
    this.#deadLetters = new DeadLetters(sinks, store);
    this.#lines = new Lines({
      sinks,
      failuresOf: (route) => new Failures(route, this.#deadLetters, this.#log, this.#counters),
    });
    this.#lines.swap(table.routes, undefined);
    this.#carrier = new Carrier({
      queueOf: (to) => this.#lines.queueOf(to),
      failuresOf: (route) => this.#lines.get(route)?.failures,
    });
  }

  /**
   * From now on these routes hold, in place of those that did; each message is carried by the one or the other.
   * @param store as in the options, where it was not there before
   */
  swap(
    routes: readonly ResolvedRoute[],
    syntaxOf: (endpoint: string) => AddressSyntax,
    store?: DeadLetterStore,
  ): Swapped {
    if (store) this.#deadLetters.use(store);
    const before = this.#table;
    this.#table = new RoutingTable(keepTargets(before.routes, routes), syntaxOf, this.#requests);
    this.#requests?.keep(new Set(routes.flatMap(({ answers }) => answers?.route ?? [])));
    this.#dedup = this.#dedupIn(this.#table);
    return this.#lines.swap(this.#table.routes, before);
  }

  /** Lets what comes to a route that has lost its spool wait until that is empty. */
  waitFor(route: string, emptying: Emptying): void {
    this.#lines.waitFor(route, emptying);
  }

  /** Sends nothing to an endpoint for now. */
  hold(endpoint: string): Held {
    return this.#lines.hold(endpoint);
  }

  /** Resolves once what routes that are gone have taken for this endpoint is answered for. */
  retired(endpoint: string): Promise<void> {
    return this.#lines.retired(endpoint);
  }

  get counters(): Readonly<Counters & RequestCounters> {
    const { unanswered = 0, strays = 0 } = this.#requests?.counters ?? {};
    return { ...this.#counters, unanswered, strays };
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
    const line = this.#lines.get(name)!;
    const { endpoint } = line.route.from;
    return new RouteHandover({
      route: line.route,
      plan: (address) => (line.frozen ?? this.#table).plan(endpoint, address),
      queueOf: (to) => line.queues.get(to)!,
      failures: line.failures,
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
    const from = this.#lines.get(route)?.route.from.endpoint;
    const read = from === undefined ? undefined : this.#table.plan(from, message.address);
    const plan = read && planFor(read, message, route);
    if (!plan?.routes.includes(route)) return rejected(notRead(route, message));
    const part = plan.spooled.get(route) ?? plan.guards.get(route)?.part ?? plan;
    const refused = part.refused.filter((each) => each.route === route && each.to?.mirror === undefined);
    const still = only ? refused.find(({ to }) => isMeant(only, to)) : refused[0];
    const refusal = still?.error ?? part.refusal;
    let chosen = part.targets.filter(({ targets }) => targets[0].route === route);
    if (only) {
      const all = chosen.flatMap(({ targets }) => targets);
      const there = all.filter(({ to }) => to.endpoint === only.endpoint);
      // A route that has been mended may have another address there.
      const same = there.filter(({ address, to }) => address === only.address || isMeant(only, to));
      chosen = (same.length > 0 ? same : there).map((target) => ({ mode: 'one', targets: [target] }));
    }
    if (chosen.length === 0 || still || (!only && refusal))
      return rejected(refusal ?? notRead(route, message));
    const onward = onwardOf(message, plan);
    const once = (target: Target): Promise<Outcome> => {
      const { to, address, finish, settled } = target;
      const sent = this.#lines.queueOf(to).sendOnce(message, keyed(onward, target), address, finish);
      return settled ? told(sent, settled) : sent;
    };
    const sent = chosen.map((one) =>
      one.mode === 'mirror' ? this.#carrier.send(one, message, onward) : sendToOne(one, once),
    );
    return combine(await Promise.all(sent));
  }

  /** Gives what came from an endpoint and waits to be sent again back to it. */
  giveBack(from: string): void {
    this.#lines.giveBack(from);
  }

  /** Gives up what waits to be sent again, everywhere or for one endpoint; nothing is sent again from now on. */
  stop(endpoint?: string): void {
    this.#lines.stop(endpoint);
    if (endpoint === undefined) this.#requests?.stop();
  }

  #carry(envelope: Envelope, read: Plan, from: string): Promise<Outcome> {
    const plan = planFor(read, envelope);
    if (plan.routes.length === 0) {
      this.#counters.filtered++;
      return Promise.resolve(accepted);
    }
    const futile = whyFutile(envelope, plan);
    if (futile) return Promise.resolve(this.#drop(plan, from, futile));
    if (plan.refusal) {
      this.#warn(plan, from, plan.refusal);
      return Promise.resolve(rejected(plan.refusal));
    }
    const onward = onwardOf(envelope, plan);
    if (plan.only) return this.#carrier.toQueue(plan.only, envelope, onward);
    const parts = this.#sendAll(envelope, onward, plan);
    for (const route of plan.spooled.keys())
      if (!plan.guards.has(route) && !envelope.via.includes(route)) parts.push(this.#append(route, envelope));
    for (const [route, guard] of plan.guards)
      if (!envelope.via.includes(route)) parts.push(this.#once(route, guard, envelope, onward));
    return Promise.all(parts).then(combine);
  }

  #once(route: string, { valueOf, part }: Guard, message: Envelope, onward: Envelope): Promise<Outcome> {
    return this.#dedup
      .get(route)!
      .once(valueOf(message), this.#counters, (mark) =>
        part
          ? Promise.all(this.#sendAll(message, onward, part)).then(combine)
          : this.#append(route, message, mark),
      );
  }

  #sendAll(message: Envelope, onward: Envelope, { targets, refused }: Part): Promise<Outcome>[] {
    const passed = ({ route }: { readonly route: string }): boolean => message.via.includes(route);
    const parts: Promise<Outcome>[] = [];
    for (const one of targets)
      if (!passed(one.targets[0])) parts.push(this.#carrier.send(one, message, onward));
    for (const target of refused) if (!passed(target)) parts.push(this.#refuse(message, target));
    return parts;
  }

  #refuse(message: Envelope, { route, to, error }: RefusedTarget): Promise<Outcome> {
    const failures = this.#lines.get(route)?.failures;
    return failures ? failures.refused(message, to, error) : Promise.resolve(failed(gone(route)));
  }

  async #append(route: string, message: Envelope, beside?: () => void): Promise<Outcome> {
    try {
      const spool = this.#spoolOf!(route);
      if (!spool) throw gone(route);
      // What a target sees of a message that is read from the disk once more is to be what it saw before.
      const identified = message.id ?? message.identity;
      await spool.append(
        identified === undefined ? { ...message, identity: newIdentity() } : message,
        beside,
      );
      return accepted;
    } catch (reason) {
      const { code, message: why } = JunctionError.from(reason);
      this.#log.warn(`${route} spool ${code}`, { route, code }, `a spool did not take a message: ${why}`);
      return failed(reason);
    }
  }

  #dedupIn({ routes }: RoutingTable): ReadonlyMap<string, Deduplication> {
    return new Map(routes.flatMap((route) => (route.dedup ? [[route.name, this.#dedupOf!(route)]] : [])));
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

/** Whether a dead letter is one of this target, by what is written there. */
const isMeant = (only: { readonly endpoint: string; readonly address: string }, to?: RouteTarget): boolean =>
  to?.endpoint === only.endpoint && to.template.text === only.address;

const gone = (route: string): JunctionError =>
  new JunctionError('closed', `route "${route}" has changed meanwhile; send the message again`);

const rejected = (error: JunctionError): Outcome => ({ state: 'rejected', error });
