import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, combine, failed, type Outcome } from '../core/outcome.ts';
import type { Intake, Log, Sink } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { Plan, RoutingTable, Target } from './table.ts';

/** A message that has passed this many routes, here and in other gateways, is going round in a circle. */
const maxHops = 8;

/** Carries messages from sources to the sinks of every route that reads them. It knows no protocol. */
export class Dispatcher {
  readonly #table: RoutingTable;
  readonly #sinks: ReadonlyMap<string, Sink>;
  readonly #log: RateLimitedLog;
  #dropped = 0;

  constructor(table: RoutingTable, sinks: ReadonlyMap<string, Sink>, log: Log) {
    this.#table = table;
    this.#sinks = sinks;
    this.#log = new RateLimitedLog(log);
  }

  /** How many messages ended here because they had expired or were going round in a circle. */
  get dropped(): number {
    return this.#dropped;
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

  #carry(envelope: Envelope, plan: Plan, from: string): Promise<Outcome> {
    const futile = whyFutile(envelope, plan);
    if (futile) {
      // Nothing is lost by ending it here, and a refusal would only bring it back.
      this.#dropped++;
      this.#warn(plan, from, futile);
      return Promise.resolve(accepted);
    }
    if (plan.refusal) {
      this.#warn(plan, from, plan.refusal);
      return Promise.resolve({ state: 'rejected', error: plan.refusal });
    }
    const via = envelope.via.length === 0 ? plan.routes : [...envelope.via, ...plan.routes];
    const onward: Envelope = { ...envelope, hops: envelope.hops + 1, via };
    const targets =
      envelope.via.length === 0
        ? plan.targets
        : plan.targets.filter((target) => !envelope.via.includes(target.route));
    if (targets.length === 1) return this.#send(onward, targets[0]!);
    return Promise.all(targets.map((target) => this.#send(onward, target))).then(combine);
  }

  #warn(plan: Plan, from: string, error: JunctionError): void {
    const { code, message } = error;
    this.#log.warn(`${plan.reader} ${code}`, { route: plan.reader, endpoint: from, code }, message);
  }

  async #send(envelope: Envelope, target: Target): Promise<Outcome> {
    try {
      const key = target.keyOf?.(envelope);
      const sent = key === undefined ? envelope : { ...envelope, key };
      await this.#sinks.get(target.endpoint)!.send(sent, target.address);
      return accepted;
    } catch (reason) {
      const outcome = failed(reason);
      const { route, endpoint } = target;
      const error = JunctionError.from(reason);
      this.#log.warn(
        `${route} ${endpoint} ${error.code}`,
        { route, endpoint, code: error.code, outcome: outcome.state },
        `a target did not take a message: ${error.message}`,
      );
      return outcome;
    }
  }
}

/** Why a message goes no further although its routes would take it; undefined where it does. */
function whyFutile(envelope: Envelope, plan: Plan): JunctionError | undefined {
  if (
    envelope.hops >= maxHops ||
    (envelope.via.length > 0 && plan.routes.every((route) => envelope.via.includes(route)))
  )
    return new JunctionError(
      'loop',
      `a message has come back to where it was (${envelope.hops} routes) and ends here; look for routes that feed each other`,
    );
  if (envelope.expiresAt !== undefined && envelope.expiresAt <= Date.now())
    return new JunctionError('expired', 'a message expired before it could be delivered, and ends here');
  return undefined;
}
