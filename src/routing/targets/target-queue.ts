import { performance } from 'node:perf_hooks';
import { backoffAfter } from '../../core/backoff.ts';
import { crashPoint } from '../../core/crash-point.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { accepted, failed, type Outcome } from '../../core/outcome.ts';
import type { Sink } from '../../core/protocol.ts';
import { Delivery, UnderWay } from './delivery.ts';
import { Alarm } from './alarm.ts';
import { Finishing } from './finishing.ts';
import type { Lane } from './lane.ts';
import { Lanes } from './lanes.ts';
import type { RetryPolicy } from '../route/retry.ts';
import type { Finish } from './target.ts';

/** What a queue asks of the one it works for. */
export interface TargetQueueOwner {
  /** A delivery has failed for good: the outcome to tell its source. Never rejects. */
  failedForGood(delivery: Delivery, error: JunctionError): Promise<Outcome>;
  /** A delivery did not come through for now: `again` where it is tried again here, else its source is told. */
  failedForNow(delivery: Delivery, error: JunctionError, again: boolean): void;
  /** Its time to live is over, or it has come too late to be of use, so it ends here. */
  expired(delivery: Delivery, error?: JunctionError): void;
}

/** The outcome of a message that would have to wait behind another one of its lane, where the source keeps it itself. */
export const givenBack: Outcome = Object.freeze({
  state: 'released',
  error: new JunctionError('busy', 'an earlier message of the same key or address waits for the target'),
});

/**
 * What goes to one target of one route. Messages are sent at once, many under way at a time, in the order in which they
 * come. When the target does not take one for now, its lane is blocked: that message is tried again, with back-off,
 * and those of its lane that come later, or were under way and failed too, wait behind it in their order. Other lanes
 * go on. What was already under way behind a message that failed, and came through, has overtaken it.
 */
export class TargetQueue {
  #sink: Sink;
  #policy: RetryPolicy | undefined;
  #owner: TargetQueueOwner;
  readonly #givesBack: boolean;
  readonly #underWay = new UnderWay();
  readonly #finishing = new Finishing(({ envelope, address }) => this.#sink.send(envelope, address));
  #sequence = 0;
  readonly #lanes = new Lanes(this.#underWay);
  readonly #blocked = new Set<Lane<Delivery>>();
  readonly #alarm = new Alarm(() => this.#wake());
  #stopped = false;
  /** How many have asked that nothing is sent for now. */
  #holds = 0;
  /** Queues to the same endpoint that get nothing new; a lane of theirs goes before ours of the same name. */
  readonly #before = new Set<TargetQueue>();
  #retired = false;
  #onIdle: (() => void)[] = [];
  #onQuiet: (() => void)[] = [];
  readonly #onFree: ((lane: string) => void)[] = [];
  readonly #onBlocked: (() => void)[] = [];

  /**
   * @param policy undefined: a message is sent once
   * @param givesBack messages behind the first of a blocked lane do not wait here but are `givenBack`: for a spool,
   *   which has them on its disk
   */
  constructor(sink: Sink, policy: RetryPolicy | undefined, owner: TargetQueueOwner, givesBack = false) {
    this.#sink = sink;
    this.#policy = policy;
    this.#owner = owner;
    this.#givesBack = givesBack;
  }

  /** How many lanes are blocked. */
  get blockedLanes(): number {
    return this.#blocked.size;
  }

