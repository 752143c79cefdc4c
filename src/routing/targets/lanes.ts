import type { Delivery, UnderWay } from './delivery.ts';
import { Lane } from './lane.ts';

/** The lanes of one target. They are told apart only while one is blocked, or others need to know: it costs a lookup. */
export class Lanes {
  readonly #underWay: UnderWay;
  readonly #byName = new Map<string, Lane<Delivery>>();
  readonly #onGone: ((name: string) => void)[] = [];
  #apart = false;

  /** @param underWay what the target has not answered; each delivery knows its lane while they are told apart */
  constructor(underWay: UnderWay) {
    this.#underWay = underWay;
  }

  get apart(): boolean {
    return this.#apart;
  }

  /** Whether nothing is in any lane; to be asked while they are told apart. */
  get empty(): boolean {
    return this.#byName.size === 0;
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  find(name: string): Lane<Delivery> | undefined {
    return this.#byName.get(name);
  }

  /** The lane of this name, made where there is none. */
  of(name: string): Lane<Delivery> {
    let lane = this.#byName.get(name);
    if (!lane) this.#byName.set(name, (lane = new Lane(name)));
    return lane;
  }

  /** Calls back with the name of each lane in which nothing is left. */
  onGone(callback: (name: string) => void): void {
    this.#onGone.push(callback);
  }

  /** Begins to count by lane what is under way. */
  tellApart(): void {
    if (this.#apart) return;
    this.#apart = true;
    for (const delivery of this.#underWay) {
      delivery.lane = this.of(delivery.laneName);
      delivery.lane.underWay++;
    }
  }

  /** Ends telling them apart. */
  forget(): void {
    this.#apart = false;
    for (const delivery of this.#underWay) delivery.lane = undefined;
    this.#byName.clear();
  }

  /** Forgets a lane with nothing in it that is not blocked. */
  dropIdle(lane: Lane<Delivery>): void {
    if (!lane.idle || lane.blocked || this.#byName.get(lane.name) !== lane) return;
    this.#byName.delete(lane.name);
    for (const callback of this.#onGone) callback(lane.name);
  }
}
