import type {
  AcceptIncoming,
  AmqpError,
  Connection,
  DeliveryOutcome,
  IncomingDelivery,
  IncomingLink,
  IncomingLinkHandler,
} from './api.ts';
import type { PeerAttach } from './frames/attach.ts';
import type { Flow } from './frames/flow.ts';
import type { Transfer } from './frames/transfer.ts';
import { LinkBase, type LinkSession } from './link.ts';
import { condition, ProtocolError } from './protocol-error.ts';
import { distance } from './serial.ts';

const noTag = new Uint8Array(0);

class Delivery implements IncomingDelivery {
  readonly link: AmqpIncomingLink;
  readonly id: number;
  readonly bytes: Buffer;
  readonly messageFormat: number;
  readonly tag: Uint8Array;
  readonly settled: boolean;
  /** The peer awaits no answer, or no more. */
  silent: boolean;
  #done = false;

  constructor(
    link: AmqpIncomingLink,
    id: number,
    bytes: Buffer,
    messageFormat: number,
    tag: Uint8Array,
    settled: boolean,
  ) {
    this.link = link;
    this.id = id;
    this.bytes = bytes;
    this.messageFormat = messageFormat;
    this.tag = tag;
    this.settled = settled;
    this.silent = settled;
  }

  settle(outcome: DeliveryOutcome): void {
    if (this.#done) return;
    this.#done = true;
    this.link.settle(this, outcome);
  }
}

export type { Delivery };

/** What a link on which we receive needs of its session. */
export interface IncomingSession extends LinkSession {
  readonly connection: Connection & {
    /** Counts the memory of messages under way in several frames. @throws ProtocolError over the limit */
    reserve(bytes: number): void;
  };
  /** Deliveries handed to their owner and not yet settled, by delivery-id. */
  readonly incoming: Map<number, Delivery>;
  /** @throws ProtocolError where it is not the one that is due */
  checkDeliveryId(id: number): void;
  settleIncoming(id: number, outcome: DeliveryOutcome): void;
  /** Calls the link's `refill` at the end of this tick. */
  wantRefill(link: AmqpIncomingLink): void;
}

/** A link on which the peer sends: gathers transfers into messages, and grants credit as they are settled. */
export class AmqpIncomingLink extends LinkBase<IncomingSession> implements IncomingLink {
  readonly direction = 'incoming';
  credit = 0;
  unsettled = 0;
  #handler: IncomingLinkHandler | undefined;
  #window = 0;
  #grant = 0;
  /** Whether the session has been told that there may be credit to grant. */
  #refilling = false;
  #deliveryCount: number;
  readonly #maxMessageSize: number;
  // The delivery whose frames are arriving.
  #receiving = false;
  #id = 0;
  #tag: Uint8Array = noTag;
  #format = 0;
  #settled = false;
  #gathered: Buffer | undefined;
  #length = 0;

  constructor(session: IncomingSession, handle: number, attach: PeerAttach, maxMessageSize: number) {
    super(session, handle, attach);
    this.#deliveryCount = attach.initialDeliveryCount;
    this.#maxMessageSize = maxMessageSize;
  }

  protected get listener(): IncomingLinkHandler | undefined {
    return this.#handler;
  }

