import { performance } from 'node:perf_hooks';
import type { Log } from './protocol.ts';

/** How many different keys are told apart; keys may come from outside. */
const keyLimit = 1000;

/**
 * Warnings that may come by the thousand: of each key one line per interval, which says how many were held back.
 */
export class RateLimitedLog {
  readonly #log: Log;
  readonly #interval: number;
  readonly #last = new Map<string, { at: number; suppressed: number }>();

  /** @param interval ms between two lines of one key */
  constructor(log: Log, interval = 5000) {
    this.#log = log;
    this.#interval = interval;
  }

  warn(key: string, fields: object, message: string): void {
    const now = performance.now();
    const last = this.#last.get(key);
    if (last && now - last.at < this.#interval) {
      last.suppressed++;
      return;
    }
    if (!last && this.#last.size >= keyLimit) this.#last.clear();
    this.#last.set(key, { at: now, suppressed: 0 });
    this.#log.warn(last?.suppressed ? { ...fields, suppressed: last.suppressed } : fields, message);
  }
}
