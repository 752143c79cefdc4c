import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { crc32 } from 'node:zlib';
import type { JunctionError } from '../core/errors.ts';
import type { SeenBounds, SeenValues } from '../core/storage.ts';
import { DigestQueue, digestLength } from './digest-queue.ts';
import type { GroupCommit, Summary } from './group-commit.ts';
import { numberKey, type Table, type Tables } from './tables.ts';

/** Values that were confirmed in one transaction: one record, which is written and removed as a whole. */
interface Batch {
  readonly sequence: number;
  /** When, by the clock below. */
  at: number;
  /** How many of its digests are in memory. */
  count: number;
}

interface OpenBatch extends Batch {
  readonly digests: Buffer[];
  readonly written: Promise<void>;
}

const recordVersion = 1;
/** A byte of version, four of checksum, eight each for the time and the window; then the digests. */
const header = 21;
const prefixLength = 16;
const clockKey = Buffer.from('seen-clock');

/** Records that may be removed are gathered until there are so many, or for a tenth of the window. */
const removeAtOnce = 64;

/**
 * The time by which values are forgotten, ms. It begins with the wall clock and goes on with the monotonic one, so that
 * a clock that is set while we run changes nothing. What passes while we do not run is told by the wall clock alone: it
 * counts only where it is forward.
 */
class SeenClock {
  readonly #start: number;

  constructor(stored: Buffer | undefined) {
    const { logical, wall } = stored
      ? (JSON.parse(stored.toString()) as { logical: number; wall: number })
      : { logical: Date.now(), wall: Date.now() };
    this.#start = logical + Math.max(0, Date.now() - wall) - performance.now();
  }

  now(): number {
    return this.#start + performance.now();
  }

  encode(): Buffer {
    return Buffer.from(JSON.stringify({ logical: this.now(), wall: Date.now() }));
  }
}

/** What has come through the routes lately: a set of digests for each, in memory as a whole and on the disk. */
export class SeenSets {
  readonly #tables: Tables;
  readonly #commit: GroupCommit;
  readonly #clock: SeenClock;
  readonly #warn: (route: string, message: string) => void;
  readonly #sets = new Map<string, StoredSeen>();

  /** To be called when the store has been opened: what of all sets is over is removed. */
  constructor(tables: Tables, commit: GroupCommit, warn: (route: string, message: string) => void) {
    this.#tables = tables;
    this.#commit = commit;
    this.#warn = warn;
    this.#clock = new SeenClock(tables.about.get(clockKey));
    this.#removeOver();
  }

  /** The set of a route, read from the disk where it is not in memory yet. */
  of(route: string, by: string, bounds: SeenBounds): StoredSeen {
    const name = JSON.stringify([route, by]);
    let set = this.#sets.get(name);
    if (!set) {
      set = new StoredSeen(prefixOf(name), bounds, this.#tables, this.#commit, this.#clock, (message) =>
        this.#warn(route, message),
      );
      this.#sets.set(name, set);
    }
    set.bounds = bounds;
    return set;
  }

  /** Also of routes that are no more, whose records nobody else would remove. */
  #removeOver(): void {
    const { seen } = this.#tables;
    const now = this.#clock.now();
    let start: Buffer | undefined = Buffer.of(0);
    while (start) {
      let prefix: Buffer | undefined;
      for (const { key, value } of seen.getRange({ start })) {
        prefix ??= key.subarray(0, prefixLength);
        if (!key.subarray(0, prefixLength).equals(prefix)) break;
        const record = decode(value);
        if (record && record.at + record.window > now) break;
        this.#commit.remove(seen, key);
      }
      start = prefix && after(prefix);
    }
  }
}

/** The values that have come through one route, as digests, oldest first. */
export class StoredSeen implements SeenValues, Summary {
  bounds: SeenBounds;
  readonly #prefix: Buffer;
  readonly #tables: Tables;
  readonly #commit: GroupCommit;
  readonly #clock: SeenClock;
  readonly #warn: (message: string) => void;
  readonly #digests = new DigestQueue();
  /** Those of which any digest is in memory. */
  #batches: Batch[] = [];
  #head = 0;
  /** Records that may be removed, and when the first of them was let go. */
  #over: number[] = [];
  #overSince = 0;
  #open: OpenBatch | undefined;
  #last = 0;
  #overflowed = false;

  constructor(
    prefix: Buffer,
    bounds: SeenBounds,
    tables: Tables,
    commit: GroupCommit,
    clock: SeenClock,
    warn: (message: string) => void,
  ) {
    this.#prefix = prefix;
    this.bounds = bounds;
    this.#tables = tables;
    this.#commit = commit;
    this.#clock = clock;
    this.#warn = warn;
    this.#load();
  }

  get size(): number {
    this.#expire();
    return this.#digests.size;
  }

  get stopped(): JunctionError | undefined {
    return this.#commit.stopped;
  }

  has(digest: Buffer): boolean {
    this.#expire();
    return this.#digests.has(digest);
  }

