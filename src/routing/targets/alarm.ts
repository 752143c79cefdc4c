import { performance } from 'node:perf_hooks';

/** Least ms between two calls. */
const granularity = 10;

/** One timer for many waits: it is set for the earliest, and those that are due nearly at once share one call. */
export class Alarm {
  readonly #ring: () => void;
  #timer: NodeJS.Timeout | undefined;
  /** By the monotonic clock in ms. */
  #at = Infinity;

  /** @param ring called at the earliest time that was asked for, or a little later; then nothing is asked for any more */
  constructor(ring: () => void) {
    this.#ring = ring;
  }

  /**
   * @param at by the monotonic clock in ms
   * @param least ms from now on, where that is less than what calls are apart
   */
  wakeAt(at: number, least = granularity): void {
    if (at >= this.#at) return;
    clearTimeout(this.#timer);
    this.#at = at;
    const wait = Math.max(Math.min(granularity, least), at - performance.now());
    this.#timer = setTimeout(() => {
      this.#at = Infinity;
      this.#ring();
    }, wait);
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = Infinity;
  }
}
