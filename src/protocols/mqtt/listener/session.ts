import type { Round } from '../../../broker/topic.ts';
import { JunctionError } from '../../../core/errors.ts';
import { accepted, type Outcome } from '../../../core/outcome.ts';
import { encodeAck } from '../codec/acks.ts';
import { Type, type Level } from '../codec/packet-types.ts';
import type { Publication } from '../codec/publication.ts';
import { Reason } from '../codec/reasons.ts';
import type { Subscription } from '../codec/subscribe.ts';
import { protocolError, type Violation } from '../codec/violation.ts';
import type { Grant } from './grant.ts';
import type { Received } from './inbound.ts';
import type { Group, Share } from './share.ts';

/** The connection that a session has at present. */
export interface Link {
  readonly level: Level;
  /** Unacknowledged messages it takes at a time. */
  readonly receiveMaximum: number;
  readonly maximumPacketSize: number;
  readonly topicAliasMaximum: number;
  /** Bytes that wait for it. */
  readonly pending: number;
  write(packet: Buffer): void;
  /** Closes it, telling an MQTT 5 client why. */
  disconnect(reason: Reason, why: string): void;
}

export interface SessionLimits {
  /** Messages that may wait for one client. */
  readonly backlog: number;
  /** Bytes that may wait for one client's connection. */
  readonly maxOutbound: number;
  /** Ms until a subscriber that does not acknowledge counts as lagging. */
  readonly grace: number;
}

/** What the listener counts of all its sessions. */
export interface Dropped {
  /** QoS 0 messages not written because the client does not read fast enough. */
  stalled: number;
  /** Messages larger than the client takes. */
  tooLarge: number;
  /** Messages for a client that is away, above the bound. */
  backlog: number;
  expired: number;
}

/** One message for one client, from the publish until it is acknowledged. */
interface Ticket {
  publication: Publication;
  readonly grant: Grant;
  readonly since: number;
  round: Round | undefined;
  /** The shared subscription it came by. */
  readonly share: Share | undefined;
  id: number;
  /** PUBREC has come: what is to be sent again is the PUBREL. */
  released: boolean;
}

const unaliased = { alias: 0, aliasOnly: false };

