import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { JunctionError } from '../core/errors.ts';
import type { Log } from '../core/protocol.ts';
import { RateLimitedLog } from '../core/rate-limited-log.ts';
import type {
  DeadLetterStore,
  EndpointStorage,
  SeenBounds,
  SeenStore,
  SeenValues,
  SpoolQueue,
  SpoolStore,
} from '../core/storage.ts';
import { checkInChild } from './check.ts';
import { Claim } from './claim.ts';
import { StoredDeadLetters } from './dead-letters.ts';
import { StoredEndpoint } from './endpoint-storage.ts';
import { GroupCommit } from './group-commit.ts';
import { inspectHeader } from './header.ts';
import { StoredQueue, type QueueCounters, type QueueOwner } from './queue.ts';
import { SeenSets } from './seen.ts';
import { StoredSpool } from './spool-queue.ts';
import { formatKey, formatVersion, openTables, type Tables } from './tables.ts';
import { StoredValues } from './values.ts';

export interface StoreOptions {
  /** Where its files are; made where it is not there. */
  readonly folder: string;
  /** What to do with a store that cannot be read: refuse to start, or move it aside and begin an empty one. */
  readonly damaged: 'refuse' | 'quarantine';
}

export interface StoreStatus {
  readonly state: 'closed' | 'ready' | 'failing';
  readonly reason?: string;
}

/** After so many starts in a row that did not end in an orderly way, all of the store is read before it is used. */
const uncleanStarts = 3;

/** The one place on the disk where messages wait: spools, dead letters, and what endpoints keep. */
export class Store implements SpoolStore, SeenStore {
  readonly #options: StoreOptions;
  readonly #log: Log;
  readonly #warnings: RateLimitedLog;
  readonly #claim: Claim;
  readonly #spools = new Map<string, StoredSpool>();
  /** By endpoint, by name. */
  readonly #queues = new Map<string, Map<string, StoredQueue>>();
  #tables: Tables | undefined;
  #commit: GroupCommit | undefined;
  #letters: StoredDeadLetters | undefined;
  #values: StoredValues | undefined;
  #seen: SeenSets | undefined;
  #failure: JunctionError | undefined;
  #queueNumber = 0;

  constructor(options: StoreOptions, log: Log) {
    this.#options = options;
    this.#log = log;
    this.#warnings = new RateLimitedLog(log);
    this.#claim = new Claim(options.folder);
  }

