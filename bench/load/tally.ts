import { now } from './clock.ts';
import { Histogram } from './histogram.ts';
import { readStamp, stampBytes } from './stamp.ts';

/** What one sink has received: each message counted once by its number, repeats and latencies beside. */
export class Tally {
  readonly latency = new Histogram();
  readonly #run: number;
  readonly #seen: Uint8Array[] = [];
  readonly #last: number[] = [];
  /** Different messages. */
  received = 0;
  duplicates = 0;
  /** Messages whose number is below one that the same producer's message had before. */
  disordered = 0;
  /** Bodies of another size, another run or no stamp. */
  foreign = 0;
  readonly #bytes: number;

  /** @param bytes the size of every body */
  constructor(run: number, bytes: number) {
    this.#run = run;
    this.#bytes = bytes;
  }

  /** @param arrived µs (clock.ts), read once for all messages of one read */
  record(from: Buffer, start: number, end: number, arrived = now()): void {
    if (end - start !== this.#bytes || end - start < stampBytes) {
      this.foreign++;
      return;
    }
    const { run, producer, sequence, intended } = readStamp(from, start);
    if (run !== this.#run) {
      this.foreign++;
      return;
    }
    let seen = this.#seen[producer];
    if (seen === undefined || sequence >= seen.length) seen = this.#grow(producer, sequence);
    if (seen[sequence] === 1) {
      this.duplicates++;
      return;
    }
    seen[sequence] = 1;
    this.received++;
    if (sequence < this.#last[producer]!) this.disordered++;
    else this.#last[producer] = sequence;
    this.latency.record(arrived - intended);
  }

  #grow(producer: number, sequence: number): Uint8Array {
    const grown = new Uint8Array(Math.max(65_536, (sequence + 1) * 2));
    const before = this.#seen[producer];
    if (before) grown.set(before);
    else this.#last[producer] = 0;
    return (this.#seen[producer] = grown);
  }
}
