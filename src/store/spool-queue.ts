import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import type { SpooledMessage, SpoolQueue } from '../core/storage.ts';
import type { GroupCommit, Summary } from './group-commit.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { queueKey, sequenceOf, spoolKey, type Table, type Tables } from './tables.ts';

/** What is kept of a queue in the commit of every change, so that a start need not count. */
export interface QueueCounters {
  readonly route: string;
  readonly messages: number;
  readonly bytes: number;
  /** The last sequence number given out. */
  readonly last: number;
}

/** One route's spool in the store. The counters hold what is written but not yet synced as well. */
export class StoredQueue implements SpoolQueue, Summary {
  readonly route: string;
  readonly #number: number;
  readonly #tables: Tables;
  readonly #commit: GroupCommit;
  readonly #onDamaged: (route: string, error: JunctionError) => void;
  #messages: number;
  #bytes: number;
  #last: number;
  /** Whether there may be anything in `progress`; mostly there is not, and then nobody looks. */
  #marked: boolean;

  constructor(
    number: number,
    counters: QueueCounters,
    tables: Tables,
    commit: GroupCommit,
    onDamaged: (route: string, error: JunctionError) => void,
  ) {
    this.route = counters.route;
    this.#number = number;
    this.#tables = tables;
    this.#commit = commit;
    this.#onDamaged = onDamaged;
    this.#messages = counters.messages;
    this.#bytes = counters.bytes;
    this.#last = counters.last;
    const range = { start: queueKey(number), end: queueKey(number + 1), limit: 1 };
    this.#marked = tables.progress.getKeysCount(range) > 0;
  }

  get messages(): number {
    return this.#messages;
  }

  get bytes(): number {
    return this.#bytes;
  }

  append(message: Envelope): Promise<void> {
    if (this.#commit.stopped) return Promise.reject(this.#commit.stopped);
    const record = encodeRecord(message, [Date.now()]);
    this.#messages++;
    this.#bytes += record.length;
    this.#commit.put(this.#tables.spool, spoolKey(this.#number, ++this.#last), record, this);
    return this.#commit.confirmed();
  }

  read(after: number, limit: number, bytes: number): SpooledMessage[] {
    this.#mustBeOpen();
    const found: SpooledMessage[] = [];
    const damaged: [key: Buffer, record: Buffer, error: JunctionError][] = [];
    let room = bytes;
    const range = this.#tables.spool.getRange({
      start: spoolKey(this.#number, after + 1),
      end: queueKey(this.#number + 1),
      limit,
    });
    for (const { key, value } of range) {
      try {
        const message = this.#decode(key, value);
        found.push(message);
        room -= message.bytes;
      } catch (error) {
        damaged.push([key, value, JunctionError.from(error)]);
      }
      if (room <= 0) break;
    }
    for (const each of damaged) this.#setAside(...each);
    // What was set aside must not look like the end of the queue.
    if (found.length === 0 && damaged.length > 0)
      return this.read(sequenceOf(damaged.at(-1)![0]), limit, bytes);
    return found;
  }

  get(sequence: number): SpooledMessage | undefined {
    this.#mustBeOpen();
    const key = spoolKey(this.#number, sequence);
    const value = this.#tables.spool.get(key);
    if (value === undefined) return undefined;
    try {
      return this.#decode(key, value);
    } catch (error) {
      this.#setAside(key, value, JunctionError.from(error));
      return undefined;
    }
  }

  mark(sequence: number, done: readonly string[]): Promise<void> {
    if (this.#commit.stopped) return Promise.reject(this.#commit.stopped);
    this.#marked = true;
    const names = Buffer.from(JSON.stringify(done));
    this.#commit.put(this.#tables.progress, spoolKey(this.#number, sequence), names);
    return this.#commit.confirmed();
  }

  remove({ sequence, bytes }: Pick<SpooledMessage, 'sequence' | 'bytes'>): Promise<void> {
    if (this.#commit.stopped) return Promise.reject(this.#commit.stopped);
    this.#forget(bytes);
    const key = spoolKey(this.#number, sequence);
    this.#commit.remove(this.#tables.spool, key, this);
    if (this.#marked) this.#commit.remove(this.#tables.progress, key);
    return this.#commit.confirmed();
  }

  write(put: (table: Table, key: Buffer, value: Buffer) => void): void {
    const counters: QueueCounters = {
      route: this.route,
      messages: this.#messages,
      bytes: this.#bytes,
      last: this.#last,
    };
    put(this.#tables.queues, queueKey(this.#number), Buffer.from(JSON.stringify(counters)));
  }

  #forget(bytes: number): void {
    this.#messages--;
    this.#bytes -= bytes;
  }

  /** Moves a record that cannot be read out of the way of those behind it, as it is. */
  #setAside(key: Buffer, record: Buffer, error: JunctionError): void {
    this.#forget(record.length);
    this.#commit.put(this.#tables.damaged, key, record, this);
    this.#commit.remove(this.#tables.spool, key, this);
    this.#onDamaged(this.route, error);
  }

  #decode(key: Buffer, value: Buffer): SpooledMessage {
    const { message, extra } = decodeRecord(value);
    const progress = this.#marked ? this.#tables.progress.get(key) : undefined;
    return {
      sequence: sequenceOf(key),
      at: extra[0] as number,
      bytes: value.length,
      message,
      done: progress ? (JSON.parse(progress.toString()) as string[]) : none,
    };
  }

  #mustBeOpen(): void {
    if (this.#commit.stopped) throw this.#commit.stopped;
  }
}

const none: readonly string[] = Object.freeze([]);
