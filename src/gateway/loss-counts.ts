import type { LossCounter, LossName } from '../core/losses.ts';

/** Counts what messages have lost, by the endpoint that they went to. */
export class LossCounts {
  readonly #endpoints = new Map<string, Map<LossName, number>>();

  /** Endpoints where nothing was lost are not among them. */
  get all(): ReadonlyMap<string, ReadonlyMap<LossName, number>> {
    return this.#endpoints;
  }

  /** Goes on where the one before of this name has stopped, also when the endpoint is made anew. */
  counterOf(endpoint: string): LossCounter {
    return {
      lost: (what) => {
        let counts = this.#endpoints.get(endpoint);
        if (!counts) this.#endpoints.set(endpoint, (counts = new Map<LossName, number>()));
        counts.set(what, (counts.get(what) ?? 0) + 1);
      },
    };
  }
}
