import { Backoff } from '../core/backoff.ts';
import type { Envelope } from '../core/envelope.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Intake, Log } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';

/** Waits before a released message is handed over again, in ms. */
const [first, longest] = [100, 30_000];

/**
 * Hands over messages of a broker and tries a released one again here, with back-off, while the broker still counts
 * it as ours: given back at once it would come back at once, for as long as a target is away.
 */
export class Redelivery {
  readonly #intake: Intake;
  readonly #log: RateLimitedLog;
  readonly #held = new Map<symbol, { readonly why: string; readonly giveUp: () => void }>();
  #delivering = 0;
  #stopped = false;
  #onIdle: (() => void)[] = [];

  constructor(intake: Intake, log: Log) {
    this.#intake = intake;
    this.#log = new RateLimitedLog(log);
  }

  /** Why a message is held, if one is. */
  get trouble(): string | undefined {
    for (const { why } of this.#held.values()) return why;
    return undefined;
  }

  /**
   * The outcome to settle with: accepted or rejected; released where it is to be given back to the broker, because
   * this stopped or `lost` aborted meanwhile. Never rejects.
   * @param lost aborts when the broker no longer counts the message as ours
   */
  deliver(envelope: Envelope, lost: AbortSignal): Promise<Outcome> {
    this.#delivering++;
    return this.#intake.deliver(envelope).then(async (outcome) => {
      if (outcome.state !== 'accepted') this.#report(envelope, outcome);
      const last = outcome.state === 'released' ? await this.#again(envelope, outcome, lost) : outcome;
      if (--this.#delivering === 0) for (const idle of this.#onIdle.splice(0)) idle();
      return last;
    });
  }

  /** Gives up what is held; resolves once nothing is being delivered any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { giveUp } of [...this.#held.values()]) giveUp();
    if (this.#delivering > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #again(
    envelope: Envelope,
    released: Outcome & { state: 'released' },
    lost: AbortSignal,
  ): Promise<Outcome> {
    const backoff = new Backoff(first, longest);
    let outcome: Outcome = released;
    for (let count = 1; outcome.state === 'released' && !this.#stopped && !lost.aborted; count++) {
      await this.#hold(`a message from ${envelope.address} is held: ${outcome.error.message}`, backoff, lost);
      if (this.#stopped || lost.aborted) break;
      outcome = await this.#intake.deliver({ ...envelope, deliveryCount: envelope.deliveryCount + count });
    }
    return outcome;
  }

  #hold(why: string, backoff: Backoff, lost: AbortSignal): Promise<void> {
    const key = Symbol();
    return new Promise((resolve) => {
      const over = (): void => {
        clearTimeout(timer);
        lost.removeEventListener('abort', over);
        this.#held.delete(key);
        resolve();
      };
      const timer = setTimeout(over, backoff.next());
      lost.addEventListener('abort', over);
      this.#held.set(key, { why, giveUp: over });
    });
  }

  #report({ address }: Envelope, outcome: Outcome & { state: 'rejected' | 'released' }): void {
    this.#log.warn(
      outcome.state,
      { address, error: outcome.error.message },
      outcome.state === 'released'
        ? 'a message is held, unacknowledged, and tried again'
        : 'a message was refused to the broker, whose dead-letter policy decides what becomes of it',
    );
  }
}
