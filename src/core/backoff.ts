/**
 * The wait in ms before the next attempt, doubled every time up to a bound: between half and all of its nominal length,
 * so that many do not come back at once.
 * @param failures how many attempts have failed in a row, from 1
 * @param from the first wait in ms
 * @param to the longest wait in ms
 */
export function backoffAfter(failures: number, from: number, to: number): number {
  const nominal = Math.min(to, from * 2 ** Math.min(failures - 1, 30));
  return nominal * (0.5 + Math.random() / 2);
}

/** How long to wait before each further attempt: doubled every time, up to a bound, with jitter. */
export class Backoff {
  readonly #from: number;
  readonly #to: number;
  #attempts = 0;

  /**
   * @param from the first wait in ms
   * @param to the longest wait in ms
   */
  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  /** The next wait in ms. */
  next(): number {
    return backoffAfter(++this.#attempts, this.#from, this.#to);
  }

  /** To be called after a success. */
  reset(): void {
    this.#attempts = 0;
  }
}
