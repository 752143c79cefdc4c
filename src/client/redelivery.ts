import { setImmediate as tick } from 'node:timers/promises';
import { Backoff } from '../core/backoff.ts';
import type { Envelope } from '../core/envelope.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Intake, Log } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';

/** Waits before a released message is handed over again, in ms. */
const [first, longest] = [100, 30_000];

/** A message that was released, until it is settled. */
interface Held {
  readonly why: string;
  readonly lost: AbortSignal;
  /** Ends its wait; undefined while it is being tried. */
  wake: (() => void) | undefined;
}

/**
 * Hands over messages of a broker and tries a released one again here, with back-off, while the broker still counts
 * it as ours: given back at once it would come back at once, for as long as a target is away.
 */
export class Redelivery {
  readonly #intake: Intake;
  readonly #log: RateLimitedLog;
  readonly #held = new Set<Held>();
  /** One listener for each connection: node warns of more than ten. */
  readonly #watched = new WeakSet<AbortSignal>();
  #delivering = 0;
  #stopped = false;
  #onIdle: (() => void)[] = [];

  constructor(intake: Intake, log: Log) {
    this.#intake = intake;
    this.#log = new RateLimitedLog(log);
  }

  /** Why a message is held, if one is. */
  get trouble(): string | undefined {
    for (const { why } of this.#held) return why;
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

  /** Gives up what is held; resolves once every caller of `deliver` has had its outcome. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { wake } of this.#held) wake?.();
    if (this.#delivering > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
    await tick(); // callers learn of the last outcome some microtasks after it is counted here
  }

  async #again(
    envelope: Envelope,
    released: Outcome & { state: 'released' },
    lost: AbortSignal,
  ): Promise<Outcome> {
    const backoff = new Backoff(first, longest);
    const why = `a message from ${envelope.address} is held: ${released.error.message}`;
    const held: Held = { why, lost, wake: undefined };
    let outcome: Outcome = released;
    this.#held.add(held);
    for (let count = 1; outcome.state === 'released' && !this.#stopped && !lost.aborted; count++) {
      await this.#wait(held, backoff.next());
      if (this.#stopped || lost.aborted) break;
      outcome = await this.#intake.deliver({ ...envelope, deliveryCount: envelope.deliveryCount + count });
    }
    this.#held.delete(held);
    return outcome;
  }

  /** Resolves after this many ms, or sooner where it is given up. */
  async #wait(held: Held, ms: number): Promise<void> {
    this.#watch(held.lost);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      held.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    held.wake = undefined;
  }

  #watch(lost: AbortSignal): void {
    if (this.#watched.has(lost)) return;
    this.#watched.add(lost);
    const wakeAll = (): void => {
      for (const held of this.#held) if (held.lost === lost) held.wake?.();
    };
    lost.addEventListener('abort', wakeAll, { once: true });
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
