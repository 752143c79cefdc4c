import type { GroupCommit } from './group-commit.ts';
import { numberKey, type Tables } from './tables.ts';

interface StoredValue {
  readonly number: number;
  readonly value: unknown;
}

/** The small values that endpoints keep; all of them are in memory as well. */
export class StoredValues {
  readonly #tables: Tables;
  readonly #commit: GroupCommit;
  readonly #numbers = new Map<string, Map<string, number>>();
  readonly #values = new Map<string, Map<string, unknown>>();
  #last = 0;

  constructor(tables: Tables, commit: GroupCommit) {
    this.#tables = tables;
    this.#commit = commit;
    for (const { key, value: record } of tables.values.getRange()) {
      const [endpoint, name, value] = JSON.parse(record.toString()) as [string, string, unknown];
      this.#last = Number(key.readBigUInt64BE());
      this.#set(endpoint, name, { number: this.#last, value });
    }
  }

  /** The endpoints that have any. */
  endpoints(): Iterable<string> {
    return this.#values.keys();
  }

  of(endpoint: string): ReadonlyMap<string, unknown> {
    return this.#values.get(endpoint) ?? new Map<string, unknown>();
  }

  put(endpoint: string, name: string, value: unknown): Promise<void> {
    const number = this.#numbers.get(endpoint)?.get(name) ?? ++this.#last;
    const record = Buffer.from(JSON.stringify([endpoint, name, value]));
    this.#commit.put(this.#tables.values, numberKey(number), record);
    this.#set(endpoint, name, { number, value });
    return this.#commit.confirmed();
  }

  async delete(endpoint: string, name: string): Promise<void> {
    const number = this.#numbers.get(endpoint)?.get(name);
    if (number === undefined) return;
    this.#commit.remove(this.#tables.values, numberKey(number));
    this.#numbers.get(endpoint)!.delete(name);
    this.#values.get(endpoint)!.delete(name);
    await this.#commit.confirmed();
  }

  #set(endpoint: string, name: string, { number, value }: StoredValue): void {
    const numbers = this.#numbers.get(endpoint) ?? new Map<string, number>();
    const values = this.#values.get(endpoint) ?? new Map<string, unknown>();
    this.#numbers.set(endpoint, numbers);
    this.#values.set(endpoint, values);
    numbers.set(name, number);
    values.set(name, value);
  }
}
