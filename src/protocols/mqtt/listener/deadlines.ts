/** What a connection is late with: the step that is due, or any sign of life. */
export type Late = 'overdue' | 'silent' | undefined;

/** The times of one connection: its CONNECT, its keep-alive, its close. All in ms of the monotonic clock. */
export class Deadlines {
  #due: number;
  #keepAlive = 0;
  #heardAt: number;

  /** @param within how long the CONNECT may take */
  constructor(now: number, within: number) {
    this.#due = now + within;
    this.#heardAt = now;
  }

  /** The next step must be done in this time. */
  expect(now: number, within: number): void {
    this.#due = now + within;
  }

  /**
   * The client is connected: from here on only its silence counts.
   * @param keepAlive seconds, as agreed; 0 for none
   */
  connected(keepAlive: number): void {
    this.#due = Infinity;
    this.#keepAlive = keepAlive * 1500; // [MQTT-3.1.2-22]
  }

  heard(now: number): void {
    this.#heardAt = now;
  }

  check(now: number): Late {
    if (now >= this.#due) return 'overdue';
    return this.#keepAlive > 0 && now - this.#heardAt > this.#keepAlive ? 'silent' : undefined;
  }
}
