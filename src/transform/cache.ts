import { JunctionError } from '../core/errors.ts';

/** How long a failure is believed, ms: of what may change soon, and of what is not there. */
const believed = { retryable: 1000, final: 30_000 } as const;

export interface CacheOptions {
  /** Entries; the one that was not used for longest goes. */
  readonly max: number;
  /** Ms after which a value is asked for again, while the old one goes on being used; undefined: never. */
  readonly refresh?: number;
}

interface Entry<Value> {
  value?: { readonly of: Value; readonly at: number };
  failure?: { readonly of: JunctionError; readonly at: number };
  pending?: Promise<Value> | undefined;
}

/** What is asked for over the network, each once at a time; failures are remembered for a while, so that many messages ask once. */
export class Cache<Key, Value> {
  readonly #entries = new Map<Key, Entry<Value>>();
  readonly #load: (key: Key) => Promise<Value>;
  readonly #options: CacheOptions;

  constructor(load: (key: Key) => Promise<Value>, options: CacheOptions) {
    this.#load = load;
    this.#options = options;
  }

  /** The value at once where it is known. @throws JunctionError */
  get(key: Key): Value | Promise<Value> {
    const entry = this.#entry(key);
    const now = performance.now();
    const { value, failure } = entry;
    const fresh = value !== undefined && now - value.at < (this.#options.refresh ?? Infinity);
    if (fresh) return value.of;
    const failed =
      failure !== undefined && now - failure.at < believed[failure.of.retryable ? 'retryable' : 'final'];
    if (failed && value === undefined) throw failure.of;
    if (!failed) entry.pending ??= this.#ask(key, entry);
    if (value === undefined) return entry.pending!;
    entry.pending?.catch(() => {}); // the old value is as good until there is another
    return value.of;
  }

  #entry(key: Key): Entry<Value> {
    const { max } = this.#options;
    const entry = this.#entries.get(key) ?? {};
    // What is in use goes to the end, so that keys made up by somebody push out nothing but each other.
    if (this.#entries.size > max / 2) this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (this.#entries.size > max) this.#entries.delete(this.#entries.keys().next().value!);
    return entry;
  }

  async #ask(key: Key, entry: Entry<Value>): Promise<Value> {
    try {
      const of = await this.#load(key);
      entry.value = { of, at: performance.now() };
      delete entry.failure;
      return of;
    } catch (error) {
      const of = JunctionError.from(error);
      entry.failure = { of, at: performance.now() };
      throw of;
    } finally {
      entry.pending = undefined;
    }
  }
}
