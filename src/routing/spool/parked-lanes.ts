/** Messages of one lane that wait in the spool; only their sequence numbers are here. */
export class ParkedLane {
  readonly target: number;
  readonly name: string;
  /** How often in a row a message of it came back without the lane being blocked at its target. */
  failures = 0;
  /** When it may go on, by the monotonic clock in ms. */
  heldUntil = 0;
  #sequences: number[] = [];
  #begin = 0;

  constructor(target: number, name: string) {
    this.target = target;
    this.name = name;
  }

  get size(): number {
    return this.#sequences.length - this.#begin;
  }

  get first(): number | undefined {
    return this.#sequences[this.#begin];
  }

  /** Puts a message in its place: the last for one that is read on, an early one for one that came back. */
  insert(sequence: number): void {
    const all = this.#sequences;
    if (this.size === 0 || all.at(-1)! < sequence) {
      all.push(sequence);
      return;
    }
    if (this.#begin > 0 && all[this.#begin]! > sequence) {
      all[--this.#begin] = sequence;
      return;
    }
    let low = this.#begin;
    let high = all.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (all[middle]! < sequence) low = middle + 1;
      else high = middle;
    }
    all.splice(low, 0, sequence);
  }

  removeFirst(): void {
    if (++this.#begin < 1024 || this.#begin * 2 < this.#sequences.length) return;
    this.#sequences = this.#sequences.slice(this.#begin);
    this.#begin = 0;
  }
}

/** The lanes of a route's spool that have messages which must wait. */
export class ParkedLanes {
  /** By target. */
  readonly #lanes: Map<string, ParkedLane>[] = [];
  readonly #free = new Set<ParkedLane>();
  #size = 0;

  /** How many messages are parked; one counts for each target that it waits for. */
  get size(): number {
    return this.#size;
  }

  find(target: number, name: string): ParkedLane | undefined {
    return this.#lanes[target]?.get(name);
  }

  park(target: number, name: string, sequence: number): ParkedLane {
    const lanes = (this.#lanes[target] ??= new Map());
    let lane = lanes.get(name);
    if (!lane) lanes.set(name, (lane = new ParkedLane(target, name)));
    lane.insert(sequence);
    this.#size++;
    return lane;
  }

  /** Takes the first message off a lane, which is forgotten once it is empty. */
  unpark(lane: ParkedLane): void {
    lane.removeFirst();
    this.#size--;
    if (lane.size === 0) this.#lanes[lane.target]!.delete(lane.name);
  }

  /** Lets a lane be taken up. */
  free(lane: ParkedLane): void {
    this.#free.add(lane);
  }

  /** The lane to take up next; it stays so until it is put off or another has its turn. */
  get nextFree(): ParkedLane | undefined {
    return this.#free.values().next().value;
  }

  /** Lets the other free lanes have their turns first. */
  rotate(lane: ParkedLane): void {
    if (this.#free.delete(lane)) this.#free.add(lane);
  }

  putOff(lane: ParkedLane): void {
    this.#free.delete(lane);
  }

  *[Symbol.iterator](): Generator<ParkedLane> {
    for (const lanes of this.#lanes) if (lanes) yield* lanes.values();
  }
}
