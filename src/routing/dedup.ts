import { hash } from 'node:crypto';
import { accepted, failed, type Outcome } from '../core/outcome.ts';
import type { Log } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type { SeenStore, SeenValues } from '../core/storage.ts';
import type { DedupSettings, ResolvedRoute } from './route/route.ts';

/** What was counted since the start. */
export interface DedupCounters {
  /** Repeats that were accepted and not sent again, once for each route. */
  deduplicated: number;
  /** Messages of routes with deduplication that lack what would tell them apart, and so were sent whatever came before. */
  unidentified: number;
}

/**
 * Lets each message through a route once within a window. A value is remembered, on the disk, after its message has been
 * taken by all targets, and before its source is told so: a crash in between lets one repeat through, and none is held
 * back whose message was not taken.
 */
export class Deduplication {
  readonly #route: string;
  readonly #seen: SeenValues;
  readonly #log: Log;
  readonly #warnings: RateLimitedLog;
  /** What becomes of the first message of a value that is under way. */
  readonly #underWay = new Map<string, Promise<Outcome>>();

  constructor(route: string, seen: SeenValues, log: Log) {
    this.#route = route;
    this.#seen = seen;
    this.#log = log;
    this.#warnings = new RateLimitedLog(log);
  }

  /**
   * The outcome of a message. A repeat of one that came through is accepted at once; a repeat of one that is under way
   * shares its outcome, whatever that is: when it fails, both are still their sources', which send them again. Never
   * rejects.
   * @param value what tells the message apart; undefined where it lacks a part of that
   * @param deliver carries it on; may call `mark` in the tick in which it writes the message to the store, so that
   *   one transaction holds both
   */
  once(
    value: string | undefined,
    counters: DedupCounters,
    deliver: (mark: () => void) => Promise<Outcome>,
  ): Promise<Outcome> {
    if (value === undefined) {
      counters.unidentified++;
      this.#warnings.warn(
        'unidentified',
        { route: this.#route },
        'a message lacks what dedup.by tells messages apart by, and is sent without looking for repeats',
      );
      return deliver(() => undefined);
    }
    const digest = hash('sha256', value, 'buffer').subarray(0, 16);
    const name = digest.toString('latin1');
    const first = this.#underWay.get(name);
    if (first)
      return first.then((outcome) =>
        outcome.state === 'accepted' ? this.#repeat(value, counters) : outcome,
      );
    if (this.#seen.has(digest)) return Promise.resolve(this.#repeat(value, counters));
    // What is sent now could not be remembered, and would be sent again whenever its source tries again.
    if (this.#seen.stopped) return Promise.resolve(failed(this.#seen.stopped));
    const outcome = this.#first(digest, deliver);
    this.#underWay.set(name, outcome);
    void outcome.then(() => this.#underWay.delete(name));
    return outcome;
  }

  async #first(digest: Buffer, deliver: (mark: () => void) => Promise<Outcome>): Promise<Outcome> {
    let marked: Promise<void> | undefined;
    const outcome = await deliver(() => {
      marked = this.#seen.add(digest);
      marked.catch(() => undefined); // awaited below, if the delivery comes through at all
    });
    if (outcome.state !== 'accepted') return outcome;
    try {
      await (marked ?? this.#seen.add(digest));
      return outcome;
    } catch (reason) {
      return failed(reason);
    }
  }

  #repeat(value: string, counters: DedupCounters): Outcome {
    counters.deduplicated++;
    this.#log.debug(
      { route: this.#route, value: value.slice(0, 200) },
      'a message came again, and is not sent again',
    );
    return accepted;
  }
}

/** The deduplication of every route that has one. It outlives the tables of routes, and so what is under way does. */
export class Deduplications {
  readonly #store: SeenStore;
  readonly #log: Log;
  readonly #known = new Map<SeenValues, Deduplication>();

  constructor(store: SeenStore, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  /** That of a route; reads from the disk what is remembered, the first time. */
  of({ name }: Pick<ResolvedRoute, 'name'>, { by, window, max }: DedupSettings): Deduplication {
    const seen = this.#store.seen(name, by.text, { window, max });
    let known = this.#known.get(seen);
    if (!known) this.#known.set(seen, (known = new Deduplication(name, seen, this.#log)));
    return known;
  }
}
