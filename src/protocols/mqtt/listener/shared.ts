import { performance } from 'node:perf_hooks';
import type { Round } from '../../../broker/topic.ts';
import { JunctionError } from '../../../core/errors.ts';
import { accepted } from '../../../core/outcome.ts';
import type { Subscription } from '../codec/subscribe.ts';
import type { Publication } from '../codec/publication.ts';
import { grantFor, lowered } from './grant.ts';
import type { Dropped } from './link.ts';
import type { Session } from './session.ts';
import type { Group, Share, Waiting } from './share.ts';
import type { Shelf } from './shelf.ts';

export interface GroupLimits {
  /** Messages that may wait for a member that has room. */
  readonly backlog: number;
  /** Ms until a group with no room counts as lagging. */
  readonly grace: number;
}

/**
 * A shared subscription (MQTT 5 §4.8.2): each message goes to one member that is connected and has room, in turns. With
 * none, messages of QoS 1 and 2 wait here, publishers with them, by the rules that hold for one session. Where a member's
 * session outlives the process, so does what nobody has and nobody waits for.
 */
export class SharedGroup implements Group {
  readonly #limits: GroupLimits;
  readonly #dropped: Dropped;
  readonly #shelf: Shelf | undefined;
  readonly #members = new Map<Session, Subscription>();
  #order: Session[] = [];
  #waiting: Waiting[] = [];
  #turn = 0;
  #orders = 0;
  #lagging = false;

  /** @param shelf makes its part of the disk, given what is to be called when there is something; undefined: none */
  constructor(limits: GroupLimits, dropped: Dropped, shelf?: (onStored: () => void) => Shelf | undefined) {
    this.#limits = limits;
    this.#dropped = dropped;
    this.#shelf = shelf?.(() => this.pump());
  }

  get empty(): boolean {
    return this.#members.size === 0;
  }

  /** Whether a member is connected. */
  get online(): boolean {
    return this.#order.some((session) => session.link !== undefined);
  }

  /** Adds a member, or changes how it has subscribed. */
  join(session: Session, subscription: Subscription): void {
    this.#members.set(session, subscription);
    this.#order = [...this.#members.keys()];
    session.groups.add(this);
    this.pump();
  }

