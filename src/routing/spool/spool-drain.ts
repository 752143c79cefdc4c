import { performance } from 'node:perf_hooks';
import { backoffAfter } from '../../core/backoff.ts';
import { crashPoint } from '../../core/crash-point.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import type { Log } from '../../core/protocol.ts';
import type { SpooledMessage, SpoolQueue } from '../../core/storage.ts';
import type { Handover, Share } from './handover.ts';
import { ParkedLanes, type ParkedLane } from './parked-lanes.ts';
import { givenBack } from '../targets/target-queue.ts';

export interface DrainLimits {
  /** Messages handed over and not yet removed; after a crash at most these are sent again. */
  readonly window: number;
  /** Bytes of those. */
  readonly windowBytes: number;
  /** Messages whose first attempts failed, one for each lane, that are held in memory beside the window. */
  readonly stuck: number;
  /** Messages that may be passed over since their lanes are blocked; no further one is read then. */
  readonly parked: number;
}

export const drainLimits: DrainLimits = {
  window: 1000,
  windowBytes: 32 * 2 ** 20,
  stuck: 10_000,
  parked: 1_000_000,
};

/** How many records are read at a time. */
const readAhead = 256;
const readAheadBytes = 2 ** 20;

/** How many messages are looked at before others have their turn: passing over takes no room in the window. */
const stepsAtOnce = 500;

/** The wait in ms before a message is sent again that came back although its lane is not blocked. */
const comeBack = { from: 1000, to: 30_000 };

/** What is left to do for a message with several targets. */
interface Open {
  shares: number;
  /** How many of those are passed over. */
  parked: number;
  /** The names of the targets that have it. */
  readonly done: string[];
}

/**
 * Hands the messages of a route's spool to the route's targets in the order of their arrival, and removes each when all
 * its targets have it. Messages of lanes that are blocked are passed over and stay in the spool, so that one lane in
 * trouble holds no other; they are read again when it is free.
 */
export class SpoolDrain {
  readonly #queue: SpoolQueue;
  readonly #handover: Handover;
  readonly #limits: DrainLimits;
  readonly #maxAge: number | undefined;
  readonly #log: Log;
  readonly #onRemoved: () => void;
  readonly #parked = new ParkedLanes();
  readonly #open = new Map<number, Open>();
  #ahead: SpooledMessage[] = [];
  #aheadAt = 0;
  #position = 0;
  #more = true;
  #underWay = 0;
  #underWayBytes = 0;
  #state: 'new' | 'running' | 'stopped' = 'new';
  #busy = false;
  #scheduled = false;
  #turn = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #onIdle: (() => void) | undefined;
  #idle: Promise<void> | undefined;

