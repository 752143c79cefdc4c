import type { Publication } from '../codec/publication.ts';
import { filterMatches } from '../codec/topics.ts';

/** The last retained message of each topic, up to a bound (MQTT 5 §3.3.1.3). */
export class Retained {
  readonly #limit: number;
  readonly #messages = new Map<string, Publication>();
  /** Messages that were not retained because the bound was reached. */
  refused = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** An empty payload removes it [MQTT-3.3.1-6]. */
  put(publication: Publication, now: number): void {
    const { topic, payload } = publication.message;
    if (payload.length === 0) {
      this.#messages.delete(topic);
    } else if (this.#messages.size >= this.#limit && !this.#messages.has(topic)) {
      this.#dropExpired(now);
      if (this.#messages.size >= this.#limit) this.refused++;
      else this.#messages.set(topic, publication.detached(now));
    } else {
      this.#messages.set(topic, publication.detached(now));
    }
  }

  remove(topic: string): void {
    this.#messages.delete(topic);
  }

  /** @param now ms of the wall clock; what has expired by then is forgotten */
  *matching(filters: readonly string[], now: number): Generator<Publication> {
    this.#dropExpired(now);
    for (const filter of filters) {
      if (!/[+#]/.test(filter)) {
        const found = this.#messages.get(filter);
        if (found) yield found;
        continue;
      }
      for (const [topic, found] of this.#messages) if (filterMatches(filter, topic)) yield found;
    }
  }

  #dropExpired(now: number): void {
    for (const [topic, publication] of this.#messages)
      if (publication.expired(now)) this.#messages.delete(topic);
  }
}
