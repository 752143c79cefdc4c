import { parsePattern, type AddressSyntax } from '../../src/core/address.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { accepted, type Outcome } from '../../src/core/outcome.ts';
import type { Intake } from '../../src/core/protocol.ts';
import { PatternIndex } from '../../src/core/pattern-index.ts';

export const rejected: Outcome = {
  state: 'rejected',
  error: new JunctionError('refused', 'the target refuses it'),
};
export const released: Outcome = {
  state: 'released',
  error: new JunctionError('unavailable', 'the target is away'),
};

/** What a source hands messages to, with the outcome in the hand of the test. */
export class HeldIntake implements Intake {
  readonly patterns;
  readonly #index: PatternIndex<string>;
  readonly taken: Envelope[] = [];
  readonly #open: ((outcome: Outcome) => void)[] = [];
  /** Decides at once where it is set; undefined holds the message. */
  answer: ((envelope: Envelope) => Outcome | undefined) | undefined;

  constructor(syntax: AddressSyntax, ...addresses: string[]) {
    this.#index = new PatternIndex(syntax);
    this.patterns = addresses.map((address) => parsePattern(address, syntax));
    for (const pattern of this.patterns) this.#index.add(pattern, pattern.text);
  }

  readerOf(address: string): string | undefined {
    return this.#index.match(address)[0]?.value;
  }

  deliver(envelope: Envelope): Promise<Outcome> {
    if (this.readerOf(envelope.address) === undefined) return Promise.resolve(accepted);
    this.taken.push(envelope);
    const now = this.answer?.(envelope);
    if (now) return Promise.resolve(now);
    return new Promise((resolve) => this.#open.push(resolve));
  }

  /** Settles everything that is held. */
  settleAll(outcome: Outcome = accepted): void {
    for (const settle of this.#open.splice(0)) settle(outcome);
  }

  /** Settles the oldest that is held. */
  settleOne(outcome: Outcome = accepted): void {
    this.#open.shift()?.(outcome);
  }
}
