import { descriptor } from '../codec/codes.ts';
import type { Cursor } from '../codec/cursor.ts';
import type { Writer } from '../codec/writer.ts';
import type { AmqpError, Connection, ConnectionHandler, DeliveryOutcome, LinkRequest } from './api.ts';
import { readAttach, writeAttach, type PeerAttach } from './frames/attach.ts';
import { writeBegin, type PeerBegin } from './frames/begin.ts';
import type { Disposition } from './frames/disposition.ts';
import { readDetach, readEnd, writeEnd } from './frames/end.ts';
import { writeFlow, type Flow, type LinkFlow, type SessionWindows } from './frames/flow.ts';
import { released } from './frames/outcome.ts';
import type { Transfer } from './frames/transfer.ts';
import { AmqpIncomingLink, type Delivery, type IncomingSession } from './incoming-link.ts';
import type { Limits } from './limits.ts';
import { LinkTable } from './link-table.ts';
import type { LinkBase } from './link.ts';
import { AmqpOutgoingLink, type OutgoingDelivery, type OutgoingSession } from './outgoing-link.ts';
import type { FrameOutput } from './output.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import { distance, halfRange, next } from './serial.ts';
import { DispositionRuns, visitRange } from './settlement.ts';
import { TransferWriter } from './transfer-writer.ts';

/** What a session needs of its connection. */
export interface SessionConnection extends Connection, FrameOutput {
  readonly limits: Limits;
  readonly handler: Pick<ConnectionHandler, 'onIncomingLink' | 'onOutgoingLink'>;
  /** The largest frame that the peer takes. */
  readonly peerFrameSize: number;
  /** The last link of the session is gone. */
  onUnused(session: Session): void;
  /** Whether one more link, which its session counts already, is within the limit. */
  mayAttach(): boolean;
  /** Counts the memory of messages under way in several frames. @throws ProtocolError over the limit */
  reserve(bytes: number): void;
  /** The session has something to write at the end of this tick. */
  markDirty(session: Session): void;
}

const noHandle: AmqpError = { condition: condition.limit, description: 'the peer allows no more handles' };
const nameTaken: AmqpError = {
  condition: condition.notAllowed,
  description: 'a link of this name is being attached',
};

/** A sender and a receiver may share a name (§2.6.1). */
const requestKey = (name: string, receiver: boolean): string => `${receiver ? '<' : '>'}${name}`;

type PendingRequest = LinkRequest & { readonly handle: number };

/** What every attach of ours says. */
const ownAttach = {
  senderSettleMode: 'unsettled',
  receiverSettleMode: 'first',
  offeredCapabilities: undefined,
  properties: undefined,
} as const;

/** One session (§2.5): its windows, its links, and what is unsettled in both directions. */
export class Session implements SessionWindows, IncomingSession, OutgoingSession {
  readonly connection: SessionConnection;
  /** Ours. */
  readonly channel: number;
  /** Deliveries handed to their owner and not yet settled, by delivery-id. */
  readonly incoming = new Map<number, Delivery>();
  /** Deliveries that await the peer's settlement, by delivery-id. */
  readonly outgoing = new Map<number, OutgoingDelivery>();
  readonly outgoingWindow = 0x7fff_ffff;
  /** Whether the connection knows that it has something to write at the end of the tick. */
  dirty = false;
  nextIncomingId: number;
  incomingWindow: number;
  readonly #fullWindow: number;
  #nextDeliveryIn = -1;
  readonly #links: LinkTable;
  /** Attaches of ours that the peer has not answered. */
  readonly #requests = new Map<string, PendingRequest>();
  readonly #settledIncoming = new DispositionRuns(this, true);
  readonly #settledOutgoing = new DispositionRuns(this, false);
  readonly #transfers: TransferWriter;
  #refills: AmqpIncomingLink[] = [];
  #flowDue = false;
  #ended = false;

  /** @param begin the peer's */
  constructor(connection: SessionConnection, channel: number, begin: PeerBegin) {
    const { incomingWindow, handleMax } = connection.limits;
    this.connection = connection;
    this.channel = channel;
    this.nextIncomingId = begin.nextOutgoingId;
    this.incomingWindow = incomingWindow;
    this.#fullWindow = incomingWindow;
    this.#links = new LinkTable(Math.min(handleMax, begin.handleMax));
    this.#transfers = new TransferWriter(this, begin.incomingWindow);
  }

  /** Answers the peer's begin, which came on `remoteChannel`. */
  writeBegin(remoteChannel: number): void {
    writeBegin(this.beginFrame(), remoteChannel, this, this.connection.limits.handleMax);
    this.endFrame();
  }

  get nextOutgoingId(): number {
    return this.#transfers.nextId;
  }

  /** Whether nothing can be sent now: the peer's window is shut. */
  get blocked(): boolean {
    return this.#transfers.blocked;
  }