/**
 * What a client receives, and what outlives its connection: subscriptions, messages that wait or are not yet
 * acknowledged, identifiers of QoS 2 messages it has sent. Publishers wait for its acknowledgements unless it is
 * *lagging*: see broker/topic.ts, whose rule this follows.
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
  readonly #limits: SessionLimits;
  readonly #dropped: Dropped;
  readonly #unacknowledged = new Map<number, Ticket>();
  #waiting: Ticket[] = [];
  #aliases = new Map<string, number>();
  #link: Link | undefined;
  #lagging = false;
  #lastId = 0;

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
    return this.#waiting.length + this.#unacknowledged.size;
  }

  /** Whether a message could be sent to it now. */
  get room(): boolean {
    const link = this.#link;
    return (
      link !== undefined &&
      this.#waiting.length === 0 &&
      this.#unacknowledged.size < Math.min(link.receiveMaximum, this.#limits.backlog) &&
      link.pending < this.#limits.maxOutbound / 4
    );
  }

  get lagging(): boolean {
    return this.#lagging;
  }

  /**
   * Takes a message for the client, or drops it. Of QoS 1 and 2, the round is told which: by the client's
   * acknowledgement, or at once where nobody waits for that.
   * @param round who waits; nobody does for a client's own messages
   * @param share for what came by a shared subscription, which gets it back if the client goes before it has it
   * @param now ms of the monotonic clock
   */
  offer(publication: Publication, grant: Grant, round: Round | undefined, now: number, share?: Share): void {
    if (grant.qos === 0) return this.#writeOnce(publication, grant);
    round?.join();
    if (this.backlog >= this.#limits.backlog) {
      round?.answer(this.#full());
      return this.#overflow();
    }
    const ticket = newTicket(publication, grant, now, share);
    if (!this.#link) ticket.publication = publication.detached(Date.now());
    if (this.#link && !this.#lagging) ticket.round = round;
    else round?.answer(accepted);
    this.#waiting.push(ticket);
    this.#send();
  }

  /** Sends what waits, here and in shared subscriptions, as far as the client and its connection take it. */
  pump(): void {
    this.#send();
    for (const group of this.groups) group.pump();
  }

  #send(): void {
    const link = this.#link;
    if (!link || this.#waiting.length === 0) return;
    let taken = 0;
    const soft = this.#limits.maxOutbound / 4;
    while (
      taken < this.#waiting.length &&
      this.#unacknowledged.size < link.receiveMaximum &&
      link.pending < soft
    ) {
      const ticket = this.#waiting[taken++]!;
      ticket.id = this.#nextId();
      const written = this.#write(link, ticket, false);
      if (written === 'written') this.#unacknowledged.set(ticket.id, ticket);
      else this.#answer(ticket, written === 'expired' ? accepted : this.#tooLarge(link));
    }
    if (taken > 0) this.#waiting = taken === this.#waiting.length ? [] : this.#waiting.slice(taken);
  }

  /** A connection for this session: what was unacknowledged is sent again, in order [MQTT-4.4.0-1]. */
  attach(link: Link): void {
    this.#link = link;
    this.#aliases = new Map();
    this.#lagging = false;
    this.awaySince = undefined;
    for (const [id, ticket] of this.#unacknowledged)
      if (ticket.released) link.write(encodeAck(Type.pubrel, id, link.level, Reason.success));
      else if (this.#write(link, ticket, true) !== 'written') this.#unacknowledged.delete(id);
    this.pump();
  }

  /** Its connection is gone: the messages stay here, so nobody waits for them any more. */
  detach(now: number): void {
    this.#link = undefined;
    this.awaySince = now;
    this.#giveBack((group) => group.online);
    for (const group of this.groups) group.memberAway();
    for (const ticket of this.#tickets()) {
      this.#answer(ticket, accepted);
      if (!ticket.released) ticket.publication = ticket.publication.detached(Date.now());
    }
  }

  /** Ends the session. */
  end(): void {
    this.#link = undefined;
    this.#giveBack((group) => !group.empty);
    for (const ticket of this.#tickets()) this.#answer(ticket, undefined);
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
    for (const ticket of this.#tickets()) this.#answer(ticket, accepted);
    return true;
  }

  /**
   * Gives messages of shared subscriptions to their other members. One of QoS 2 that has been sent stays this
   * client's, lest another gets it too [MQTT-4.8.2-4], [MQTT-4.8.2-5].
   */
  #giveBack(takes: (group: Group) => boolean): void {
    const groups = new Set<Group>();
    for (const ticket of this.#tickets()) {
      const { share, id, grant } = ticket;
      if (!share || (id > 0 && grant.qos === 2) || !takes(share.group)) continue;
      share.group.takeBack(ticket.publication, share, ticket.round, ticket.since);
      groups.add(share.group);
      ticket.round = undefined;
      if (id > 0) this.#unacknowledged.delete(id);
      else this.#waiting = this.#waiting.filter((waiting) => waiting !== ticket);
    }
    for (const group of groups) group.pump();
  }

  *#tickets(): Generator<Ticket> {
    yield* this.#unacknowledged.values();
    yield* this.#waiting;
  }

  #settle(ticket: Ticket, reason: number): void {
    this.#unacknowledged.delete(ticket.id);
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
    this.pump();
    if (this.#lagging && this.backlog === 0) this.#lagging = false;
  }

  #answer(ticket: Ticket, vote: Outcome | undefined): void {
    ticket.round?.answer(vote);
    ticket.round = undefined;
  }

  /** QoS 0: written once, or not at all where the client does not read. */
  #writeOnce(publication: Publication, grant: Grant): void {
    const link = this.#link;
    if (!link) return;
    if (link.pending > this.#limits.maxOutbound / 4) {
      this.#dropped.stalled++;
      return;
    }
    this.#write(link, newTicket(publication, grant, 0, undefined), false);
  }

  /** Or drops it, where the message cannot go to this client at all [MQTT-3.1.2-24], [MQTT-3.3.2-5]. */
  #write(link: Link, ticket: Ticket, dup: boolean): 'written' | 'expired' | 'too large' {
    const now = Date.now();
    const { publication, grant } = ticket;
    if (publication.expired(now)) {
      this.#dropped.expired++;
      return 'expired';
    }
    const { alias, aliasOnly } = this.#alias(link, publication.message.topic);
    const copy = { level: link.level, ...grant, dup, id: ticket.id, alias, aliasOnly };
    const packet = publication.encode(copy, now);
    if (packet.length > link.maximumPacketSize) {
      if (alias > 0 && !aliasOnly) this.#aliases.delete(publication.message.topic);
      this.#dropped.tooLarge++;
      return 'too large';
    }
    link.write(packet);
    return 'written';
  }

  /** The first topics sent get the aliases that the client allows (MQTT 5 §3.3.2.3.4). */
  #alias(link: Link, topic: string): { alias: number; aliasOnly: boolean } {
    if (link.topicAliasMaximum === 0) return unaliased;
    const known = this.#aliases.get(topic);
    if (known !== undefined) return { alias: known, aliasOnly: true };
    if (this.#aliases.size >= Math.min(link.topicAliasMaximum, 64)) return unaliased;
    const alias = this.#aliases.size + 1;
    this.#aliases.set(topic, alias);
    return { alias, aliasOnly: false };
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

  #nextId(): number {
    do this.#lastId = this.#lastId === 65_535 ? 1 : this.#lastId + 1;
    while (this.#unacknowledged.has(this.#lastId));
    return this.#lastId;
  }
}

const newTicket = (
  publication: Publication,
  grant: Grant,
  since: number,
  share: Share | undefined,
): Ticket => ({ publication, grant, since, round: undefined, share, id: 0, released: false });

const wrongAck = (name: string): Violation =>
  protocolError(`a ${name} that does not fit the QoS of its message`);
