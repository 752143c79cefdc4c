import { randomInt } from 'node:crypto';
import { Backoff } from '../../../core/backoff.ts';
import type { Metadata } from '../wire/requests.ts';
import { Partition } from './partition.ts';
import { Queue, type Pending } from './pending.ts';

/** A topic that is written to, and where each of its messages goes. */
export class Topic {
  readonly name: string;
  /** Messages that came before its partitions were known. */
  readonly queue = new Queue();
  /** Runs until the brokers are asked for it again. */
  delay: NodeJS.Timeout | undefined;
  readonly backoff = new Backoff(50, 2000);
  /** Why it is not there. */
  trouble: string | undefined;
  /** Whether it was written to since it was last asked for. */
  used = false;
  /**
   * Every partition that was ever there. They are not forgotten, since a sequence that began at 0 once more under the same
   * identity would be taken for a repeat.
   */
  readonly #all = new Map<number, Partition>();
  /** Those that there are now, by number. */
  #present: readonly Partition[] = [];
  /** Those among them that have a leader. */
  #led: readonly Partition[] = [];
  #turn = randomInt(0x7fff_ffff);

  constructor(name: string) {
    this.name = name;
  }

  /** Whether its partitions were ever known. */
  get known(): boolean {
    return this.#present.length > 0;
  }

  /** All of its partitions, former ones included. */
  get partitions(): Iterable<Partition> {
    return this.#all.values();
  }

  /**
   * The partition of a message, as the Java client has it: by the hash of the key, and without one each in turn of those
   * that have a leader.
   */
  partitionOf({ hash }: Pending): Partition {
    if (hash !== undefined) return this.#present[hash % this.#present.length]!;
    this.#turn = (this.#turn + 1) & 0x7fff_ffff;
    const any = this.#led.length > 0 ? this.#led : this.#present;
    return any[this.#turn % any.length]!;
  }

  /** Takes what the brokers say of it now. @param found at least one */
  update(found: Metadata['topics'][number]['partitions'], now: number): void {
    const present = [...found].sort((a, b) => a.index - b.index);
    this.#present = present.map(({ index, leader }) => {
      let partition = this.#all.get(index);
      if (!partition) this.#all.set(index, (partition = new Partition(this.name, index)));
      partition.leader = leader < 0 ? undefined : leader;
      partition.goneSince = undefined;
      return partition;
    });
    for (const partition of this.#all.values())
      if (!this.#present.includes(partition)) markGone(partition, now);
    this.#led = this.#present.filter(({ leader }) => leader !== undefined);
    this.trouble = undefined;
  }

  /** The brokers say that there is no such topic. */
  gone(now: number): void {
    for (const partition of this.#all.values()) markGone(partition, now);
  }
}

function markGone(partition: Partition, now: number): void {
  partition.leader = undefined;
  partition.goneSince ??= now;
}
