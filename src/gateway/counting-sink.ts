import type { Envelope } from '../core/envelope.ts';
import type { LossCounter } from '../core/losses.ts';
import { looksFor, lostOf, type Look } from '../core/message-losses.ts';
import type { Sink, Traits } from '../core/protocol.ts';

/** A sink that counts what the traits of its endpoint say is lost of each message that it has taken. */
export function countingSink(sink: Sink, traits: Traits, losses: LossCounter): Sink {
  const looks = looksFor(traits);
  return looks.length === 0 ? sink : new CountingSink(sink, looks, losses);
}

class CountingSink implements Sink {
  readonly #sink: Sink;
  readonly #looks: readonly Look[];
  readonly #losses: LossCounter;

  constructor(sink: Sink, looks: readonly Look[], losses: LossCounter) {
    this.#sink = sink;
    this.#looks = looks;
    this.#losses = losses;
  }

  send(envelope: Envelope, address: string): Promise<void> {
    const sent = this.#sink.send(envelope, address);
    // Most messages lose nothing: for them that is all.
    for (const { has } of this.#looks) if (has(envelope)) return this.#count(sent, envelope);
    return sent;
  }

  async #count(sent: Promise<void>, envelope: Envelope): Promise<void> {
    await sent;
    for (const name of lostOf(envelope, this.#looks)) this.#losses.lost(name);
  }
}
