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

  /** The next wait in ms, between half and all of its nominal length, so that many clients do not come back at once. */
  next(): number {
    const nominal = Math.min(this.#to, this.#from * 2 ** Math.min(this.#attempts++, 30));
    return nominal * (0.5 + Math.random() / 2);
  }

  /** To be called after a success. */
  reset(): void {
    this.#attempts = 0;
  }
}
