import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { accepted, combine, failed, type Outcome } from '../core/outcome.ts';
import type { Intake, Log, Sink } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { Plan, RoutingTable, Target } from './table.ts';

/** A message that has passed this many routes is going round in a circle. */
const maxHops = 16;

/** Carries messages from sources to the sinks of every route that reads them. It knows no protocol. */
export class Dispatcher {
  readonly #table: RoutingTable;
  readonly #sinks: ReadonlyMap<string, Sink>;
  readonly #log: RateLimitedLog;

  constructor(table: RoutingTable, sinks: ReadonlyMap<string, Sink>, log: Log) {
    this.#table = table;
    this.#sinks = sinks;
    this.#log = new RateLimitedLog(log);
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
    const refusal = plan.refusal ?? refusalOf(envelope);
    if (refusal) {
      this.#log.warn(
        `${plan.reader} ${refusal.code}`,
        { route: plan.reader, endpoint: from, code: refusal.code },
        refusal.message,
      );
      return Promise.resolve({ state: 'rejected', error: refusal });
    }
    const onward: Envelope = { ...envelope, hops: envelope.hops + 1 };
    if (plan.targets.length === 1) return this.#send(onward, plan.targets[0]!);
    return Promise.all(plan.targets.map((target) => this.#send(onward, target))).then(combine);
  }

  async #send(envelope: Envelope, target: Target): Promise<Outcome> {
    try {
      await this.#sinks.get(target.endpoint)!.send(envelope, target.address);
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

function refusalOf(envelope: Envelope): JunctionError | undefined {
  if (envelope.hops >= maxHops)
    return new JunctionError(
      'loop',
      `the message has passed ${envelope.hops} routes: it goes round in a circle; look for routes that feed each other`,
    );
  if (envelope.expiresAt !== undefined && envelope.expiresAt <= Date.now())
    return new JunctionError('expired', 'the message expired before it could be delivered');
  return undefined;
}
