import type { Log } from '../../core/protocol.ts';

/** One line of each kind in this time, in ms; the next one says how many were left out. */
const interval = 1000;

interface Kind {
  last: number;
  suppressed: number;
}

/** Log lines that clients can cause, and so must not be able to flood. */
export class Reports {
  readonly #log: Log;
  readonly #kinds = new Map<string, Kind>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param kind one of few, not made of what clients send */
  warn(kind: string, fields: object, message: string): void {
    const now = performance.now();
    let state = this.#kinds.get(kind);
    if (!state) this.#kinds.set(kind, (state = { last: -Infinity, suppressed: 0 }));
    if (now - state.last < interval) {
      state.suppressed++;
      return;
    }
    this.#log.warn(state.suppressed > 0 ? { ...fields, suppressed: state.suppressed } : fields, message);
    state.last = now;
    state.suppressed = 0;
  }
}
