import type { Log } from '../core/protocol.ts';
import type {
  DeadLetter,
  DeadLetterStore,
  DeadLetterSummary,
  SeenValues,
  StoredDeadLetter,
} from '../core/storage.ts';
import { Deduplication } from '../routing/dedup.ts';
import type { ResolvedRoute } from '../routing/route/route.ts';

/** Keeps the dead letters of one message. */
export class MemoryDeadLetters implements DeadLetterStore {
  #letters: StoredDeadLetter[] = [];
  #last = 0;

  get all(): readonly DeadLetter[] {
    return this.#letters;
  }

  clear(): void {
    this.#letters = [];
  }

  add(letter: DeadLetter): Promise<string> {
    const id = String(++this.#last);
    this.#letters.push({ ...letter, id });
    return Promise.resolve(id);
  }

  list(): Promise<DeadLetterSummary[]> {
    return Promise.resolve(
      this.#letters.map((letter) => ({ ...letter, bytes: letter.message.body?.length ?? 0 })),
    );
  }

  get(id: string): Promise<StoredDeadLetter | undefined> {
    return Promise.resolve(this.#letters.find((letter) => letter.id === id));
  }

  remove(id: string): Promise<boolean> {
    const before = this.#letters.length;
    this.#letters = this.#letters.filter((letter) => letter.id !== id);
    return Promise.resolve(this.#letters.length < before);
  }
}

/** What deduplication remembers, without end. */
export class MemorySeen {
  readonly #log: Log;
  readonly #routes = new Map<string, Deduplication>();

  constructor(log: Log) {
    this.#log = log;
  }

  of({ name }: ResolvedRoute): Deduplication {
    let known = this.#routes.get(name);
    if (!known) this.#routes.set(name, (known = new Deduplication(name, seenValues(), this.#log)));
    return known;
  }
}

function seenValues(): SeenValues {
  const digests = new Set<string>();
  return {
    get size() {
      return digests.size;
    },
    stopped: undefined,
    has: (digest) => digests.has(digest.toString('hex')),
    add: (digest) => {
      digests.add(digest.toString('hex'));
      return Promise.resolve();
    },
  };
}
