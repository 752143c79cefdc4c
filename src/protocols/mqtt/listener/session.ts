import { performance } from 'node:perf_hooks';
import type { Round } from '../../../broker/topic.ts';
import { JunctionError } from '../../../core/errors.ts';
import { accepted, type Outcome } from '../../../core/outcome.ts';
import { encodeAck } from '../codec/acks.ts';
import { Type } from '../codec/packet-types.ts';
import type { Publication } from '../codec/publication.ts';
import { Reason } from '../codec/reasons.ts';
import type { Subscription } from '../codec/subscribe.ts';
import { protocolError, type Violation } from '../codec/violation.ts';
import { Copies } from './copies.ts';
import type { Grant } from './grant.ts';
import { InFlight, type SentState } from './in-flight.ts';
import type { Received } from './inbound.ts';
import type { Dropped, Link, SessionLimits } from './link.ts';
import type { Group, Share } from './share.ts';
import type { Held, Shelf } from './shelf.ts';
import { newTicket, type Ticket } from './ticket.ts';

/** What must be kept of messages under way while the client is away. */
export interface UnderWay extends SentState {
  /** Packet identifiers of the client's own messages of which the PUBREL is awaited. */
  readonly received: readonly number[];
}

/**
 * What a client receives, and what outlives its connection: subscriptions, messages that wait or are not yet
 * acknowledged, identifiers of QoS 2 messages it has sent. Publishers wait for its acknowledgements unless it is
 * *lagging*: see broker/topic.ts, whose rule this follows. Where it has a shelf, nobody is told that a message is taken
 * which is neither acknowledged by the client nor on the disk.
 */
export class Session {
  readonly clientId: string;
  readonly subscriptions = new Map<string, Subscription>();
  /** The shared subscriptions it is a member of. */
  readonly groups = new Set<Group>();
  /** QoS 2 messages from this client that it has not released yet, by packet identifier. */
  readonly received = new Map<number, Received>();
  /** When its connection ended, ms of the monotonic clock; undefined while connected. */
  awaySince: number | undefined;
  /** Ms that it outlives its connection. */
  expiry = 0;
  /** What it has on the disk; undefined where it ends with its connection, or with the process. */
  shelf: Shelf | undefined;
  readonly #limits: SessionLimits;
  readonly #dropped: Dropped;
  readonly #unacknowledged = new InFlight();
  #waiting: Ticket[] = [];
  #link: Link | undefined;
  #copies: Copies | undefined;
  #lagging = false;
  #holding = false;

