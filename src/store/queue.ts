import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import type { KeptMessage, KeptQueue, Place } from '../core/storage.ts';
import type { GroupCommit, Summary } from './group-commit.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { queueKey, sequenceOf, spoolKey, type Table, type Tables } from './tables.ts';

/** Whose a queue is: a route's spool, or an endpoint's by a name of its own. */
export type QueueOwner = { readonly route: string } | { readonly endpoint: string; readonly name: string };

/** What is kept of a queue in the commit of every change, so that a start need not count. */
export interface QueueCounters {
  readonly messages: number;
  readonly bytes: number;
  /** The last sequence number given out. */
  readonly last: number;
}

/** A queue in the store. The counters hold what is written but not yet synced as well. */
export class StoredQueue implements KeptQueue, Summary {
  readonly owner: QueueOwner;
  readonly #number: number;
  readonly #tables: Tables;
  readonly #commit: GroupCommit;
  readonly #onDamaged: (owner: QueueOwner, error: JunctionError) => void;
  #messages: number;
  #bytes: number;
  #last: number;
  /** Whether there may be anything in `progress`; mostly there is not, and then nobody looks. */
  #marked: boolean;

  #deleted: JunctionError | undefined;

  constructor(
    number: number,
    owner: QueueOwner,
    counters: QueueCounters,
    tables: Tables,
    commit: GroupCommit,
    onDamaged: (owner: QueueOwner, error: JunctionError) => void,
  ) {
    this.owner = owner;
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

  reserve(): number {
    return ++this.#last;
  }

  async append(message: Envelope, note?: unknown, sequence = this.reserve()): Promise<Place> {
    this.#mustBeOpen();
    const now = Date.now();
    const record = encodeRecord(message, note === undefined ? [now] : [now, note]);
    // A caller that counts places itself may be ahead.
    if (sequence > this.#last) this.#last = sequence;
    this.#messages++;
    this.#bytes += record.length;
    this.#commit.put(this.#tables.spool, spoolKey(this.#number, sequence), record, this);
    await this.#commit.confirmed();
    return { sequence, bytes: record.length };
  }

  read(after: number, limit: number, bytes: number): KeptMessage[] {
    this.#mustBeOpen();
    const found: KeptMessage[] = [];
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

  get(sequence: number): KeptMessage | undefined {
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

  async mark(sequence: number, note: unknown): Promise<void> {
    this.#mustBeOpen();
    this.#marked = true;
    const value = Buffer.from(JSON.stringify(note));
    this.#commit.put(this.#tables.progress, spoolKey(this.#number, sequence), value);
    await this.#commit.confirmed();
  }

  async remove({ sequence, bytes }: Place): Promise<void> {
    if (this.#deleted) return;
    this.#mustBeOpen();
    this.#forget(bytes);
    const key = spoolKey(this.#number, sequence);
    this.#commit.remove(this.#tables.spool, key, this);
    if (this.#marked) this.#commit.remove(this.#tables.progress, key);
    await this.#commit.confirmed();
  }

  /** Removes it with everything in it; resolves once that is on the disk. */
  async delete(): Promise<void> {
    this.#mustBeOpen();
    this.#deleted = new JunctionError('closed', 'the queue was deleted');
    const [start, end] = [queueKey(this.#number), queueKey(this.#number + 1)];
    this.#commit.removeRange(this.#tables.spool, start, end);
    if (this.#marked) this.#commit.removeRange(this.#tables.progress, start, end);
    this.#commit.remove(this.#tables.queues, start);
    await this.#commit.confirmed();
  }

  write(put: (table: Table, key: Buffer, value: Buffer) => void): void {
    if (this.#deleted) return;
    const counters: QueueCounters = { messages: this.#messages, bytes: this.#bytes, last: this.#last };
    put(
      this.#tables.queues,
      queueKey(this.#number),
      Buffer.from(JSON.stringify({ ...this.owner, ...counters })),
    );
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
    this.#onDamaged(this.owner, error);
  }

  #decode(key: Buffer, value: Buffer): KeptMessage {
    const { message, extra } = decodeRecord(value);
    const progress = this.#marked ? this.#tables.progress.get(key) : undefined;
    return {
      sequence: sequenceOf(key),
      at: extra[0] as number,
      bytes: value.length,
      message,
      note: progress ? (JSON.parse(progress.toString()) as unknown) : extra[1],
    };
  }

  #mustBeOpen(): void {
    const stopped = this.#commit.stopped ?? this.#deleted;
    if (stopped) throw stopped;
  }
}
