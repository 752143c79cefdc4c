import { performance } from 'node:perf_hooks';
import type { Envelope } from '../../core/envelope.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Lane } from './lane.ts';
import type { Finish } from './target.ts';

/** One message on its way to one target of a route. */
export class Delivery {
  /** As its source handed it over. */
  readonly message: Envelope;
  /** As it is sent, once it is finished. */
  envelope: Envelope;
  /** Where to, in the target's syntax. */
  readonly address: string;
  /** Its place in the order in which messages were given to this target. */
  readonly sequence: number;
  /** Its ordering key, if it has one. */
  readonly key: string | undefined;
  /** What is left to do before it is sent. */
  finish: Finish | undefined;
  attempts = 0;
  /** When it was first sent, by the monotonic clock in ms. */
  startedAt = 0;
  /** Where it counts as under way or waits; undefined while nothing of this target is in trouble. */
  lane: Lane<Delivery> | undefined = undefined;
  /** Neighbours among those under way. */
  previous: Delivery | undefined = undefined;
  next: Delivery | undefined = undefined;
  #outcome: Promise<Outcome> | undefined = undefined;
  #resolve: ((outcome: Outcome) => void) | undefined = undefined;

  constructor(
    message: Envelope,
    envelope: Envelope,
    address: string,
    sequence: number,
    finish: Finish | undefined,
  ) {
    this.message = message;
    this.envelope = envelope;
    this.address = address;
    this.sequence = sequence;
    this.key = envelope.key;
    this.finish = finish;
  }

  /** Messages of one name keep their order: those of one key, or without key those to one address. */
  get laneName(): string {
    return this.key ?? this.address;
  }

  /** Ms since it was first sent. */
  get age(): number {
    return this.attempts === 0 ? 0 : performance.now() - this.startedAt;
  }

  /** What becomes of it; made only for a delivery that waits, since the others have their sink's promise. */
  get outcome(): Promise<Outcome> {
    return (this.#outcome ??= new Promise((resolve) => (this.#resolve = resolve)));
  }

  settle(outcome: Outcome): Outcome {
    this.#resolve?.(outcome);
    return outcome;
  }
}

/** Those under way at one target, in order of sending; a list, since it costs next to nothing per message. */
export class UnderWay {
  #first: Delivery | undefined;
  #last: Delivery | undefined;

  get empty(): boolean {
    return this.#first === undefined;
  }

  add(delivery: Delivery): void {
    delivery.previous = this.#last;
    if (this.#last) this.#last.next = delivery;
    else this.#first = delivery;
    this.#last = delivery;
  }

  remove(delivery: Delivery): void {
    const { previous, next } = delivery;
    if (previous) previous.next = next;
    else this.#first = next;
    if (next) next.previous = previous;
    else this.#last = previous;
    delivery.previous = undefined;
    delivery.next = undefined;
  }

  *[Symbol.iterator](): Generator<Delivery> {
    for (let at = this.#first; at; at = at.next) yield at;
  }
}
