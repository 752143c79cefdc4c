import type { AddressKind } from '../../broker/exchange.ts';
import type { Envelope } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import { invalidAddress } from '../../core/template.ts';
import { amqpAddress } from './address.ts';
import { readMessage } from './codec/message-view.ts';
import { DecodeError, Typed, type AmqpMap, type MessageView } from './codec/types.ts';
import type { ListenerContext } from './context.ts';
import { publish } from './publish.ts';
import type { DeliveryOutcome, IncomingDelivery, IncomingLink, IncomingLinkHandler } from './engine/api.ts';
import { condition } from './errors.ts';
import { toEnvelope } from './mapping.ts';
import type { TemporaryNode } from './nodes.ts';
import { answerFor } from './outcomes.ts';

/** Takes the messages of one link on which a peer sends, and answers each when the exchange has. */
export class IncomingHandler implements IncomingLinkHandler {
  readonly #context: ListenerContext;
  readonly #link: IncomingLink;
  /** undefined on an anonymous link, where every message names its own. */
  readonly #address: string | undefined;
  readonly #kind: AddressKind;
  readonly #temporary: TemporaryNode | undefined;
  readonly #outcomes: readonly string[];
  readonly #onDetach: () => void;

  constructor(
    context: ListenerContext,
    link: IncomingLink,
    node: { readonly address: string; readonly kind: AddressKind } | undefined,
    onDetach: () => void,
  ) {
    this.#context = context;
    this.#link = link;
    this.#address = node?.address;
    this.#kind = node?.kind ?? 'queue';
    this.#temporary = node && context.nodes.temporary(node.address);
    this.#outcomes = link.source?.outcomes ?? [];
    this.#onDetach = onDetach;
  }

  onTransfer(delivery: IncomingDelivery): void {
    const { intake } = this.#context;
    if (intake.stopping) return delivery.settle(answerFor(stopping, this.#outcomes));
    let envelope: Envelope;
    let kind = this.#kind;
    try {
      this.#checkThere();
      if (delivery.messageFormat !== 0)
        throw new JunctionError(
          'invalid-message',
          `message format ${delivery.messageFormat} is not known here, only 0 (AMQP 1.0 §3.2.16)`,
        );
      const view = readMessage(delivery.bytes);
      const address = this.#address ?? this.#named(view);
      envelope = toEnvelope(view, address, Date.now());
      if (this.#address === undefined) kind = this.#kindOf(address, view);
    } catch (error) {
      return this.#refuse(delivery, error);
    }
    intake.begin();
    const publisher = this.#link.connection.peer?.containerId;
    void publish(this.#context, envelope, kind, 'client', publisher).then((outcome) => {
      delivery.settle(answerFor(outcome, this.#outcomes));
      intake.end();
    });
  }

  onDetach(): void {
    this.#onDetach();
  }

  /** A temporary node may end while others have links to it. */
  #checkThere(): void {
    if (this.#temporary && this.#context.nodes.temporary(this.#temporary.address) !== this.#temporary)
      throw new JunctionError('no-route', `${this.#temporary.address} was deleted`);
  }

  /** The address that a message on an anonymous link names. */
  #named(view: MessageView): string {
    const { to } = view.properties;
    if (to === undefined)
      throw new JunctionError(
        'invalid-message',
        'the link has no target address, so every message must name one in `to`',
      );
    const invalid = invalidAddress(to, amqpAddress);
    if (invalid !== undefined) throw new JunctionError('invalid-message', `${to}: ${invalid}`);
    if (this.#context.nodes.isGone(to)) throw new JunctionError('no-route', `${to} does not exist any more`);
    return to;
  }

  #kindOf(address: string, view: MessageView): AddressKind {
    const kind = this.#context.nodes.kindOf(address);
    return kind === 'queue' && jmsTopic(view.messageAnnotations) ? 'topic' : kind;
  }

  #refuse(delivery: IncomingDelivery, reason: unknown): void {
    const decode = reason instanceof DecodeError;
    const error = decode ? { condition: condition.decode, description: reason.message } : undefined;
    const answer: DeliveryOutcome = error
      ? { state: 'rejected', error }
      : answerFor({ state: 'rejected', error: JunctionError.from(reason) }, this.#outcomes);
    this.#context.log.warn(
      `message ${error?.condition ?? JunctionError.from(reason).code}`,
      { endpoint: this.#context.name, link: this.#link.name.slice(0, 100), address: this.#address },
      `a message was rejected: ${reason instanceof Error ? reason.message : String(reason)}`,
    );
    delivery.settle(answer);
  }
}

const stopping: Outcome = {
  state: 'released',
  error: new JunctionError('closed', 'the listener is stopping'),
};

/** Whether a JMS client says that it sends to a topic: 1, or 3 for a temporary one (AMQP mapping of JMS, §3.2.3). */
function jmsTopic(annotations: AmqpMap | undefined): boolean {
  const value = annotations?.get('x-opt-jms-dest');
  return value instanceof Typed && (value.value === 1 || value.value === 3);
}