  add(digest: Buffer): Promise<void> {
    if (this.#commit.stopped) return Promise.reject(this.#commit.stopped);
    const open = this.#open ?? this.#begin();
    open.digests.push(digest);
    return open.written;
  }

  write(put: (table: Table, key: Buffer, value: Buffer) => void): void {
    const open = this.#open;
    if (!open) return;
    this.#open = undefined;
    open.at = this.#clock.now();
    put(this.#tables.seen, this.#keyOf(open.sequence), encode(open.at, this.bounds.window, open.digests));
  }

  /** All that comes until the transaction is written shares it. */
  #begin(): OpenBatch {
    this.#removeSoon();
    // The clock goes into the same transaction; a commit without any operation would not take place.
    this.#commit.put(this.#tables.about, clockKey, this.#clock.encode(), this);
    const written = this.#commit.confirmed().then(() => this.#confirmed(open));
    const open: OpenBatch = { sequence: ++this.#last, at: 0, count: 0, digests: [], written };
    this.#open = open;
    return open;
  }

  #confirmed(batch: OpenBatch): void {
    this.#keep(batch, batch.digests);
    this.#bound();
  }

  #keep({ sequence, at }: Omit<Batch, 'count'>, digests: readonly Buffer[]): void {
    for (const digest of digests) this.#digests.push(digest);
    this.#batches.push({ sequence, at, count: digests.length });
  }

  #bound(): void {
    let excess = this.#digests.size - this.bounds.max;
    if (excess <= 0) return;
    if (!this.#overflowed)
      this.#warn(
        `more than ${this.bounds.max} messages came within the window of deduplication: the oldest are forgotten early, and a repeat of one of them is sent again; raise dedup.max or shorten its window`,
      );
    this.#overflowed = true;
    while (excess > 0) excess -= this.#shift(excess);
  }

  /** Forgets what is over; on the disk it is removed later, with others. */
  #expire(): void {
    if (this.#head === this.#batches.length) return;
    const over = this.#clock.now() - this.bounds.window;
    while (this.#head < this.#batches.length && this.#batches[this.#head]!.at <= over) this.#shift(Infinity);
  }

  /** Forgets so many of the oldest batch. @returns how many they were */
  #shift(most: number): number {
    const batch = this.#batches[this.#head]!;
    const count = Math.min(most, batch.count);
    this.#digests.shift(count);
    batch.count -= count;
    if (batch.count > 0) return count;
    if (this.#over.length === 0) this.#overSince = this.#clock.now();
    this.#over.push(batch.sequence);
    if (++this.#head >= 1024 && this.#head * 2 >= this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head);
      this.#head = 0;
    }
    return count;
  }

  #removeSoon(): void {
    this.#expire();
    if (this.#over.length === 0) return;
    const waited = this.#clock.now() - this.#overSince;
    if (this.#over.length < removeAtOnce && waited < this.bounds.window / 10) return;
    for (const sequence of this.#over) this.#commit.remove(this.#tables.seen, this.#keyOf(sequence));
    this.#over = [];
  }

  #load(): void {
    let damaged = 0;
    for (const { key, value } of this.#tables.seen.getRange({
      start: this.#prefix,
      end: after(this.#prefix)!,
    })) {
      const sequence = Number(key.readBigUInt64BE(prefixLength));
      this.#last = sequence;
      const record = decode(value);
      if (record) this.#keep({ sequence, at: record.at }, record.digests);
      else {
        damaged++;
        this.#over.push(sequence);
      }
    }
    if (damaged > 0)
      this.#warn(`${damaged} records of deduplication are damaged: repeats of their messages are sent again`);
    this.#expire();
    this.#bound();
  }

  #keyOf(sequence: number): Buffer {
    return Buffer.concat([this.#prefix, numberKey(sequence)]);
  }
}

function encode(at: number, window: number, digests: readonly Buffer[]): Buffer {
  const record = Buffer.allocUnsafe(header + digests.length * digestLength);
  record[0] = recordVersion;
  record.writeDoubleLE(at, 5);
  record.writeDoubleLE(window, 13);
  digests.forEach((digest, i) => digest.copy(record, header + i * digestLength));
  record.writeUInt32LE(crc32(record.subarray(5)), 1);
  return record;
}

interface SeenRecord {
  readonly at: number;
  readonly window: number;
  readonly digests: readonly Buffer[];
}

/** undefined where it is damaged or of a version that is not known here. */
function decode(record: Buffer): SeenRecord | undefined {
  if (record[0] !== recordVersion || record.length < header) return undefined;
  if (record.readUInt32LE(1) !== crc32(record.subarray(5))) return undefined;
  const digests: Buffer[] = [];
  for (let at = header; at < record.length; at += digestLength)
    digests.push(record.subarray(at, at + digestLength));
  return { at: record.readDoubleLE(5), window: record.readDoubleLE(13), digests };
}

const prefixOf = (name: string): Buffer =>
  createHash('sha256').update(name).digest().subarray(0, prefixLength);

/** The first key behind all that begin so; undefined where there can be none. */
function after(prefix: Buffer): Buffer | undefined {
  const next = Buffer.from(prefix);
  for (let i = next.length - 1; i >= 0; i--) {
    if (next[i] !== 0xff) {
      next[i]!++;
      return next.subarray(0, i + 1);
    }
  }
  return undefined;
}