  /** @throws JunctionError unavailable where another process has it, its disk refuses, it is damaged or of another version */
  async open(): Promise<void> {
    const { folder } = this.#options;
    const made = await mkdir(folder, { recursive: true }).catch((error: Error) => {
      throw new JunctionError('unavailable', `the store's folder cannot be made: ${error.message}`, {
        cause: error,
      });
    });
    await this.#claim.take();
    try {
      const problem = await this.#inspect();
      if (problem !== undefined) await this.#refuse(problem);
      this.#tables = await this.#openTables();
      await this.#checkFormat(this.#tables);
      await syncFolders(folder, made);
      await this.#markStarted();
    } catch (error) {
      await this.#tables?.root.close();
      this.#tables = undefined;
      await this.#claim.release();
      throw error;
    }
    this.#commit = new GroupCommit(this.#tables.root, (error) => {
      this.#failure = error;
      this.#log.error({ code: error.code }, error.message);
    });
    this.#readQueues(this.#tables, this.#commit);
    this.#letters = new StoredDeadLetters(this.#tables, this.#commit);
    this.#values = new StoredValues(this.#tables, this.#commit);
    this.#seen = new SeenSets(this.#tables, this.#commit, (route, message) =>
      this.#log.warn({ route }, message),
    );
  }

  status(): StoreStatus {
    if (!this.#commit) return { state: 'closed' };
    const error = this.#failure ?? this.#commit.stopped;
    return error ? { state: 'failing', reason: error.message } : { state: 'ready' };
  }

  /** To be called after `open`. */
  get deadLetters(): DeadLetterStore {
    return this.#letters!;
  }

  spool(route: string): SpoolQueue {
    let spool = this.#spools.get(route);
    if (!spool) {
      spool = new StoredSpool(route, this.#queue(++this.#queueNumber, { route }, nothing));
      this.#spools.set(route, spool);
    }
    return spool;
  }

  spools(): readonly SpoolQueue[] {
    return [...this.#spools.values()];
  }

  /** To be called after `open`. */
  seen(route: string, by: string, bounds: SeenBounds): SeenValues {
    return this.#seen!.of(route, by, bounds);
  }

  /** What one endpoint keeps; it may be had before `open`, but not used. */
  endpoint(name: string): EndpointStorage {
    const values = (): StoredValues => this.#mustBeOpen().values;
    return new StoredEndpoint(name, {
      get values() {
        return values();
      },
      queuesOf: (endpoint) => this.#queuesOf(endpoint),
      newQueue: (endpoint, queueName) => {
        const queue = this.#queue(++this.#queueNumber, { endpoint, name: queueName }, nothing);
        this.#queuesOf(endpoint).set(queueName, queue);
        return queue;
      },
      bury: (letter) => this.#mustBeOpen().letters.add(letter),
    });
  }

  /** The endpoints that keep anything, with what waits in their queues. */
  endpoints(): ReadonlyMap<string, { readonly queues: number; readonly messages: number }> {
    const found = new Map<string, { queues: number; messages: number }>();
    for (const endpoint of this.#mustBeOpen().values.endpoints())
      found.set(endpoint, { queues: 0, messages: 0 });
    for (const [endpoint, queues] of this.#queues) {
      const messages = [...queues.values()].reduce((sum, queue) => sum + queue.messages, 0);
      found.set(endpoint, { queues: queues.size, messages });
    }
    return found;
  }

  /** Writes what is under way and closes the files; idempotent. */
  async close(): Promise<void> {
    const tables = this.#tables;
    if (!tables) return;
    this.#tables = undefined;
    await this.#commit!.stop(new JunctionError('closed', 'the store is closed'));
    await tables.root.close();
    if (!this.#failure) await rm(this.#file('unclean'), { force: true });
    await this.#claim.release();
  }

  #file(name: string): string {
    return join(this.#options.folder, name);
  }

  /** What is wrong with the files, as far as that can be told without mapping them into this process. */
  async #inspect(): Promise<string | undefined> {
    const header = await inspectHeader(this.#file('data.mdb'));
    if (header === 'new') return undefined;
    if (header === 'damaged') return 'its first pages are not those of a store';
    if (header === 'short' || (await this.#starts()) >= uncleanStarts) {
      this.#log.info({ folder: this.#options.folder }, 'the store is read as a whole before it is used');
      const problem = await checkInChild(this.#options.folder);
      return problem && header === 'short' ? `its file has been cut; ${problem}` : problem;
    }
    return undefined;
  }

  async #refuse(problem: string): Promise<void> {
    const { folder, damaged } = this.#options;
    if (damaged === 'refuse')
      throw new JunctionError(
        'unavailable',
        `the store in ${folder} is damaged: ${problem}. Nothing was changed. Put back a copy of the folder, or set "damaged: quarantine" to move the damaged files aside and begin with an empty store`,
      );
    const aside = this.#file(`damaged-${new Date().toISOString().replaceAll(':', '-')}`);
    await mkdir(aside);
    for (const name of ['data.mdb', 'lock.mdb', 'unclean'])
      await rename(this.#file(name), join(aside, name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
    this.#log.error(
      { folder, aside },
      `the store was damaged: ${problem}; its files were moved aside, and the gateway begins with an empty store`,
    );
  }

  async #openTables(): Promise<Tables> {
    try {
      return openTables(this.#options.folder);
    } catch (error) {
      const { message } = error as Error;
      if (!/INVALID|CORRUPTED|PAGE_NOTFOUND|VERSION_MISMATCH/.test(message))
        throw new JunctionError('unavailable', `the store cannot be opened: ${message}`, { cause: error });
      await this.#refuse(message);
      return openTables(this.#options.folder);
    }
  }

  async #checkFormat({ root, about, spool, deadLetters }: Tables): Promise<void> {
    const written = about.get(formatKey)?.toString();
    if (written === String(formatVersion)) return;
    if (written !== undefined)
      throw new JunctionError(
        'unavailable',
        `the store in ${this.#options.folder} has format ${written}, and this program knows ${formatVersion}; start the version of Junction that wrote it, or name another folder`,
      );
    if (spool.getKeysCount({ limit: 1 }) + deadLetters.getKeysCount({ limit: 1 }) > 0)
      throw new JunctionError(
        'unavailable',
        `the store in ${this.#options.folder} does not tell its format; name another folder`,
      );
    try {
      await root.batch(() => void about.put(formatKey, Buffer.from(String(formatVersion))));
    } catch (error) {
      const cause: unknown = await (error as { commitError?: Promise<unknown> }).commitError?.catch(
        (inner: unknown) => inner,
      );
      throw new JunctionError(
        'unavailable',
        `the store in ${this.#options.folder} cannot be written: ${((cause ?? error) as Error).message}`,
        { cause: error },
      );
    }
  }

  async #starts(): Promise<number> {
    return Number(await readFile(this.#file('unclean'), 'utf8').catch(() => '0')) || 0;
  }

  /** Counts the starts since the last orderly end; begins anew after all has been read. */
  async #markStarted(): Promise<void> {
    const starts = await this.#starts();
    const text = String(starts >= uncleanStarts ? 1 : starts + 1);
    // Only a help for the next start: a full disk must not keep this one from draining what is there.
    await writeFile(this.#file('unclean'), text).catch(() => undefined);
  }

  #mustBeOpen(): { readonly values: StoredValues; readonly letters: StoredDeadLetters } {
    const [values, letters] = [this.#values, this.#letters];
    if (!this.#tables || !values || !letters) throw new JunctionError('unavailable', 'the store is not open');
    return { values, letters };
  }

  #queuesOf(endpoint: string): Map<string, StoredQueue> {
    this.#mustBeOpen();
    const queues = this.#queues.get(endpoint) ?? new Map<string, StoredQueue>();
    this.#queues.set(endpoint, queues);
    return queues;
  }

  #readQueues(tables: Tables, commit: GroupCommit): void {
    for (const { key, value } of tables.queues.getRange()) {
      const { messages, bytes, last, ...owner } = JSON.parse(value.toString()) as QueueCounters & QueueOwner;
      const number = key.readUInt32BE();
      this.#queueNumber = Math.max(this.#queueNumber, number);
      const queue = this.#queue(number, owner, { messages, bytes, last }, tables, commit);
      if ('route' in owner) this.#spools.set(owner.route, new StoredSpool(owner.route, queue));
      else this.#keepQueue(owner, queue);
    }
  }

  #keepQueue({ endpoint, name }: { endpoint: string; name: string }, queue: StoredQueue): void {
    const queues = this.#queues.get(endpoint);
    if (queues) queues.set(name, queue);
    else this.#queues.set(endpoint, new Map([[name, queue]]));
  }

  #queue(
    number: number,
    owner: QueueOwner,
    counters: QueueCounters,
    tables = this.#tables!,
    commit = this.#commit!,
  ): StoredQueue {
    return new StoredQueue(number, owner, counters, tables, commit, (whose, error) =>
      this.#warnings.warn(
        'route' in whose ? whose.route : whose.endpoint,
        { ...whose, code: error.code },
        `a stored message cannot be read and was set aside: ${error.message}`,
      ),
    );
  }
}

const nothing: QueueCounters = Object.freeze({ messages: 0, bytes: 0, last: 0 });

/** Makes the names of new files durable: syncing a file does not sync its entry in the folder. */
async function syncFolders(folder: string, made: string | undefined): Promise<void> {
  const names = [resolve(folder)];
  if (made !== undefined)
    while (names.at(-1) !== dirname(resolve(made)) && names.at(-1) !== dirname(names.at(-1)!))
      names.push(dirname(names.at(-1)!));
  for (const name of names) {
    const handle = await open(name, 'r');
    await handle.sync().finally(() => handle.close());
  }
}