  /** With the last member what waits is given up. */
  leave(session: Session): void {
    session.groups.delete(this);
    this.#members.delete(session);
    this.#order = [...this.#members.keys()];
    if (!this.empty) return this.memberAway();
    for (const { round } of this.#waiting) round?.answer(undefined);
    this.#waiting = [];
  }

  /** @param round who waits; undefined for QoS 0 */
  offer(publication: Publication, round: Round | undefined, from: Session | undefined, now: number): void {
    const behind = this.#shelf?.behind ?? 0;
    const member = this.#waiting.length === 0 && behind === 0 ? this.#next() : undefined;
    if (publication.message.qos === 0) {
      if (member) this.#give(member, this.#entry(publication, undefined, from, now, 0), undefined);
      else if (this.online) this.#dropped.stalled++;
      return;
    }
    if (member) return this.#offerTo(member, this.#newEntry(publication, round, from, now));
    round?.join();
    if (this.#waiting.length + behind >= this.#limits.backlog) {
      this.#dropped.backlog++;
      const why = `${this.#limits.backlog} messages wait for a shared subscription, its limit`;
      round?.answer({ state: 'released', error: new JunctionError('busy', why) });
      return;
    }
    if (behind > 0 || (this.#kept && !this.online)) return this.#shelf!.add(publication, null, round);
    const entry = this.#newEntry(publication, round, from, now);
    this.#waiting.push(entry);
    if (!this.online) this.memberAway();
    else if (this.#lagging) this.#forsake(entry);
  }

  /** A member has room. */
  pump(): void {
    for (;;) {
      let taken = 0;
      for (; taken < this.#waiting.length; taken++) {
        const member = this.#next();
        if (!member) break;
        const entry = this.#waiting[taken]!;
        const { round } = entry;
        this.#offerTo(member, entry);
        round?.answer(undefined); // it waits for the member now
      }
      if (taken > 0) this.#waiting = this.#waiting.slice(taken);
      if (this.#waiting.length > 0 || !this.#refill()) break;
    }
    if (this.#waiting.length === 0) this.#lagging = false;
  }

  takeBack(publication: Publication, { entry }: Share, round: Round | undefined): void {
    if (this.empty) {
      round?.answer(undefined);
      return;
    }
    const again = entry.done ? { ...entry, place: undefined, keeping: false, done: false } : entry;
    again.publication = publication;
    again.round = round;
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.order > again.order) at--;
    this.#waiting.splice(at, 0, again);
    if (!round) this.#kept?.keep(again, null);
  }

  forget({ entry }: Share): void {
    if (entry.sequence > 0) this.#shelf!.settle(entry);
    else entry.done = true;
  }

  /** A member is gone: if no other is connected, the messages stay here and nobody waits for them any more. */
  memberAway(): void {
    if (this.online) return;
    for (const entry of this.#waiting) {
      this.#forsake(entry);
      entry.publication = entry.publication.detached(Date.now());
    }
  }

  /** Called by the sweep; true when it has just been found lagging. */
  checkLag(now: number): boolean {
    const oldest = this.#waiting[0];
    if (this.#lagging || !oldest || !this.online || now - oldest.since < this.#limits.grace) return false;
    this.#lagging = true;
    for (const entry of this.#waiting) this.#forsake(entry);
    return true;
  }

  /** Its part of the disk, where one of its members has one. */
  get #kept(): Shelf | undefined {
    return this.#shelf && this.#order.some((session) => session.shelf) ? this.#shelf : undefined;
  }

  #newEntry(
    publication: Publication,
    round: Round | undefined,
    from: Session | undefined,
    now: number,
  ): Waiting {
    return this.#entry(publication, round, from, now, this.#shelf?.reserve() ?? 0);
  }

  #entry(
    publication: Publication,
    round: Round | undefined,
    from: Session | undefined,
    since: number,
    sequence: number,
  ): Waiting {
    const order = this.#orders++;
    return {
      publication,
      round,
      from,
      since,
      order,
      sequence,
      place: undefined,
      keeping: false,
      done: false,
    };
  }

  /** Takes what is next on the disk; false where there is nothing to be had. */
  #refill(): boolean {
    if (!this.#shelf || this.#shelf.behind === 0 || !this.online) return false;
    for (const { publication, place } of this.#shelf.take()) {
      const entry = this.#entry(publication, undefined, undefined, performance.now(), place.sequence);
      entry.place = place;
      this.#waiting.push(entry);
    }
    return this.#waiting.length > 0;
  }

  /** A client's own message goes to the disk, if it can: the client may be the one who waits for its acknowledgement. */
  #offerTo(member: Session, entry: Waiting): void {
    const { round } = entry;
    if (member !== entry.from) {
      entry.round = undefined;
      return this.#give(member, entry, round);
    }
    if (this.#kept) {
      round?.join();
      this.#kept.keep(entry, null);
    }
    this.#give(member, entry, undefined);
  }

  #give(member: Session, entry: Waiting, round: Round | undefined): void {
    const { publication, since } = entry;
    const { message } = publication;
    const grant = lowered(grantFor([this.#members.get(member)!], message.retain), message.qos);
    member.offer(publication, grant, round, since, false, { group: this, entry });
  }

  /** The member whose turn it is among those that have room; a lagging one only if there is no other. */
  #next(): Session | undefined {
    const count = this.#order.length;
    let late: number | undefined;
    for (let i = 1; i <= count; i++) {
      const at = (this.#turn + i) % count;
      const session = this.#order[at]!;
      if (!session.room) continue;
      if (!session.lagging) {
        this.#turn = at;
        return session;
      }
      late ??= at;
    }
    if (late === undefined) return undefined;
    this.#turn = late;
    return this.#order[late];
  }

  /** Nobody shall wait for a member any more: the message goes to the disk where there is one. */
  #forsake(entry: Waiting): void {
    const shelf = this.#kept;
    if (shelf) return shelf.keep(entry, null);
    entry.round?.answer(accepted);
    entry.round = undefined;
  }
}
