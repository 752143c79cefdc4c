import type { Database, RootDatabase } from 'lmdb';
import { crashPoint } from '../core/crash-point.ts';
import { JunctionError } from '../core/errors.ts';

interface Operation {
  readonly table: Database<Buffer, Buffer>;
  readonly key: Buffer;
  /** undefined: remove the key. */
  readonly value: Buffer | undefined;
  /** Remove every key from `key` up to this one, which stays. */
  readonly end?: Buffer;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: JunctionError) => void;
}

/** A small record that goes into the commit of whatever changed it, such as a queue's counters. */
export interface Summary {
  write(put: (table: Database<Buffer, Buffer>, key: Buffer, value: Buffer) => void): void;
}

/**
 * Gathers writes into transactions, one at a time: what arrives while one is being written and synced goes into the
 * next. A write is confirmed after the sync of its transaction, never before.
 *
 * After the first failure nothing is confirmed any more. A sync that failed may have thrown away the pages it could
 * not write, and the next one would succeed without them, so trying again proves nothing; only a restart does, which
 * reads what is really on the disk.
 */
export class GroupCommit {
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #onFailure: (error: JunctionError) => void;
  #operations: Operation[] = [];
  #waiters: Waiter[] = [];
  #summaries = new Set<Summary>();
  #underWay: Promise<void> | undefined;
  #scheduled = false;
  #stopped: JunctionError | undefined;

  /** @param onFailure called once, with what the first failure was */
  constructor(root: RootDatabase<Buffer, Buffer>, onFailure: (error: JunctionError) => void) {
    this.#root = root;
    this.#onFailure = onFailure;
  }

  /** Why nothing can be written any more; undefined while it can. */
  get stopped(): JunctionError | undefined {
    return this.#stopped;
  }

  /** To be followed by `confirmed` in the same tick where the caller wants to know of it. */
  put(table: Database<Buffer, Buffer>, key: Buffer, value: Buffer, summary?: Summary): void {
    this.#add({ table, key, value }, summary);
  }

  remove(table: Database<Buffer, Buffer>, key: Buffer, summary?: Summary): void {
    this.#add({ table, key, value: undefined }, summary);
  }

  /** Removes the keys from `start` up to `end`, also those that were put but are not written yet. */
  removeRange(table: Database<Buffer, Buffer>, start: Buffer, end: Buffer): void {
    this.#operations = this.#operations.filter(
      ({ table: other, key }) => other !== table || key.compare(start) < 0 || key.compare(end) >= 0,
    );
    this.#add({ table, key: start, value: undefined, end }, undefined);
  }

  /**
   * Resolves once all that was written so far is on the disk.
   * @throws JunctionError unavailable where it may not be there
   */
  confirmed(): Promise<void> {
    if (this.#stopped) return Promise.reject(this.#stopped);
    if (this.#operations.length === 0) return this.#underWay ?? Promise.resolve();
    return new Promise((resolve, reject) => this.#waiters.push({ resolve, reject }));
  }

  /** Writes what is left, and nothing after it. Never rejects. */
  async stop(reason: JunctionError): Promise<void> {
    while (!this.#stopped && (this.#underWay || this.#operations.length > 0)) {
      this.#commit();
      await this.#underWay?.catch(() => undefined);
    }
    this.#stopped ??= reason;
  }

  #add(operation: Operation, summary: Summary | undefined): void {
    if (this.#stopped) throw this.#stopped;
    this.#operations.push(operation);
    if (summary) this.#summaries.add(summary);
    this.#schedule();
  }

  /** After the events that are waiting now: what they bring goes into the same transaction. */
  #schedule(): void {
    if (this.#scheduled || this.#underWay) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#commit();
    });
  }

  #commit(): void {
    if (this.#underWay || this.#stopped || this.#operations.length === 0) return;
    const operations = this.#operations;
    const waiters = this.#waiters;
    const summaries = this.#summaries;
    this.#operations = [];
    this.#waiters = [];
    this.#summaries = new Set();
    this.#underWay = this.#write(operations, summaries).then(
      () => {
        this.#underWay = undefined;
        for (const { resolve } of waiters) resolve();
        if (this.#operations.length > 0) this.#schedule();
      },
      (reason: unknown) => {
        this.#underWay = undefined;
        throw this.#fail(reason, waiters);
      },
    );
    this.#underWay.catch(() => undefined); // told to the waiters
  }

  async #write(operations: readonly Operation[], summaries: ReadonlySet<Summary>): Promise<void> {
    crashPoint?.('committing');
    await this.#root.batch(() => {
      for (const { table, key, value, end } of operations) {
        if (value !== undefined) void table.put(key, value);
        else if (end === undefined) void table.remove(key);
        else for (const each of table.getKeys({ start: key, end })) void table.remove(each);
      }
      for (const summary of summaries) summary.write((table, key, value) => void table.put(key, value));
    });
    crashPoint?.('committed');
  }

  #fail(reason: unknown, waiters: readonly Waiter[]): JunctionError {
    const told = reason as { commitError?: Promise<unknown> };
    // The library gives the cause as a promise of its own, which rejects later.
    const cause = told.commitError?.then(undefined, (error: unknown) => error) ?? Promise.resolve(reason);
    const error = new JunctionError(
      'unavailable',
      'the store could not write to its disk, and takes nothing more until the gateway is restarted',
      { cause: reason },
    );
    this.#stopped = error;
    const lost = [...waiters, ...this.#waiters];
    this.#waiters = [];
    this.#operations = [];
    for (const { reject } of lost) reject(error);
    void cause.then((found) => {
      const text = found instanceof Error ? found.message : String(found);
      this.#onFailure(
        new JunctionError(
          'unavailable',
          `the store could not write to its disk (${text}), and takes nothing more until the gateway is restarted; free space or mend the disk, then restart`,
          { cause: found },
        ),
      );
    });
    return error;
  }
}