  /**
   * @param maxAge ms after which a message that is still there becomes a dead letter
   * @param onRemoved called when there is room again
   */
  constructor(
    queue: SpoolQueue,
    handover: Handover,
    maxAge: number | undefined,
    log: Log,
    onRemoved: () => void,
    limits: DrainLimits = drainLimits,
  ) {
    this.#queue = queue;
    this.#handover = handover;
    this.#maxAge = maxAge;
    this.#log = log;
    this.#onRemoved = onRemoved;
    this.#limits = limits;
    handover.onFree((target, name) => {
      const lane = this.#parked.find(target, name);
      if (!lane) return;
      this.#parked.free(lane);
      this.#advanceSoon(); // when those that the target has given back have come
    });
    handover.onStuck(() => this.#advanceSoon()); // it takes no room in the window any more
  }

  /** How many messages are handed over and not yet removed, and how many are passed over. */
  get counts(): { readonly underWay: number; readonly parked: number } {
    return { underWay: this.#underWay, parked: this.#parked.size };
  }

  start(): void {
    this.#state = 'running';
    this.#advance();
  }

  /** To be called when further messages are on the disk. */
  wake(): void {
    if (this.#more) return;
    this.#more = true;
    this.#advance();
  }

  /** Hands over nothing more; resolves once what is under way is answered for. Idempotent. */
  stop(): Promise<void> {
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    this.#handover.stop();
    return (this.#idle ??=
      this.#underWay === 0 ? Promise.resolve() : new Promise((done) => (this.#onIdle = done)));
  }

  get #room(): boolean {
    const { window, windowBytes, stuck } = this.#limits;
    if (this.#underWay === 0) return true;
    if (this.#underWayBytes >= windowBytes) return false;
    if (this.#underWay < window) return true;
    const held = this.#handover.stuck();
    return held < stuck && this.#underWay - held < window;
  }

  #advanceSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#advance();
    });
  }

  #advance(): void {
    if (this.#busy || this.#state !== 'running') return;
    this.#busy = true;
    try {
      for (let steps = 0; this.#room && this.#step(); steps++)
        if (steps >= stepsAtOnce) {
          this.#advanceSoon();
          break;
        }
    } catch (error) {
      this.#fail(JunctionError.from(error));
    } finally {
      this.#busy = false;
    }
  }

  /** By turns, so that the long backlog of a lane that is free again does not hold the others. */
  #step(): boolean {
    this.#turn = !this.#turn;
    return this.#turn ? this.#resumeOne() || this.#readOne() : this.#readOne() || this.#resumeOne();
  }

  /** Without its store the spool cannot go on: what is delivered could not be removed. */
  #fail(error: JunctionError): void {
    if (this.#state !== 'running') return;
    this.#state = 'stopped';
    clearTimeout(this.#timer);
    if (error.code !== 'closed')
      this.#log.error(
        { route: this.#queue.route, code: error.code },
        `a spool has stopped: ${error.message}`,
      );
  }

  /** Sends the next message of the spool, or passes it over. False where there is none to read. */
  #readOne(): boolean {
    if (this.#aheadAt === this.#ahead.length) {
      if (!this.#more || this.#parked.size >= this.#limits.parked) return false;
      this.#ahead = this.#queue.read(this.#position, readAhead, readAheadBytes);
      this.#aheadAt = 0;
      this.#more = this.#ahead.length > 0;
      if (!this.#more) return false;
    }
    const spooled = this.#ahead[this.#aheadAt++]!;
    this.#position = spooled.sequence;
    const shares = this.#sharesOf(spooled);
    if (shares.length === 0) {
      this.#begin(spooled);
      this.#remove(spooled);
      return true;
    }
    if (shares.length > 1 || spooled.done.length > 0)
      this.#open.set(spooled.sequence, { shares: shares.length, parked: 0, done: [...spooled.done] });
    for (const share of shares) {
      if (this.#parked.find(share.target, share.lane) || share.blocked()) this.#park(spooled, share);
      else this.#send(spooled, share);
    }
    return true;
  }

  /** Goes on with a lane that is free again. False where there is none. */
  #resumeOne(): boolean {
    const lane = this.#parked.nextFree;
    if (!lane) return false;
    const sequence = lane.first;
    const spooled = sequence === undefined ? undefined : this.#queue.get(sequence);
    const share = spooled && this.#sharesOf(spooled).find((each) => each.target === lane.target);
    if (share?.blocked() === true || lane.heldUntil > performance.now()) {
      this.#parked.putOff(lane);
      return true;
    }
    const open = sequence === undefined ? undefined : this.#open.get(sequence);
    if (open) open.parked--;
    if (sequence !== undefined) this.#parked.unpark(lane);
    if (lane.size === 0) this.#parked.putOff(lane);
    else this.#parked.rotate(lane);
    if (spooled && share) this.#send(spooled, share);
    else if (spooled) {
      // expired while it waited
      this.#begin(spooled);
      this.#finish(spooled, '');
    } else if (sequence !== undefined) this.#open.delete(sequence);
    return true;
  }

  #sharesOf(spooled: SpooledMessage): readonly Share[] {
    const { message, at } = spooled;
    let shares = this.#handover.sharesOf(message);
    if (spooled.done.length > 0) shares = shares.filter(({ name }) => !spooled.done.includes(name));
    if (this.#maxAge === undefined || Date.now() - at < this.#maxAge) return shares;
    const error = new JunctionError('expired', 'it was in the spool for longer than max_age allows');
    return shares.map((share) => ({
      ...share,
      blocked: () => false,
      send: () => share.bury(at, error),
    }));
  }

  #send(spooled: SpooledMessage, share: Share): void {
    this.#begin(spooled);
    void share.send().then((outcome) => {
      if (outcome.state === 'accepted') this.#finish(spooled, share.name);
      else this.#cameBack(spooled, share, outcome);
    });
  }

  #begin({ bytes }: SpooledMessage): void {
    this.#underWay++;
    this.#underWayBytes += bytes;
  }

  #end({ bytes }: SpooledMessage): void {
    this.#underWay--;
    this.#underWayBytes -= bytes;
    if (this.#underWay === 0) this.#onIdle?.();
    this.#advance();
  }

  /** One target is done with a message; the last one removes it. */
  #finish(spooled: SpooledMessage, name: string): void {
    const open = this.#open.get(spooled.sequence);
    if (!open || --open.shares === 0) return this.#remove(spooled);
    open.done.push(name);
    if (open.parked > 0 || this.#state !== 'running') this.#mark(spooled, open);
    else this.#end(spooled);
  }

  /** It counts as under way until its removal is on the disk: till then a crash would bring it back. */
  #remove(spooled: SpooledMessage): void {
    this.#open.delete(spooled.sequence);
    crashPoint?.('removing');
    this.#written(spooled, this.#queue.remove(spooled), this.#onRemoved);
  }

  /** Some targets have a message for which another one is in trouble, perhaps for long. */
  #mark(spooled: SpooledMessage, { done }: Open): void {
    this.#written(spooled, this.#queue.mark(spooled.sequence, done));
  }

  #written(spooled: SpooledMessage, written: Promise<void>, then?: () => void): void {
    written.then(
      () => {
        if (then) crashPoint?.('removed');
        then?.();
        this.#end(spooled);
      },
      (error: unknown) => {
        this.#fail(JunctionError.from(error));
        this.#end(spooled);
      },
    );
  }

