import type { ErrorCode } from '../core/errors.ts';
import type {
  DeadLetter,
  DeadLetterFilter,
  DeadLetterPage,
  DeadLetterStore,
  DeadLetterSummary,
  StoredDeadLetter,
} from '../core/storage.ts';
import type { GroupCommit, Summary } from './group-commit.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import { numberKey, type Table, type Tables } from './tables.ts';

const nextKey = Buffer.from('next-dead-letter');

/** How many letters are looked at before others have their turn. */
const stride = 500;

/** Dead letters in the store, by number. */
export class StoredDeadLetters implements DeadLetterStore, Summary {
  readonly #tables: Tables;
  readonly #commit: GroupCommit;
  #next: number;

  constructor(tables: Tables, commit: GroupCommit) {
    this.#tables = tables;
    this.#commit = commit;
    this.#next = Number(tables.about.get(nextKey)?.toString() ?? 1);
  }

  async add(letter: DeadLetter): Promise<string> {
    this.#mustBeOpen();
    const id = this.#next++;
    this.#commit.put(this.#tables.deadLetters, numberKey(id), encodeLetter(letter), this);
    await this.#commit.confirmed();
    return String(id);
  }

  async list(filter: DeadLetterFilter, { after, limit }: DeadLetterPage): Promise<DeadLetterSummary[]> {
    const found: DeadLetterSummary[] = [];
    let start = (after === undefined ? 0 : (numberOf(after) ?? 0)) + 1;
    for (;;) {
      this.#mustBeOpen();
      let seen = 0;
      for (const { key, value } of this.#tables.deadLetters.getRange({
        start: numberKey(start),
        limit: stride,
      })) {
        if (found.length >= limit) return found;
        const id = Number(key.readBigUInt64BE());
        const letter = decodeLetter(id, value);
        if (fits(letter, filter)) found.push(summaryOf(letter));
        start = id + 1;
        seen++;
      }
      if (seen < stride) return found;
      await new Promise((resume) => setImmediate(resume));
    }
  }

  async get(id: string): Promise<StoredDeadLetter | undefined> {
    this.#mustBeOpen();
    const number = numberOf(id);
    const value = number === undefined ? undefined : this.#tables.deadLetters.get(numberKey(number));
    return value && decodeLetter(number!, value);
  }

  async remove(id: string): Promise<boolean> {
    this.#mustBeOpen();
    const number = numberOf(id);
    if (number === undefined || this.#tables.deadLetters.get(numberKey(number)) === undefined) return false;
    this.#commit.remove(this.#tables.deadLetters, numberKey(number));
    await this.#commit.confirmed();
    return true;
  }

  write(put: (table: Table, key: Buffer, value: Buffer) => void): void {
    put(this.#tables.about, nextKey, Buffer.from(String(this.#next)));
  }

  #mustBeOpen(): void {
    if (this.#commit.stopped) throw this.#commit.stopped;
  }
}

/** Ids come from people: decimal digits, nothing else. */
function numberOf(id: string): number | undefined {
  const number = /^\d{1,16}$/.test(id) ? Number(id) : undefined;
  return Number.isSafeInteger(number) ? number : undefined;
}

function encodeLetter(letter: DeadLetter): Buffer {
  return encodeRecord(letter.message, [
    letter.source,
    letter.route,
    letter.endpoint,
    letter.address,
    letter.code,
    letter.reason,
    letter.attempts,
    letter.firstAt,
    letter.lastAt,
  ]);
}

function decodeLetter(id: number, value: Buffer): StoredDeadLetter {
  const { message, extra } = decodeRecord(value);
  return {
    id: String(id),
    message,
    source: extra[0] as string,
    route: (extra[1] as string | null) ?? undefined,
    endpoint: (extra[2] as string | null) ?? undefined,
    address: (extra[3] as string | null) ?? undefined,
    code: extra[4] as ErrorCode,
    reason: extra[5] as string,
    attempts: extra[6] as number,
    firstAt: extra[7] as number,
    lastAt: extra[8] as number,
  };
}

function summaryOf({ message, ...rest }: StoredDeadLetter): DeadLetterSummary {
  const { id, address, key, body } = message;
  return { ...rest, message: { id, address, key }, bytes: body?.length ?? 0 };
}

function fits(letter: DeadLetter, filter: DeadLetterFilter): boolean {
  return (
    (filter.route === undefined || letter.route === filter.route) &&
    (filter.code === undefined || letter.code === filter.code) &&
    (filter.endpoint === undefined || letter.endpoint === filter.endpoint) &&
    (filter.since === undefined || letter.lastAt >= filter.since) &&
    (filter.until === undefined || letter.lastAt < filter.until)
  );
}
