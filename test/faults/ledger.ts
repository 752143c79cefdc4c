/** A message, named by what is in its body: the run, the ordering key and its number among those of the key. */
export interface Id {
  readonly key: string;
  readonly number: number;
}

export const bodyOf = (run: string, { key, number }: Id, size: number): Buffer =>
  Buffer.from(`${run} ${key} ${number} `.padEnd(size, '.'));

/** A message and a target where it is not. */
export interface Missing {
  readonly target: string;
  readonly name: string;
}

/** What one target has got, in order of arrival. */
class Arrivals {
  /** How often each has come. */
  readonly times = new Map<string, number>();
  /** The highest number of each key so far. */
  readonly last = new Map<string, number>();
  readonly disorder: string[] = [];
}

/** What was sent, acknowledged and delivered in one run, by the bodies alone. */
export class Ledger {
  readonly run: string;
  readonly targets: readonly string[];
  readonly sent = new Map<string, number>();
  readonly acknowledged = new Set<string>();
  /** Keys whose sender was refused one message while later ones were under way: it has changed their order itself. */
  readonly unordered = new Set<string>();
  /** What came that nobody sent. */
  readonly strange: string[] = [];
  /** By target, what became a dead letter. */
  readonly dead = new Map<string, Set<string>>();
  /** By target, what the gateway's spool still had for it when the gateway had ended. */
  readonly kept = new Map<string, Set<string>>();
  readonly #arrivals = new Map<string, Arrivals>();
  resent = 0;
  /** From now on old messages come again on purpose. */
  replaying = false;

  constructor(run: string, targets: readonly string[]) {
    this.run = run;
    this.targets = targets;
    for (const target of targets) {
      this.#arrivals.set(target, new Arrivals());
      this.dead.set(target, new Set());
      this.kept.set(target, new Set());
    }
  }

  sending(id: Id): void {
    const name = nameOf(id);
    const before = this.sent.get(name) ?? 0;
    this.sent.set(name, before + 1);
    if (before > 0) this.resent++;
  }

  confirmed(id: Id): void {
    this.acknowledged.add(nameOf(id));
  }

  arrived(target: string, body: string): void {
    const id = this.#read(body);
    if (!id) return;
    const name = nameOf(id);
    const { times, last, disorder } = this.#arrivals.get(target)!;
    const before = times.get(name) ?? 0;
    times.set(name, before + 1);
    if (before > 0) return;
    if (this.replaying) return;
    const highest = last.get(id.key) ?? -1;
    if (id.number < highest) disorder.push(`${target}: ${name} after ${highest}`);
    else last.set(id.key, id.number);
  }

  buried(target: string, body: string): void {
    const id = this.#read(body);
    if (id) this.dead.get(target)!.add(nameOf(id));
  }

  spooled(target: string, body: string): void {
    const id = this.#read(body);
    if (id) this.kept.get(target)!.add(nameOf(id));
  }

  /** What was acknowledged and has neither arrived nor become a dead letter, with its target. */
  missing(): Missing[] {
    const missing: Missing[] = [];
    for (const [target, { times }] of this.#arrivals)
      for (const name of this.acknowledged)
        if (!times.has(name) && !this.dead.get(target)!.has(name)) missing.push({ target, name });
    return missing;
  }

  /** Of what is missing, what is in the spool: the gateway has it, and would deliver it later. */
  stuck(): Missing[] {
    return this.missing().filter(({ target, name }) => this.kept.get(target)!.has(name));
  }

  /** Of what is missing, what is nowhere. */
  lost(): Missing[] {
    return this.missing().filter(({ target, name }) => !this.kept.get(target)!.has(name));
  }

  get duplicated(): number {
    let count = 0;
    for (const { times } of this.#arrivals.values()) for (const each of times.values()) count += each - 1;
    return count;
  }

  get deadLettered(): number {
    return [...this.dead.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** First arrivals that came after a later message of their key. */
  disorder(): string[] {
    return [...this.#arrivals.values()]
      .flatMap(({ disorder }) => disorder)
      .filter((each) => !this.unordered.has(/: (\S+)#/.exec(each)![1]!));
  }

  #read(body: string): Id | undefined {
    const [run, key, number] = body.split(' ');
    if (run !== this.run) return undefined; // a straggler of another run
    const id = { key: key!, number: Number(number) };
    if (this.sent.has(nameOf(id))) return id;
    this.strange.push(body.slice(0, 80));
    return undefined;
  }
}

const nameOf = ({ key, number }: Id): string => `${key}#${number}`;
