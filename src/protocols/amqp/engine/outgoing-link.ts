import type { AcceptOutgoing, DeliveryOutcome, OutgoingLink, OutgoingLinkHandler } from './api.ts';
import type { Flow } from './frames/flow.ts';
import { accepted } from './frames/outcome.ts';
import { LinkBase, type LinkSession } from './link.ts';
import { distance, halfRange, next } from './serial.ts';

/** A message that awaits the peer's answer. */
export class OutgoingDelivery {
  readonly link: AmqpOutgoingLink;
  readonly onSettled: ((outcome: DeliveryOutcome) => void) | undefined;

  constructor(link: AmqpOutgoingLink, onSettled: ((outcome: DeliveryOutcome) => void) | undefined) {
    this.link = link;
    this.onSettled = onSettled;
  }
}

/** What a link on which we send needs of its session. */
export interface OutgoingSession extends LinkSession {
  /** Whether nothing can be sent now: the peer's window is shut. */
  readonly blocked: boolean;
  /** @param delivery undefined where the message is sent settled */
  send(
    link: AmqpOutgoingLink,
    bytes: Buffer,
    messageFormat: number,
    delivery: OutgoingDelivery | undefined,
  ): void;
}

/** A link on which the peer receives: sends within its credit. */
export class AmqpOutgoingLink extends LinkBase<OutgoingSession> implements OutgoingLink {
  readonly direction = 'outgoing';
  unsettled = 0;
  #handler: OutgoingLinkHandler | undefined;
  #credit = 0;
  #deliveryCount = 0;
  #draining = false;
  /** Whether the attach was ours. */
  #dialled = false;

  protected get listener(): OutgoingLinkHandler | undefined {
    return this.#handler;
  }

  protected release(): void {
    this.#credit = 0;
    this.#draining = false;
  }

  get credit(): number {
    return this.state !== 'open' || this.session.blocked ? 0 : this.#credit;
  }

  get maxMessageSize(): number {
    return this.attach.maxMessageSize;
  }

  get draining(): boolean {
    return this.#draining;
  }

  accept(options: AcceptOutgoing): void {
    this.#handler = options.handler;
    if (!this.answer(options, 0)) return;
    // Credit may have come between the attach and its answer.
    if (this.#credit > 0 || this.#draining) this.offerCredit();
  }

  /** The peer has answered our attach. */
  attached(handler: OutgoingLinkHandler): void {
    this.#handler = handler;
    this.#dialled = true;
    this.established();
  }

  send(bytes: Buffer, onSettled?: (outcome: DeliveryOutcome) => void, messageFormat = 0): void {
    if (this.credit === 0) throw new Error(`send on link ${this.name} without credit`);
    this.#credit--;
    this.#deliveryCount = next(this.#deliveryCount);
    // What a peer would like does not change that a link of ours waits for its answers.
    const mode = this.#dialled ? 'unsettled' : this.attach.senderSettleMode;
    const settled = mode === 'settled' || (onSettled === undefined && mode === 'mixed');
    const delivery = settled ? undefined : new OutgoingDelivery(this, onSettled);
    if (delivery) this.unsettled++;
    this.session.send(this, bytes, messageFormat, delivery);
    if (settled) onSettled?.(accepted);
  }

  /** The receiver's view of the link (§2.6.7). */
  onFlow(flow: Flow): void {
    if (flow.linkCredit >= 0) {
      // What the receiver does not know of yet has been taken off its credit already.
      const onTheWay = distance(flow.deliveryCount < 0 ? 0 : flow.deliveryCount, this.#deliveryCount);
      const credit = onTheWay >= halfRange ? flow.linkCredit : flow.linkCredit - onTheWay;
      this.#credit = Math.max(0, credit);
    }
    this.#draining = flow.drain;
    if (this.state !== 'open') return;
    if (this.#credit > 0 || this.#draining) this.offerCredit();
    if (flow.echo && this.open) this.#writeFlow();
  }

  /** Lets the owner send, and completes a drain. */
  offerCredit(): void {
    if (this.state !== 'open') return;
    if (this.credit > 0) this.#handler!.onCredit(this);
    // What waits for the session's window must go first; the session calls again then.
    if (!this.#draining || !this.open || (this.session.blocked && this.#credit > 0)) return;
    this.#deliveryCount = (this.#deliveryCount + this.#credit) >>> 0;
    this.#credit = 0;
    this.#writeFlow();
    this.#draining = false;
  }

  #writeFlow(): void {
    this.session.writeFlow({
      handle: this.handle,
      deliveryCount: this.#deliveryCount,
      credit: this.#credit,
      draining: this.#draining,
    });
  }
}
