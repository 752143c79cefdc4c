import type { Limits } from './limits.ts';

/** How long, in ms, the peer may take to answer our close. */
const closePatience = 2_000;

/** What is due at a tick. */
export type Due = 'nothing' | 'send' | 'idle' | 'never opened' | 'closed';

/**
 * The times of one connection, from ticks of the owner's clock alone: whether the peer is silent for too long, and
 * whether we are (§2.4.5). However short the time-out a peer asks for, we send at most once a tick.
 */
export class Heartbeat {
  readonly #limits: Limits;
  #peerTimeout = 0;
  #heard = false;
  #heardAt = -1;
  #sent = false;
  #sentAt = -1;
  #lastTick = -1;
  #since = -1;
  #phase: 'opening' | 'open' | 'closing' = 'opening';
  #closingSince = -1;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  heard(): void {
    this.#heard = true;
  }

  sent(): void {
    this.#sent = true;
  }

  /** @param timeout in ms, as the peer asked for; 0 for none */
  setPeerTimeout(timeout: number): void {
    this.#peerTimeout = timeout;
  }

  opened(): void {
    this.#phase = 'open';
  }

  closing(): void {
    this.#phase = 'closing';
  }

  /** @param now monotonic, in ms */
  tick(now: number): Due {
    if (this.#since < 0) {
      this.#since = this.#heardAt = this.#sentAt = this.#lastTick = now;
    }
    if (this.#heard) this.#heardAt = now;
    // It may have been sent right after the last tick: rather too early than too late.
    if (this.#sent) this.#sentAt = this.#lastTick;
    this.#heard = this.#sent = false;
    this.#lastTick = now;
    return this.#due(now);
  }

  #due(now: number): Due {
    if (this.#phase === 'closing') {
      if (this.#closingSince < 0) this.#closingSince = now;
      return now - this.#closingSince >= closePatience ? 'closed' : 'nothing';
    }
    if (this.#phase === 'opening')
      return now - this.#since >= this.#limits.openTimeout ? 'never opened' : 'nothing';
    if (this.#limits.idleTimeout > 0 && now - this.#heardAt >= this.#limits.idleTimeout) return 'idle';
    if (this.#peerTimeout > 0 && now - this.#sentAt >= this.#peerTimeout / 2) return 'send';
    return 'nothing';
  }
}
