import type { Envelope } from '../core/envelope.ts';
import type { JunctionError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import { Carrier } from './carrier.ts';
import type { Failures } from './failures.ts';
import type { Handover, Share } from './spool/handover.ts';
import { keyed, notRead, onwardOf, whyFutile } from './plan/onward.ts';
import type { ResolvedRoute, RouteTarget } from './route/route.ts';
import { planFor, type Plan } from './plan/table.ts';
import type { TargetQueue } from './targets/target-queue.ts';

export interface RouteHandoverParts {
  readonly route: ResolvedRoute;
  /** What becomes of a message with this address that comes from where the route reads. */
  plan(address: string): Plan | undefined;
  queueOf(to: RouteTarget): TargetQueue;
  readonly failures: Failures;
  /** A message ends here for this reason. */
  drop(plan: Plan, futile: JunctionError): void;
}

/** Brings the messages of a route's spool to the queues of the route's targets. */
export class RouteHandover implements Handover {
  readonly #parts: RouteHandoverParts;
  readonly #names: readonly string[];
  readonly #carrier: Carrier;

  constructor(parts: RouteHandoverParts) {
    this.#parts = parts;
    this.#names = namesOf(parts.route.to);
    this.#carrier = new Carrier({ queueOf: (to) => parts.queueOf(to), failuresOf: () => parts.failures });
  }

  sharesOf(message: Envelope): readonly Share[] {
    const { route, failures } = this.#parts;
    const read = this.#parts.plan(message.address);
    const plan = read && planFor(read, message, route.name);
    const part = plan?.spooled.get(route.name);
    if (!plan || !part) {
      const error = notRead(route.name, message);
      return [this.#whole(message, () => this.bury(message, Date.now(), error))];
    }
    const futile = whyFutile(message, plan);
    if (futile) {
      this.#parts.drop(plan, futile);
      return [];
    }
    const { refusal } = part;
    if (refusal) return [this.#whole(message, () => Promise.resolve({ state: 'rejected', error: refusal }))];
    const onward = onwardOf(message, plan);
    const shares: Share[] = part.targets.map((one) => {
      const [first] = one.targets;
      const { to, address } = first;
      const target = route.to.indexOf(to);
      const { key } = keyed(onward, first);
      const lane = key ?? address;
      return {
        target,
        name: this.#names[target]!,
        lane,
        // Of a group some other target may still take it, and nobody waits for a mirror.
        blocked: () => one.mode === 'one' && this.#parts.queueOf(to).isBlocked(lane),
        send: () => this.#carrier.send(one, message, onward),
        bury: (at, error) => failures.untried(message, to, error, at),
      };
    });
    for (const { to, error } of part.refused) {
      if (!to) {
        shares.push(this.#whole(message, () => this.bury(message, Date.now(), error)));
        continue;
      }
      const target = route.to.indexOf(to);
      shares.push({
        target,
        name: this.#names[target]!,
        lane: '',
        blocked: () => false,
        send: () => failures.refused(message, to, error),
        bury: (at, late) => failures.untried(message, to, late, at),
      });
    }
    return shares;
  }

  bury(message: Envelope, at: number, error: JunctionError): Promise<Outcome> {
    return this.#parts.failures.untried(message, undefined, error, at);
  }

  stuck(): number {
    return this.#queues().reduce((sum, queue) => sum + queue.blockedLanes, 0);
  }

  onStuck(callback: () => void): void {
    for (const queue of this.#queues()) queue.onBlocked(callback);
  }

  onFree(callback: (target: number, lane: string) => void): void {
    this.#queues().forEach((queue, target) => queue.onFree((lane) => callback(target, lane)));
  }

  stop(): void {
    for (const queue of this.#queues()) queue.stop();
  }

  /** What is done with a message as a whole. */
  #whole(message: Envelope, send: () => Promise<Outcome>): Share {
    const bury: Share['bury'] = (at, error) => this.bury(message, at, error);
    return { target: 0, name: '', lane: '', blocked: () => false, send, bury };
  }

  #queues(): TargetQueue[] {
    return this.#parts.route.to.map((to) => this.#parts.queueOf(to));
  }
}

/** Tells the targets of a route apart by what is written there; of equal ones each further one has its number. */
function namesOf(targets: readonly RouteTarget[]): string[] {
  const seen = new Map<string, number>();
  return targets.map(({ endpoint, template }) => {
    const name = `${endpoint} ${template.text}`;
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name} ${before + 1}`;
  });
}