  accept(options: AcceptIncoming): void {
    this.#handler = options.handler;
    if (!this.answer(options, this.#maxMessageSize)) return;
    this.setWindow(options.window ?? 0);
  }

  /** The peer has answered our attach. */
  attached(handler: IncomingLinkHandler): void {
    this.#handler = handler;
    this.established();
  }

  addCredit(count: number): void {
    this.#grant += count;
    this.#wantRefill();
  }

  setWindow(window: number): void {
    this.#window = window;
    this.#wantRefill();
  }

  #wantRefill(): void {
    if (this.#refilling || this.state !== 'open') return;
    this.#refilling = true;
    this.session.wantRefill(this);
  }

  /** Grants what is due, once a tick and in steps worth a frame. */
  refill(): void {
    this.#refilling = false;
    if (this.state !== 'open') return;
    const due = this.#window > 0 ? this.#window - this.unsettled - this.credit : this.#grant;
    this.#grant = 0;
    if (due <= 0 || (this.#window > 0 && this.credit > 0 && due < this.#window >>> 2)) return;
    this.credit += due;
    this.writeFlow();
  }

  writeFlow(): void {
    this.session.writeFlow({
      handle: this.handle,
      deliveryCount: this.#deliveryCount,
      credit: this.credit,
      draining: false,
    });
  }

  /** The sender's view of the link (§2.6.7): it may have given up credit. */
  onFlow(flow: Flow): void {
    if (flow.deliveryCount >= 0 && !this.#receiving) {
      const ahead = distance(this.#deliveryCount, flow.deliveryCount);
      if (ahead > 0 && ahead <= this.credit) {
        this.credit -= ahead;
        this.#deliveryCount = flow.deliveryCount;
        this.#wantRefill();
      }
    }
    if (flow.echo && this.state === 'open') this.writeFlow();
  }

  /** One transfer frame; its payload is `buffer` from `from` to `to`. */
  onTransfer(transfer: Transfer, buffer: Buffer, from: number, to: number): void {
    if (!this.#receiving) this.#begin(transfer);
    else if (transfer.deliveryId >= 0 && transfer.deliveryId !== this.#id)
      throw new ProtocolError(condition.invalidField, 'a delivery begins before the last one has ended');
    this.#receiving = transfer.more && !transfer.aborted;
    if (this.state !== 'open') return;
    if (transfer.settled) this.#settled = true;
    if (transfer.aborted) return this.#drop();
    if (this.#length + to - from > this.#maxMessageSize) {
      this.#drop();
      this.fail({
        condition: condition.messageSize,
        description: `a message of more than ${this.#maxMessageSize} bytes`,
      });
      return;
    }
    if (transfer.more || this.#gathered) this.#gather(buffer, from, to);
    if (transfer.more) return;
    const bytes = this.#gathered ? this.#gathered.subarray(0, this.#length) : buffer.subarray(from, to);
    this.release();
    const delivery = new Delivery(this, this.#id, bytes, this.#format, this.#tag, this.#settled);
    this.unsettled++;
    if (!this.#settled) this.session.incoming.set(this.#id, delivery);
    this.#handler!.onTransfer(delivery);
  }

  /** The first frame of a delivery (§2.7.5). */
  #begin(transfer: Transfer): void {
    if (transfer.deliveryId < 0)
      throw new ProtocolError(condition.invalidField, 'the first transfer of a delivery has no delivery-id');
    this.session.checkDeliveryId(transfer.deliveryId);
    if (this.state === 'attaching')
      throw new ProtocolError(condition.notAllowed, 'a transfer on a link that is not attached yet');
    if (this.state !== 'open') return;
    const tag = transfer.tag ?? noTag;
    if ((transfer.tag === undefined && !transfer.settled) || tag.length > 32)
      throw new ProtocolError(condition.invalidField, 'a delivery needs a tag of at most 32 bytes');
    this.#id = transfer.deliveryId;
    this.#tag = tag;
    this.#format = Math.max(0, transfer.messageFormat);
    this.#settled = transfer.settled;
    const refused = this.#refusal(transfer);
    if (refused) return this.fail(refused);
    this.credit--;
    this.#deliveryCount = (this.#deliveryCount + 1) >>> 0;
  }

  #refusal(transfer: Transfer): AmqpError | undefined {
    if (this.credit === 0)
      return { condition: condition.transferLimit, description: 'a transfer without credit' };
    if (transfer.resume)
      return { condition: condition.notImplemented, description: 'deliveries cannot be resumed' };
    if (transfer.transactional)
      return { condition: 'amqp:transaction:unknown-id', description: 'there are no transactions' };
    return undefined;
  }

  /** One growing buffer, so that neither an endless message nor one in tiny frames costs more than its bytes. */
  #gather(buffer: Buffer, from: number, to: number): void {
    const needed = this.#length + to - from;
    if (!this.#gathered || needed > this.#gathered.length) {
      const size = Math.max(4096, Math.min(needed * 2, this.#maxMessageSize));
      this.session.connection.reserve(size - (this.#gathered?.length ?? 0));
      const grown = Buffer.allocUnsafeSlow(size);
      this.#gathered?.copy(grown, 0, 0, this.#length);
      this.#gathered = grown;
    }
    buffer.copy(this.#gathered, this.#length, from, to);
    this.#length = needed;
  }

  #drop(): void {
    this.release();
    this.#wantRefill();
  }

  protected release(): void {
    if (this.#gathered) this.session.connection.reserve(-this.#gathered.length);
    this.#gathered = undefined;
    this.#length = 0;
  }

  /** The owner's answer to a delivery. */
  settle(delivery: Delivery, outcome: DeliveryOutcome): void {
    if (this.state !== 'open') return;
    this.unsettled--;
    if (!delivery.silent) {
      this.session.incoming.delete(delivery.id);
      this.session.settleIncoming(delivery.id, outcome);
    }
    if (this.#window > 0) this.#wantRefill();
  }
}