  /**
   * Sends a message, now or when its lane is free. Never rejects.
   * @param message as its source handed it over
   * @param envelope as it is to be sent
   * @param finish what is left to do to it; messages are sent in their order also where that takes time
   */
  send(message: Envelope, envelope: Envelope, address: string, finish?: Finish): Promise<Outcome> {
    const delivery = new Delivery(message, envelope, address, this.#sequence++, finish);
    if (this.#lanes.apart) {
      const lane = this.#enter(delivery.laneName);
      if (lane.blocked) {
        if (this.#givesBack) return Promise.resolve(givenBack);
        lane.insert(delivery);
        return delivery.outcome;
      }
      delivery.lane = lane;
    }
    return this.#attempt(delivery);
  }

  /** Sends a message once, past all that is known of it: what an operator asks for. Never rejects. */
  async sendOnce(message: Envelope, envelope: Envelope, address: string, finish?: Finish): Promise<Outcome> {
    try {
      if (this.isBlocked(envelope.key ?? address))
        throw new JunctionError('busy', 'messages of the same key or address wait for the target already');
      await this.#sink.send(finish ? await finish(message, envelope) : envelope, address);
      return accepted;
    } catch (reason) {
      return failed(reason);
    }
  }

  /** Whether a message would have to wait for others of its lane: its key, or the address where it has none. */
  isBlocked(name: string): boolean {
    if (!this.#lanes.apart) return false;
    const lane = this.#enter(name);
    if (!lane.blocked) this.#dropIdle(lane);
    return lane.blocked;
  }

  /** Goes on by other rules; messages keep their places. */
  adopt(policy: RetryPolicy | undefined, owner: TargetQueueOwner): void {
    this.#policy = policy;
    this.#owner = owner;
  }

  /**
   * Sends nothing until `resume` has been called as often; what comes waits in its lane. Resolves once the target has
   * answered for all that was under way.
   */
  hold(): Promise<void> {
    this.#holds++;
    this.#lanes.tellApart();
    return this.#underWay.empty ? Promise.resolve() : new Promise((done) => this.#onQuiet.push(done));
  }

  /** @param sink where it goes from now on */
  resume(sink = this.#sink): void {
    this.#sink = sink;
    if (--this.#holds > 0) return;
    for (const lane of [...this.#blocked]) this.#advance(lane);
    this.#forgetIfFree();
  }

  /** Whether anything is under way or waits. */
  get idle(): boolean {
    return this.#underWay.empty && this.#blocked.size === 0;
  }

  /** Nothing new will come: resolves once all there is has been answered for. */
  retire(): Promise<void> {
    this.#retired = true;
    this.#lanes.tellApart();
    return this.#lanes.empty ? Promise.resolve() : new Promise((done) => this.#onIdle.push(done));
  }

  /** Lets a retired queue to the same endpoint go first: what waits there was taken before what comes here. */
  follow(queue: TargetQueue): void {
    if (queue.idle) return;
    this.#before.add(queue);
    this.#lanes.tellApart();
    queue.#lanes.onGone((name) => {
      const lane = this.#lanes.find(name);
      if (lane?.blocked) this.#advance(lane);
    });
    queue.#onIdle.push(() => {
      this.#before.delete(queue);
      this.#forgetIfFree();
    });
  }

  /** Calls back with the name of each lane that is no longer blocked: a message's key, or the address where it has none. */
  onFree(callback: (lane: string) => void): void {
    this.#onFree.push(callback);
  }

  /** Calls back when one more lane is blocked. */
  onBlocked(callback: () => void): void {
    this.#onBlocked.push(callback);
  }

  /** Gives up what waits, and tries nothing again from now on; what is under way is answered by the sink. */
  stop(): void {
    this.#stopped = true;
    this.giveBack();
    this.#alarm.clear();
  }

  /** Gives what waits back to its sources. */
  giveBack(): void {
    const error = new JunctionError('closed', 'the gateway does not wait for the target any longer');
    for (const lane of [...this.#blocked]) this.#release(lane, error);
  }

  /** The lane of a message that comes, while lanes are told apart; blocked where it has to wait for others. */
  #enter(name: string): Lane<Delivery> {
    const lane = this.#lanes.of(name);
    if (!lane.blocked && !this.#stopped && (this.#holds > 0 || this.#mustFollow(lane))) {
      lane.blocked = true;
      lane.dueAt = 0;
      this.#blocked.add(lane);
    }
    return lane;
  }

  #mustFollow({ name }: Lane<Delivery>): boolean {
    for (const queue of this.#before) if (queue.#lanes.has(name)) return true;
    return false;
  }

  #attempt(delivery: Delivery): Promise<Outcome> {
    if (delivery.attempts++ === 0) delivery.startedAt = performance.now();
    this.#underWay.add(delivery);
    if (delivery.lane) delivery.lane.underWay++;
    let sent: Promise<void>;
    try {
      crashPoint?.('sending');
      sent =
        delivery.finish || this.#finishing.busy
          ? this.#finishing.send(delivery)
          : this.#sink.send(delivery.envelope, delivery.address);
      crashPoint?.('sent');
    } catch (reason) {
      sent = Promise.reject(JunctionError.from(reason));
    }
    return sent.then(
      () => {
        crashPoint?.('confirmed');
        this.#left(delivery);
        if (delivery.lane) this.#answered(delivery, delivery.lane);
        return delivery.settle(accepted);
      },
      (reason: unknown) => this.#failed(delivery, JunctionError.from(reason)),
    );
  }

  #left(delivery: Delivery): void {
    this.#underWay.remove(delivery);
    if (this.#onQuiet.length === 0 || !this.#underWay.empty) return;
    for (const done of this.#onQuiet.splice(0)) done();
  }

  #failed(delivery: Delivery, error: JunctionError): Outcome | Promise<Outcome> {
    this.#left(delivery);
    const policy = this.#policy;
    const retryable = error.retryable && !policy?.permanent.has(error.code);
    const over =
      policy === undefined || delivery.attempts >= policy.attempts || delivery.age >= policy.deadline;
    if (retryable && !over && !this.#stopped) {
      this.#owner.failedForNow(delivery, error, true);
      const { outcome } = delivery;
      this.#block(delivery, policy);
      return outcome;
    }
    if (retryable && (policy?.over !== 'dead' || this.#stopped)) {
      this.#owner.failedForNow(delivery, error, false);
      const outcome = delivery.settle(failed(error));
      const lane = delivery.lane;
      if (lane) {
        lane.underWay--;
        // Those behind it go back too, so that the source sends them all again in their order.
        if (lane.blocked) this.#release(lane, error);
        else this.#dropIdle(lane);
      }
      return outcome;
    }
    if (delivery.lane) this.#answered(delivery, delivery.lane, retryable);
    if (error.code === 'expired') return this.#expire(delivery, error);
    return this.#owner.failedForGood(delivery, error).then((outcome) => delivery.settle(outcome));
  }

  #expire(delivery: Delivery, error?: JunctionError): Outcome {
    this.#owner.expired(delivery, error);
    return delivery.settle(accepted);
  }

  /** Lets a message that has failed wait in its lane. */
  #block(delivery: Delivery, policy: RetryPolicy): void {
    let lane = delivery.lane;
    if (lane) lane.underWay--;
    else {
      this.#lanes.tellApart();
      lane = this.#lanes.of(delivery.laneName);
      delivery.lane = lane;
    }
    lane.insert(delivery);
    if (this.#givesBack) for (const each of lane.takeAfterFirst()) each.settle(givenBack);
    if (lane.trial === delivery) lane.trial = undefined;
    if (lane.blocked && lane.first !== delivery) return this.#advance(lane);
    lane.blocked = true;
    this.#blocked.add(lane);
    for (const callback of this.#onBlocked) callback();
    const wait = backoffAfter(delivery.attempts, policy.from, policy.to);
    // The last attempt is made at the deadline.
    lane.dueAt = performance.now() + Math.min(wait, Math.max(0, policy.deadline - delivery.age));
    this.#advance(lane);
  }

  /** The target has answered for a message, which is done with. */
  #answered(delivery: Delivery, lane: Lane<Delivery>, stillAway = false): void {
    lane.underWay--;
    if (!lane.blocked) return this.#dropIdle(lane);
    if (delivery !== lane.trial) return this.#advance(lane);
    lane.trial = undefined;
    lane.dueAt = 0;
    // After attempts in vain the next one is tried alone as well.
    if ((stillAway && lane.first) || this.#holds > 0 || this.#mustFollow(lane)) return this.#advance(lane);
    this.#open(lane);
  }

  /** Tries a blocked lane's first message, if it is time, and when all that was under way before has been answered. */
  #advance(lane: Lane<Delivery>): void {
    if (lane.underWay > 0 || this.#holds > 0 || this.#mustFollow(lane)) return;
    const first = lane.first;
    if (!first) return this.#open(lane);
    if (lane.dueAt > performance.now()) return this.#alarm.wakeAt(lane.dueAt, this.#policy?.from);
    lane.takeFirst();
    if (isOver(first)) {
      this.#expire(first);
      return this.#advance(lane);
    }
    first.lane = lane;
    lane.trial = first;
    void this.#attempt(first);
  }

  /** Sends all that waited, in order, and lets new messages pass. */
  #open(lane: Lane<Delivery>): void {
    lane.blocked = false;
    lane.trial = undefined;
    this.#blocked.delete(lane);
    for (const delivery of lane.takeAll()) {
      delivery.lane = lane;
      if (isOver(delivery)) this.#expire(delivery);
      else void this.#attempt(delivery);
    }
    this.#dropIdle(lane);
    this.#freed(lane);
  }

  /** Gives what waits in a blocked lane back to its sources. */
  #release(lane: Lane<Delivery>, error: JunctionError): void {
    lane.blocked = false;
    lane.trial = undefined;
    this.#blocked.delete(lane);
    const outcome = failed(error);
    for (const delivery of lane.takeAll()) {
      this.#owner.failedForNow(delivery, error, false);
      delivery.settle(outcome);
    }
    this.#dropIdle(lane);
    this.#freed(lane);
  }

  #freed(lane: Lane<Delivery>): void {
    this.#forgetIfFree();
    for (const callback of this.#onFree) callback(lane.name);
  }

  #dropIdle(lane: Lane<Delivery>): void {
    this.#lanes.dropIdle(lane);
    if (!this.#retired || !this.#lanes.empty) return;
    for (const done of this.#onIdle.splice(0)) done();
  }

  #forgetIfFree(): void {
    if (this.#blocked.size > 0 || this.#holds > 0 || this.#before.size > 0 || this.#retired) return;
    this.#lanes.forget();
    this.#alarm.clear();
  }

  #wake(): void {
    for (const lane of [...this.#blocked]) this.#advance(lane);
  }
}

const isOver = ({ envelope: { expiresAt } }: Delivery): boolean =>
  expiresAt !== undefined && expiresAt <= Date.now();
