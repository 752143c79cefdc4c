/** Buckets for each doubling: a value is off by at most 1/64 of itself. */
const perOctave = 64;
const buckets = perOctave * 40;

/** A histogram of durations in µs, in a plain array so that it can cross to another process and be added up. */
export class Histogram {
  readonly counts: number[];
  count = 0;
  sum = 0;
  max = 0;

  constructor() {
    this.counts = new Array<number>(buckets).fill(0);
  }

  record(micros: number): void {
    const value = micros > 0 ? micros : 0;
    this.counts[bucketOf(value)]!++;
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
  }

  reset(): void {
    this.counts.fill(0);
    this.count = this.sum = this.max = 0;
  }

  add(other: HistogramData): void {
    for (const [bucket, count] of other.counts) this.counts[bucket]! += count;
    this.count += other.count;
    this.sum += other.sum;
    if (other.max > this.max) this.max = other.max;
  }

  /** The value, in µs, that `share` (0..1) of all values do not exceed; 0 where there are none. */
  quantile(share: number): number {
    const wanted = Math.ceil(share * this.count);
    let seen = 0;
    for (let bucket = 0; bucket < buckets; bucket++) {
      seen += this.counts[bucket]!;
      if (seen >= wanted && seen > 0) return Math.min(upperBound(bucket), this.max);
    }
    return this.max;
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.sum / this.count;
  }

  data(): HistogramData {
    const counts: [number, number][] = [];
    this.counts.forEach((count, bucket) => count > 0 && counts.push([bucket, count]));
    return { counts, count: this.count, sum: this.sum, max: this.max };
  }
}

/** A histogram as it crosses between processes: only the buckets that hold something. */
export interface HistogramData {
  readonly counts: readonly [bucket: number, count: number][];
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

/** Linear below `perOctave` µs, from there `perOctave` buckets for each doubling. */
function bucketOf(value: number): number {
  if (value < perOctave) return Math.floor(value);
  const octave = Math.floor(Math.log2(value / perOctave));
  const within = Math.floor(value / 2 ** octave) - perOctave;
  return Math.min(buckets - 1, perOctave * (octave + 1) + Math.min(within, perOctave - 1));
}

function upperBound(bucket: number): number {
  if (bucket < perOctave) return bucket + 1;
  const octave = Math.floor(bucket / perOctave) - 1;
  return (perOctave + (bucket % perOctave) + 1) * 2 ** octave;
}