  /** Whether we have ended it: what the peer still sends is to be ignored until its end. */
  get ended(): boolean {
    return this.#ended;
  }

  get linkCount(): number {
    return this.#links.size;
  }

  beginFrame(): Writer {
    return this.connection.beginFrame(this.channel);
  }

  endFrame(): void {
    this.connection.output.endFrame();
  }

  onAttach(cursor: Cursor): void {
    const attach = readAttach(cursor);
    if (attach.handle > this.connection.limits.handleMax)
      throw new ProtocolError(condition.framing, `handle ${attach.handle} is above the agreed handle-max`);
    if (this.#links.get(attach.handle))
      return this.fail({
        condition: condition.handleInUse,
        description: `handle ${attach.handle} is in use`,
      });
    this.#links.named(attach.name, attach.receiver)?.fail({
      condition: condition.stolen,
      description: 'the link was attached again',
    });
    const request = this.#requests.get(requestKey(attach.name, !attach.receiver));
    if (request) return this.#answered(request, attach);
    const handle = this.#links.takeHandle();
    if (handle === undefined) return this.fail(noHandle);
    const link = attach.receiver
      ? new AmqpOutgoingLink(this, handle, attach)
      : new AmqpIncomingLink(this, handle, attach, this.connection.limits.maxMessageSize);
    this.#links.add(link);
    if (attach.coordinator)
      return link.refuse({
        condition: condition.notImplemented,
        description: 'transactions are not supported',
      });
    if (!this.connection.mayAttach())
      return link.refuse({ condition: condition.limit, description: 'too many links on one connection' });
    if (link.direction === 'outgoing') this.connection.handler.onOutgoingLink(link);
    else this.connection.handler.onIncomingLink(link);
  }

  /** Attaches a link of our own (§2.6.3); its handler hears what the peer says to it. */
  attach(request: LinkRequest): void {
    const handle = this.#links.takeHandle();
    const key = requestKey(request.name, request.receiver);
    if (handle === undefined || this.#requests.has(key))
      return request.handler.onDetach(handle === undefined ? noHandle : nameTaken, true);
    this.#requests.set(key, { ...request, handle });
    writeAttach(this.beginFrame(), { ...ownAttach, ...request, handle });
    this.endFrame();
  }

  /** The peer's answer to an attach of ours. Without the far terminus it is a refusal, whose detach follows (§2.6.3). */
  #answered(request: PendingRequest, attach: PeerAttach): void {
    this.#requests.delete(requestKey(request.name, request.receiver));
    if (request.receiver) {
      const link = new AmqpIncomingLink(this, request.handle, attach, request.maxMessageSize);
      this.#links.add(link);
      link.attached(request.handler);
      if (attach.source) request.handler.onAttached(link);
    } else {
      const link = new AmqpOutgoingLink(this, request.handle, attach);
      this.#links.add(link);
      link.attached(request.handler);
      if (attach.target) request.handler.onAttached(link);
    }
  }

  onDetach(cursor: Cursor): void {
    const detach = readDetach(cursor);
    const link = this.#linkOf(detach.handle);
    if (!link) return;
    this.#links.remove(link);
    this.writePending();
    link.peerDetached(detach.error, detach.closed);
    if (this.#links.size === 0 && this.#requests.size === 0) this.connection.onUnused(this);
  }

  /** The link of a handle; without one the session ends (§2.6.1). */
  #linkOf(handle: number): LinkBase | undefined {
    const link = this.#links.get(handle);
    if (!link)
      this.fail({ condition: condition.unattachedHandle, description: `handle ${handle} is not attached` });
    return link;
  }

  onTransfer(transfer: Transfer, buffer: Buffer, from: number, to: number): void {
    if (--this.incomingWindow < 0)
      return this.fail({ condition: condition.windowViolation, description: 'a transfer beyond the window' });
    this.nextIncomingId = next(this.nextIncomingId);
    if (this.incomingWindow <= this.#fullWindow >>> 1 && !this.#flowDue) {
      this.#flowDue = true;
      this.connection.markDirty(this);
    }
    const link = this.#linkOf(transfer.handle);
    if (link instanceof AmqpIncomingLink) link.onTransfer(transfer, buffer, from, to);
    else if (link)
      throw new ProtocolError(condition.notAllowed, 'a transfer on a link on which the peer receives');
  }

  /** Delivery-ids of a session follow one another, whatever link they are on (§2.6.12). */
  checkDeliveryId(id: number): void {
    if (this.#nextDeliveryIn >= 0 && id !== this.#nextDeliveryIn)
      throw new ProtocolError(
        condition.invalidField,
        `delivery-id ${id} where ${this.#nextDeliveryIn} is due`,
      );
    this.#nextDeliveryIn = next(id);
  }

  onFlow(flow: Flow): void {
    // §2.5.6; next-incoming-id is absent until the peer has our begin
    const inFlight = distance(Math.max(0, flow.nextIncomingId), this.nextOutgoingId);
    this.#transfers.openWindow(Math.max(0, flow.incomingWindow - (inFlight >= halfRange ? 0 : inFlight)));
    if (flow.handle >= 0) {
      const link = this.#linkOf(flow.handle);
      if (link instanceof AmqpOutgoingLink) link.onFlow(flow);
      else if (link instanceof AmqpIncomingLink) link.onFlow(flow);
    } else if (flow.echo) {
      this.writeFlow(undefined);
    }
  }

  /** Room in the peer's window again: links whose credit was of no use hear of it. */
  onUnblocked(): void {
    for (const link of this.#links.all()) {
      if (this.blocked) return;
      if (link instanceof AmqpOutgoingLink && (link.credit > 0 || link.draining)) link.offerCredit();
    }
  }

  onDisposition(d: Disposition): void {
    if (!d.receiver) {
      if (d.settled)
        visitRange(this.incoming, d.first, d.last, (id, delivery) => {
          delivery.silent = true;
          this.incoming.delete(id);
        });
      return;
    }
    if (!d.settled && d.outcome === undefined) return;
    // Settled without an outcome: nothing says that the peer has it, so it is as good as released.
    const outcome = d.outcome ?? released;
    visitRange(this.outgoing, d.first, d.last, (id, delivery) => {
      this.outgoing.delete(id);
      // A peer in mode `second` states its outcome and waits for us to settle (§2.6.12).
      if (!d.settled) this.#settleOutgoing(id, outcome);
      delivery.link.unsettled--;
      delivery.onSettled?.(outcome);
    });
  }

  #settleOutgoing(id: number, outcome: DeliveryOutcome): void {
    this.#settledOutgoing.add(id, outcome);
    this.connection.markDirty(this);
  }

  settleIncoming(id: number, outcome: DeliveryOutcome): void {
    this.#settledIncoming.add(id, outcome);
    this.connection.markDirty(this);
  }

  wantRefill(link: AmqpIncomingLink): void {
    this.#refills.push(link);
    this.connection.markDirty(this);
  }

  send(
    link: AmqpOutgoingLink,
    bytes: Buffer,
    messageFormat: number,
    delivery: OutgoingDelivery | undefined,
  ): void {
    const id = this.#transfers.nextDelivery();
    if (delivery) this.outgoing.set(id, delivery);
    this.#transfers.send(link, id, bytes, messageFormat, delivery === undefined);
  }

  writeFlow(link: LinkFlow | undefined): void {
    if (this.#flowDue) {
      this.#flowDue = false;
      this.incomingWindow = this.#fullWindow;
    }
    writeFlow(this.beginFrame(), this, link);
    this.endFrame();
  }

  /** Writes the settlements gathered so far: before a detach, and at the end of each tick. */
  writePending(): void {
    this.#settledIncoming.flush();
    this.#settledOutgoing.flush();
  }

  /** The end of a tick. */
  flush(): void {
    if (this.#ended) return;
    this.writePending();
    const refills = this.#refills;
    if (refills.length > 0) {
      this.#refills = [];
      for (const link of refills) link.refill();
    }
    if (this.#flowDue) this.writeFlow(undefined);
  }

  /** Drops what concerns a link that is ending. */
  forget(link: LinkBase): void {
    this.#transfers.forget(link);
    const incoming = link instanceof AmqpIncomingLink && link.unsettled > 0;
    if (incoming)
      for (const [id, delivery] of this.incoming) if (delivery.link === link) this.incoming.delete(id);
    const outgoing = link instanceof AmqpOutgoingLink && link.unsettled > 0;
    if (outgoing)
      for (const [id, delivery] of this.outgoing) if (delivery.link === link) this.outgoing.delete(id);
  }

  /** Ends the session for an error of the peer (§2.5.5). */
  fail(error: AmqpError): void {
    this.end(error);
  }

  /** Ends it from our side. */
  end(error?: AmqpError): void {
    if (this.#ended) return;
    this.writePending();
    this.#ended = true;
    writeEnd(this.beginFrame(), descriptor.end, error);
    this.endFrame();
    this.lost(error);
  }

  /** The peer's end. */
  onEnd(cursor: Cursor): void {
    const error = readEnd(cursor);
    if (this.#ended) return;
    this.writePending();
    this.#ended = true;
    writeEnd(this.beginFrame(), descriptor.end, undefined);
    this.endFrame();
    this.lost(error);
  }

  /** It is over: every link's owner hears of it. */
  lost(error: AmqpError | undefined): void {
    this.#ended = true;
    this.incoming.clear();
    this.outgoing.clear();
    this.#transfers.clear();
    const links = this.#links.all();
    this.#links.clear();
    const requests = [...this.#requests.values()];
    this.#requests.clear();
    for (const link of links) link.lost(error);
    for (const { handler } of requests) handler.onDetach(error, false);
  }
}
