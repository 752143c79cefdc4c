import type { Log } from '../../../core/protocol.ts';

/** One log line for each connection that is refused or closed for what it sent, but not more than some a second. */
export class RefusalLog {
  readonly #log: Log;
  #second = 0;
  #lines = 0;
  #total = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  get total(): number {
    return this.#total;
  }

  add(fields: object, why: string): void {
    this.#total++;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      if (this.#lines > linesPerSecond)
        this.#log.warn(
          { connections: this.#lines - linesPerSecond },
          'more connections were closed for what they sent',
        );
      this.#second = second;
      this.#lines = 0;
    }
    if (++this.#lines <= linesPerSecond) this.#log.warn(fields, `connection closed: ${why}`);
  }
}

const linesPerSecond = 10;
