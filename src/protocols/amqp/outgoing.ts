import type { Consumer, Delivery, Subscription } from '../../broker/delivery.ts';
import type { DurableSubscription } from '../../broker/durable-subscription.ts';
import type { AddressKind } from '../../broker/exchange.ts';
import type { Selection } from '../../broker/selection.ts';
import { JunctionError } from '../../core/errors.ts';
import type { ListenerContext } from './context.ts';
import type { AmqpError, OutgoingLink, OutgoingLinkHandler } from './engine/api.ts';
import { condition } from './errors.ts';
import type { TemporaryNode } from './nodes.ts';
import { answerOf } from './outcomes.ts';

/** What a link needs to know of its connection's socket. */
export interface SendBudget {
  /** Whether so much waits to be written that nothing should be added; when that ends, `pump` is called. */
  isFull(): boolean;
  /** Bytes that were handed to the engine. */
  spend(bytes: number): void;
}

/** One link on which a peer receives: a consumer of the exchange. */
export class OutgoingConsumer implements Consumer, OutgoingLinkHandler {
  readonly name: string;
  readonly #context: ListenerContext;
  readonly #link: OutgoingLink;
  readonly #address: string;
  readonly #budget: SendBudget;
  readonly #node: TemporaryNode | undefined;
  readonly #onDetach: (closed: boolean) => void;
  #subscription: Subscription | undefined;

  /** @param onDetach called once, whoever ends the link; `closed`: the peer is done with what it was attached to */
  constructor(
    context: ListenerContext,
    link: OutgoingLink,
    address: string,
    budget: SendBudget,
    onDetach: (closed: boolean) => void,
  ) {
    this.name = `${context.name}: link ${link.name} of ${link.connection.peer?.containerId ?? '?'}`;
    this.#context = context;
    this.#link = link;
    this.#address = address;
    this.#budget = budget;
    this.#node = context.nodes.temporary(address);
    this.#onDetach = onDetach;
  }

  /**
   * Joins the exchange; to be called before the attach is answered, since it may be refused.
   * @param share the shared subscription of a topic that it is a member of
   * @param selection which messages are for it
   * @throws JunctionError
   */
  subscribe(kind: AddressKind, share: string | undefined, selection: Selection | undefined): void {
    this.#subscription = this.#context.exchange.subscribe(this.#address, kind, this, share, selection);
    this.#node?.receivers.add(this);
  }

  /** The same for a durable subscription. */
  resume(subscription: DurableSubscription): void {
    this.#subscription = subscription.subscribe(this);
  }

  credit(): number {
    const { credit } = this.#link;
    return credit > 0 && !this.#budget.isFull() ? credit : 0;
  }

  deliver(delivery: Delivery): void {
    const { envelope } = delivery;
    if (envelope.expiresAt !== undefined && envelope.expiresAt <= Date.now())
      return delivery.settle({
        state: 'rejected',
        error: new JunctionError('expired', 'the message expired before a receiver could take it'),
      });
    let bytes: Buffer;
    try {
      bytes = this.#context.encoder.encode(envelope, delivery.deliveryCount, this.#address);
    } catch (error) {
      return delivery.settle({ state: 'rejected', error: JunctionError.from(error) });
    }
    if (bytes.length > this.#link.maxMessageSize)
      return delivery.settle({
        state: 'rejected',
        error: new JunctionError(
          'too-large',
          `the message has ${bytes.length} bytes, its receiver takes ${this.#link.maxMessageSize}`,
        ),
      });
    this.#budget.spend(bytes.length);
    this.#link.send(bytes, (answer) => {
      const { outcome, tried } = answerOf(answer);
      delivery.settle(outcome, tried);
    });
  }

  overflow(): void {
    this.#end(
      condition.resourceLimit,
      `more than ${this.#context.config.backlog} messages wait for this receiver: give credit sooner`,
    );
  }

  dismissed({ message }: JunctionError): void {
    this.#end(condition.resourceLocked, message);
  }

  /** The temporary node it receives from is gone. */
  deleted(): void {
    this.#end(condition.resourceDeleted, `${this.#address} was deleted`);
  }

  onCredit(): void {
    this.pump();
  }

  /** There may be room for more. */
  pump(): void {
    this.#subscription?.pump();
  }

  onDetach(_error?: AmqpError, closed = false): void {
    this.#node?.receivers.delete(this);
    this.#subscription?.cancel();
    this.#onDetach(closed);
  }

  #end(name: string, description: string): void {
    this.#link.detach({ condition: name, description });
    this.onDetach();
  }
}
