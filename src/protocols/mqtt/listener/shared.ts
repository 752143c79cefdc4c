import type { Round } from '../../../broker/topic.ts';
import { JunctionError } from '../../../core/errors.ts';
import { accepted } from '../../../core/outcome.ts';
import type { Subscription } from '../codec/subscribe.ts';
import type { Publication } from '../codec/publication.ts';
import { grantFor, lowered } from './grant.ts';
import type { Dropped, Session } from './session.ts';
import type { Group, Share } from './share.ts';

interface Waiting {
  publication: Publication;
  round: Round | undefined;
  readonly from: Session | undefined;
  readonly since: number;
  readonly order: number;
}

export interface GroupLimits {
  /** Messages that may wait for a member that has room. */
  readonly backlog: number;
  /** Ms until a group with no room counts as lagging. */
  readonly grace: number;
}

/**
 * A shared subscription (MQTT 5 §4.8.2): each message goes to one member that is connected and has room, in turns. With
 * none, messages of QoS 1 and 2 wait here, publishers with them, by the rules that hold for one session.
 */
export class SharedGroup implements Group {
  readonly #limits: GroupLimits;
  readonly #dropped: Dropped;
  readonly #members = new Map<Session, Subscription>();
  #order: Session[] = [];
  #waiting: Waiting[] = [];
  #turn = 0;
  #orders = 0;
  #lagging = false;

  constructor(limits: GroupLimits, dropped: Dropped) {
    this.#limits = limits;
    this.#dropped = dropped;
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
    const message = { publication, round, from, since: now, order: this.#orders++ };
    const member = this.#waiting.length === 0 ? this.#next() : undefined;
    if (member) return this.#give(member, message);
    if (publication.message.qos === 0) {
      if (this.online) this.#dropped.stalled++;
      return;
    }
    round?.join();
    if (this.#waiting.length >= this.#limits.backlog) {
      this.#dropped.backlog++;
      const why = `${this.#limits.backlog} messages wait for a shared subscription, its limit`;
      round?.answer({ state: 'released', error: new JunctionError('busy', why) });
      return;
    }
    this.#waiting.push(message);
    if (!this.online) this.memberAway();
    else if (this.#lagging) forsake(message);
  }

  /** A member has room. */
  pump(): void {
    let taken = 0;
    for (; taken < this.#waiting.length; taken++) {
      const member = this.#next();
      if (!member) break;
      const message = this.#waiting[taken]!;
      const { round } = message;
      this.#give(member, message);
      round?.answer(undefined); // it waits for the member now
    }
    if (taken > 0) this.#waiting = this.#waiting.slice(taken);
    if (this.#waiting.length === 0) this.#lagging = false;
  }

  /** A member that goes gives back a message; `pump` is to follow. */
  takeBack(publication: Publication, { order }: Share, round: Round | undefined, since: number): void {
    if (this.empty) {
      round?.answer(undefined);
      return;
    }
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.order > order) at--;
    this.#waiting.splice(at, 0, { publication, round, from: undefined, since, order });
  }

  /** A member is gone: if no other is connected, the messages stay here and nobody waits for them any more. */
  memberAway(): void {
    if (this.online) return;
    for (const message of this.#waiting) {
      forsake(message);
      message.publication = message.publication.detached(Date.now());
    }
  }

  /** Called by the sweep; true when it has just been found lagging. */
  checkLag(now: number): boolean {
    const oldest = this.#waiting[0];
    if (this.#lagging || !oldest || !this.online || now - oldest.since < this.#limits.grace) return false;
    this.#lagging = true;
    this.#waiting.forEach(forsake);
    return true;
  }

  #give(member: Session, { publication, round, from, since, order }: Waiting): void {
    const { message } = publication;
    const grant = lowered(grantFor([this.#members.get(member)!], message.retain), message.qos);
    const waits = member === from ? undefined : round;
    member.offer(publication, grant, waits, since, { group: this, order });
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
}

function forsake(message: Waiting): void {
  message.round?.answer(accepted);
  message.round = undefined;
}
