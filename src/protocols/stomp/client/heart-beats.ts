/** The two sides of a line that may not fall silent (STOMP 1.2 "Heart-beating"). */
export interface BeatingLine {
  /** Sends a line end. */
  beat(): void;
  /** The broker was not heard for too long. */
  silent(): void;
}

/** Node makes 1 ms of what is over 2^31-1. */
const longestTimer = 2 ** 31 - 1;

/** Sends beats while nothing else is sent, and notices when the broker is heard no more. */
export class HeartBeats {
  readonly #line: BeatingLine;
  #timer: NodeJS.Timeout | undefined;
  #sent = false;
  #heard = true;
  #silences = 0;

  constructor(line: BeatingLine) {
    this.#line = line;
  }

  /**
   * @param own what we offered and want, ms; 0 for none
   * @param answer the header of CONNECTED, `sends,wants` in ms
   */
  start(own: number, answer: string | undefined): void {
    const found = /^\s*(\d+)\s*,\s*(\d+)\s*$/.exec(answer ?? '0,0');
    const [sends, wants] = [Number(found?.[1] ?? 0), Number(found?.[2] ?? 0)];
    const every = wants > 0 && own > 0 ? Math.max(own, wants) : 0;
    const expected = sends > 0 && own > 0 ? Math.max(own, sends) : 0;
    if (every === 0 && expected === 0) return;
    const shortest = Math.min(every || Infinity, expected || Infinity);
    const interval = Math.min(longestTimer, Math.max(10, shortest / 2));
    // two intervals of silence in a row would be the time agreed; as much again is the line's delay
    const silences = expected === 0 ? Infinity : Math.ceil((2 * expected) / interval);
    this.#timer = setInterval(() => {
      if (every > 0 && !this.#sent) this.#line.beat();
      this.#sent = false;
      this.#silences = this.#heard ? 0 : this.#silences + 1;
      this.#heard = false;
      if (this.#silences >= silences) this.#line.silent();
    }, interval);
  }

  sent(): void {
    this.#sent = true;
  }

  heard(): void {
    this.#heard = true;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