  #park(spooled: SpooledMessage, share: Share): ParkedLane {
    const open = this.#open.get(spooled.sequence);
    if (open) open.parked++;
    return this.#parked.park(share.target, share.lane, spooled.sequence);
  }

  #cameBack(spooled: SpooledMessage, share: Share, outcome: Outcome): void {
    const open = this.#open.get(spooled.sequence);
    const news = open && open.done.length > spooled.done.length ? open : undefined;
    if (this.#state !== 'running') return news ? this.#mark(spooled, news) : this.#end(spooled);
    const lane = this.#park(spooled, share);
    if (outcome !== givenBack) this.#hold(lane);
    // What was in its way may have gone meanwhile, and nobody would tell.
    else if (!share.blocked()) this.#parked.free(lane);
    if (news) this.#mark(spooled, news);
    else this.#end(spooled);
  }

  /** Nobody but the spool is left to try again, so it does, after a while. */
  #hold(lane: ParkedLane): void {
    const now = performance.now();
    if (lane.heldUntil > now) return;
    lane.heldUntil = now + backoffAfter(++lane.failures, comeBack.from, comeBack.to);
    this.#parked.putOff(lane);
    if (lane.heldUntil >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = lane.heldUntil;
    this.#timer = setTimeout(() => this.#freeHeld(), lane.heldUntil - now);
  }

  #freeHeld(): void {
    this.#timerAt = Infinity;
    const now = performance.now();
    let next: ParkedLane | undefined;
    for (const lane of this.#parked) {
      if (lane.heldUntil === 0) continue;
      if (lane.heldUntil <= now + 1) {
        lane.heldUntil = 0;
        this.#parked.free(lane);
      } else if (!next || lane.heldUntil < next.heldUntil) next = lane;
    }
    if (next) {
      this.#timerAt = next.heldUntil;
      this.#timer = setTimeout(() => this.#freeHeld(), next.heldUntil - now);
    }
    this.#advance();
  }
}