  constructor(clientId: string, limits: SessionLimits, dropped: Dropped) {
    this.clientId = clientId;
    this.#limits = limits;
    this.#dropped = dropped;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** Messages that wait or are not acknowledged. */
  get backlog(): number {
    return this.#waiting.length + this.#unacknowledged.size + (this.shelf?.behind ?? 0);
  }

  /** Whether a message could be sent to it now. */
  get room(): boolean {
    const link = this.#link;
    return (
      link !== undefined &&
      !this.#behind &&
      this.#waiting.length === 0 &&
      this.#unacknowledged.size < Math.min(link.receiveMaximum, this.#limits.backlog) &&
      link.pending < this.#limits.maxOutbound / 4
    );
  }

  get lagging(): boolean {
    return this.#lagging;
  }

  /** Whether an acknowledgement may still come from it, when it is sent nothing more. */
  get busy(): boolean {
    return this.#link !== undefined && this.#unacknowledged.size > 0 && !this.#lagging;
  }

  get underWay(): UnderWay {
    const received = [...this.received].filter(([, { published }]) => published).map(([id]) => id);
    return { ...this.#unacknowledged.state, received };
  }

  /**
   * What the disk has of it, beside its subscriptions.
   * @param underWay undefined where the process ended while the client was connected: it may hold any packet identifier,
   * is told to release them all, and gets what is on the disk under new ones
   * @param now ms of the monotonic clock
   */
  restore(shelf: Shelf, underWay: UnderWay | undefined, now: number): void {
    this.shelf = shelf;
    this.awaySince = now;
    const qos2 = [...this.subscriptions.values()].some(({ qos }) => qos === 2);
    const any = Array.from({ length: qos2 ? this.#limits.window : 0 }, (_, i) => i + 1);
    this.#unacknowledged.restore(underWay ?? { sent: [], released: any }, shelf, now);
    for (const id of underWay?.received ?? [])
      this.received.set(id, { published: { outcome: accepted, nobody: false }, repeats: 0, waiting: [] });
  }

  /**
   * Takes a message for the client, or drops it. Of QoS 1 and 2, the round is told which: by the client's
   * acknowledgement, once it is on the disk, or at once where nobody waits for either.
   * @param round who waits
   * @param own it is the client's own message: who waits may be the one who must acknowledge, so it goes to the disk
   * @param share for what came by a shared subscription, which gets it back if the client goes before it has it
   * @param now ms of the monotonic clock
   */
  offer(
    publication: Publication,
    grant: Grant,
    round: Round | undefined,
    now: number,
    own = false,
    share?: Share,
  ): void {
    if (grant.qos === 0) return this.#writeOnce(publication, grant);
    round?.join();
    if (this.backlog >= this.#limits.backlog) {
      round?.answer(this.#full());
      return this.#overflow();
    }
    const { shelf } = this;
    if (shelf && (!this.#link || this.#behind)) return shelf.add(publication, grant, round);
    const ticket = newTicket(publication, grant, now, share, shelf?.reserve() ?? 0);
    ticket.round = round;
    this.#waiting.push(ticket);
    if (!this.#link) ticket.publication = publication.detached(Date.now());
    if (!this.#link || this.#lagging || own) this.#release(ticket);
    this.#send();
  }

  /** Sends what waits, here and in shared subscriptions, as far as the client and its connection take it. */
  pump(): void {
    if (!this.#link) return;
    this.#send();
    for (const group of this.groups) group.pump();
  }

  /** Sends nothing more that could as well wait on the disk, because the process is to end. */
  hold(): void {
    if (!this.shelf || this.#holding) return;
    this.#holding = true;
    for (const ticket of this.#tickets()) this.#release(ticket);
  }

  /** A connection for this session: what was unacknowledged is sent again, in order [MQTT-4.4.0-1]. */
  attach(link: Link): void {
    this.#link = link;
    this.#copies = new Copies(link, this.#dropped);
    this.#lagging = false;
    this.awaySince = undefined;
    for (const ticket of this.#unacknowledged.tickets())
      if (ticket.released) link.write(encodeAck(Type.pubrel, ticket.id, link.level, Reason.success));
      else if (this.#copies.write(ticket, true) !== 'written') this.#drop(ticket);
    this.pump();
  }

  /** Its connection is gone: the messages stay here, so nobody waits for them any more. */
  detach(now: number): void {
    this.#link = undefined;
    this.#copies = undefined;
    this.awaySince = now;
    this.#giveBack((group) => group.online);
    for (const group of this.groups) group.memberAway();
    for (const ticket of this.#tickets()) {
      if (!ticket.released) ticket.publication = ticket.publication.detached(Date.now());
      this.#release(ticket);
    }
  }

  /** Ends the session. */
  end(): void {
    this.#link = undefined;
    this.#giveBack((group) => !group.empty);
    for (const ticket of this.#tickets()) {
      this.#answer(ticket, undefined);
      this.#forget(ticket);
    }
    this.#unacknowledged.clear();
    this.#waiting = [];
    this.subscriptions.clear();
    this.received.clear();
  }

  puback(id: number, reason: number): void {
    const ticket = this.#unacknowledged.get(id);
    if (!ticket) return;
    if (ticket.grant.qos !== 1) throw wrongAck('PUBACK');
    this.#settle(ticket, reason);
  }

  /** The client has taken responsibility for a QoS 2 message, or refused it. */
  pubrec(id: number, reason: number): void {
    const link = this.#link;
    if (!link) return;
    const ticket = this.#unacknowledged.get(id);
    if (!ticket) {
      if (reason < 0x80) link.write(encodeAck(Type.pubrel, id, link.level, Reason.packetIdentifierNotFound));
      return;
    }
    if (ticket.grant.qos !== 2) throw wrongAck('PUBREC');
    if (reason >= 0x80) return this.#settle(ticket, reason); // MQTT 5 §4.3.3
    ticket.released = true;
    link.write(encodeAck(Type.pubrel, id, link.level, Reason.success));
    this.#answer(ticket, accepted);
    this.#forget(ticket);
  }

  pubcomp(id: number): void {
    const ticket = this.#unacknowledged.get(id);
    if (!ticket) return;
    if (!ticket.released) throw wrongAck('PUBCOMP');
    this.#settle(ticket, 0);
  }

  /** Called by the sweep; true when it has just been found lagging. */
  checkLag(now: number): boolean {
    if (this.#lagging || !this.#link) return false;
    for (const ticket of this.#tickets()) {
      if (ticket.released) continue;
      if (now - ticket.since < this.#limits.grace) return false;
      this.#lagging = true;
      break;
    }
    if (!this.#lagging) return false;
    for (const ticket of this.#tickets()) this.#release(ticket);
    return true;
  }

  /** Whether new messages must wait behind others on the disk. */
  get #behind(): boolean {
    return this.#holding || (this.shelf?.behind ?? 0) > 0;
  }

  #send(): void {
    const link = this.#link;
    if (!link || this.#holding) return;
    const soft = this.#limits.maxOutbound / 4;
    for (;;) {
      let taken = 0;
      while (
        taken < this.#waiting.length &&
        this.#unacknowledged.size < link.receiveMaximum &&
        link.pending < soft
      )
        this.#sendOne(link, this.#waiting[taken++]!);
      if (taken > 0) this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
      if (this.#waiting.length > 0 || !this.#refill()) return;
    }
  }

  #sendOne(link: Link, ticket: Ticket): void {
    this.#unacknowledged.add(ticket);
    const written = this.#copies!.write(ticket, false);
    if (written === 'written') return;
    this.#answer(ticket, written === 'expired' ? accepted : this.#tooLarge(link));
    this.#drop(ticket);
  }

  /** Takes what is next on the disk; false where there is nothing to be had. */
  #refill(): boolean {
    if (!this.shelf || this.shelf.behind === 0) return false;
    const now = performance.now();
    for (const { publication, grant, place } of this.shelf.take()) {
      const ticket = newTicket(publication, grant!, now, undefined, place.sequence);
      ticket.place = place;
      this.#waiting.push(ticket);
    }
    return this.#waiting.length > 0;
  }

  /** Nobody shall wait for the client any more: the message goes to the disk where there is one. */
  #release(ticket: Ticket): void {
    if (ticket.released) return;
    if (!this.shelf) return this.#answer(ticket, accepted);
    this.shelf.keep(ticket, ticket.grant);
    if (ticket.keeping) ticket.share?.group.forget(ticket.share);
  }

  /**
   * Gives messages of shared subscriptions to their other members. One of QoS 2 that has been sent stays this
   * client's, lest another gets it too [MQTT-4.8.2-4], [MQTT-4.8.2-5].
   */
  #giveBack(takes: (group: Group) => boolean): void {
    const groups = new Set<Group>();
    for (const ticket of [...this.#tickets()]) {
      const { share, id, grant } = ticket;
      if (!share || (id > 0 && grant.qos === 2) || !takes(share.group)) continue;
      share.group.takeBack(ticket.publication, share, ticket.round);
      groups.add(share.group);
      ticket.round = undefined;
      this.shelf?.settle(ticket);
      if (id > 0) this.#unacknowledged.remove(ticket);
      else this.#waiting = this.#waiting.filter((waiting) => waiting !== ticket);
    }
    for (const group of groups) group.pump();
  }

  *#tickets(): Generator<Ticket> {
    yield* this.#unacknowledged.tickets();
    yield* this.#waiting;
  }

  #settle(ticket: Ticket, reason: number): void {
    this.#answer(
      ticket,
      reason < 0x80
        ? accepted
        : {
            state: 'rejected',
            error: new JunctionError(
              'refused',
              `MQTT client ${this.clientId} refused it with reason ${reason}`,
            ),
          },
    );
    this.#drop(ticket);
    this.pump();
    if (this.#lagging && this.backlog === 0) this.#lagging = false;
  }

  /** It is not under way any more. */
  #drop(ticket: Ticket): void {
    this.#unacknowledged.remove(ticket);
    this.#forget(ticket);
  }

  /** It is nowhere on the disk any more. */
  #forget(ticket: Ticket): void {
    this.shelf?.settle(ticket);
    ticket.share?.group.forget(ticket.share);
  }

  #answer(held: Held, vote: Outcome | undefined): void {
    held.round?.answer(vote);
    held.round = undefined;
  }

  /** QoS 0: written once, or not at all where the client does not read. */
  #writeOnce(publication: Publication, grant: Grant): void {
    const link = this.#link;
    if (!link) return;
    if (link.pending > this.#limits.maxOutbound / 4) {
      this.#dropped.stalled++;
      return;
    }
    this.#copies!.write(newTicket(publication, grant, 0, undefined, 0), false);
  }

  #overflow(): void {
    this.#dropped.backlog++;
    this.#link?.disconnect(
      Reason.quotaExceeded,
      `${this.#limits.backlog} messages wait for this client, its limit`,
    );
  }

  #full(): Outcome {
    const why = `${this.#limits.backlog} messages wait for MQTT client ${this.clientId}, its limit`;
    return { state: 'released', error: new JunctionError('busy', why) };
  }

  #tooLarge(link: Link): Outcome {
    const why = `MQTT client ${this.clientId} takes packets of ${link.maximumPacketSize} bytes at most`;
    return { state: 'rejected', error: new JunctionError('too-large', why) };
  }
}

const wrongAck = (name: string): Violation =>
  protocolError(`a ${name} that does not fit the QoS of its message`);
