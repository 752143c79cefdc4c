import type { Configuration } from '../config/load.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { combine, type Outcome } from '../core/outcome.ts';
import type { Log, Sink, WireMessage } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { DeadLetter } from '../core/storage.ts';
import { Dispatcher } from '../routing/dispatch.ts';
import { Requests } from '../routing/plan/requests.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';
import { RoutingTable } from '../routing/plan/table.ts';
import { MemoryDeadLetters, MemorySeen } from './memory.ts';

/** What one target was sent. */
export interface Sent {
  readonly endpoint: string;
  readonly address: string;
  /** As the gateway hands it to the endpoint. */
  readonly message: Envelope;
  /** As it goes over the line. */
  readonly frame: WireMessage | undefined;
  /** As a reader of that protocol understands it. */
  readonly arrives: Envelope;
}

/** What became of one message. */
export interface Tried {
  readonly outcome: Outcome;
  readonly sent: readonly Sent[];
  readonly letters: readonly DeadLetter[];
  /** Whether routes read its address and none wanted it. */
  readonly filtered: boolean;
  /** Lines of the log. */
  readonly said: readonly string[];
}

export interface TrialSettings {
  /** Endpoints that take nothing for now, and those that refuse everything for good. */
  readonly down?: readonly string[];
  readonly refusing?: readonly string[];
}

/**
 * The routes of a configuration, tried without connections: the real table, conditions, transforms and wire formats, with
 * endpoints that note what they are sent. Nothing is tried twice and nothing waits: a spool hands on at once.
 */
export class Trial {
  readonly #configuration: Configuration;
  readonly #dispatcher: Dispatcher;
  readonly #letters = new MemoryDeadLetters();
  readonly #settings: TrialSettings;
  readonly #now: number;
  #sent: Sent[] = [];
  #said: string[] = [];

  /** @param now ms since the epoch at which messages cross */
  constructor(configuration: Configuration, settings: TrialSettings = {}, now = Date.now()) {
    this.#configuration = configuration;
    this.#settings = settings;
    this.#now = now;
    const say = (_: object, message: string): void => void this.#said.push(message);
    const log: Log = { debug: say, info: say, warn: say, error: say };
    const seen = new MemorySeen(log);
    const requests = new Requests(new RateLimitedLog(log));
    requests.stop(); // an answer comes within the trial, or not at all
    this.#dispatcher = new Dispatcher(
      new RoutingTable(
        configuration.routes.map(once),
        (name) => this.#definition(name).protocol.address,
        requests,
        () => this.#now,
      ),
      new Map([...configuration.endpoints.keys()].map((name) => [name, this.#sink(name)])),
      log,
      {
        store: this.#letters,
        spoolOf: (route) => ({ append: (message, beside) => this.#handOn(route, message, beside) }),
        dedupOf: (route) => seen.of(route),
      },
    );
  }

  /** Publishes a message at an endpoint, as one of its clients or its broker would. */
  async publish(endpoint: string, message: Envelope): Promise<Tried> {
    this.#sent = [];
    this.#said = [];
    this.#letters.clear();
    const arrived = this.#wire(endpoint, message, message.address).arrives;
    const { filtered } = this.#dispatcher.counters;
    const outcome = await this.#dispatcher.intakeOf(endpoint).deliver(arrived);
    return {
      outcome,
      sent: this.#sent,
      letters: this.#letters.all,
      filtered: this.#dispatcher.counters.filtered > filtered,
      said: this.#said,
    };
  }

  #definition(name: string) {
    const definition = this.#configuration.endpoints.get(name);
    if (!definition) throw new JunctionError('invalid-message', `there is no endpoint ${name}`);
    return definition;
  }

  #wire(endpoint: string, message: Envelope, address: string) {
    const { definition, config } = this.#definition(endpoint);
    const wire = definition.wire?.(config);
    return wire ? wire(message, address, this.#now) : { frame: undefined, arrives: { ...message, address } };
  }

  #sink(endpoint: string): Sink {
    const { down = [], refusing = [] } = this.#settings;
    return {
      send: async (message, address) => {
        if (down.includes(endpoint)) throw new JunctionError('unavailable', 'the test says that it is down');
        if (refusing.includes(endpoint)) throw new JunctionError('refused', 'the test says that it refuses');
        this.#sent.push({ endpoint, address, message, ...this.#wire(endpoint, message, address) });
      },
    };
  }

  async #handOn(route: string, message: Envelope, beside?: () => void): Promise<void> {
    beside?.();
    const shares = this.#dispatcher.handover(route).sharesOf(message);
    const outcome = combine(await Promise.all(shares.map((share) => share.send())));
    if (outcome.state !== 'accepted')
      this.#said.push(`it waits in the spool of ${route}: ${outcome.error.message}`);
  }
}

/** Nothing waits in a trial. */
const once = (route: ResolvedRoute): ResolvedRoute => ({
  ...route,
  to: route.to.map((to) => ({ ...to, retry: undefined })),
});
