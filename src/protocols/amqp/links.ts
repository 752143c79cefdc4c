import type { DurableTerms } from '../../broker/durable-subscription.ts';
import type { DurableSubscriptions } from '../../broker/durable-subscriptions.ts';
import { JunctionError } from '../../core/errors.ts';
import type { ListenerContext } from './context.ts';
import type { AmqpError, IncomingLink, OutgoingLink } from './engine/api.ts';
import { condition, toAmqpError } from './errors.ts';
import { readFilters, selectionOf, type Filters } from './filters.ts';
import { IncomingHandler } from './incoming.ts';
import type { TemporaryNode } from './nodes.ts';
import { OutgoingConsumer, type SendBudget } from './outgoing.ts';
import {
  durableOf,
  durableTerminus,
  dynamicKind,
  noSubscription,
  plainTerminus,
  resolveSource,
  resolveTarget,
  shareOf,
  temporaryTerminus,
  unsupported,
} from './terminus.ts';

function refusalOf(reason: unknown): AmqpError {
  const error = JunctionError.from(reason);
  return error.code === 'refused'
    ? { condition: condition.resourceLocked, description: error.message }
    : toAmqpError(error);
}

/** The links of one connection: answers attaches and shares the connection's window among its senders. */
export class Links {
  readonly #context: ListenerContext;
  readonly #budget: SendBudget;
  readonly #incoming = new Set<IncomingLink>();
  readonly #consumers = new Set<OutgoingConsumer>();
  #share = 0;

  constructor(context: ListenerContext, budget: SendBudget) {
    this.#context = context;
    this.#budget = budget;
  }

  /** The peer wants to send. */
  attachSender(link: IncomingLink): void {
    const { target } = link;
    if (!target)
      return link.refuse({ condition: condition.invalidField, description: 'the link has no target' });
    if (target.dynamic) {
      const node = this.#context.nodes.create(dynamicKind(target), this);
      return this.#acceptSender(link, node, node);
    }
    if (target.address === undefined) return this.#acceptSender(link, undefined, undefined);
    const resolved = resolveTarget(target.address, target, this.#context.nodes);
    if ('refusal' in resolved) return link.refuse(resolved.refusal);
    this.#acceptSender(link, resolved, undefined);
  }

  #acceptSender(
    link: IncomingLink,
    node: { readonly address: string; readonly kind: 'queue' | 'topic' } | undefined,
    own: TemporaryNode | undefined,
  ): void {
    const handler = new IncomingHandler(this.#context, link, node, () => {
      this.#incoming.delete(link);
      this.#shareWindow();
      if (own) this.#delete(own);
    });
    this.#incoming.add(link);
    this.#shareWindow();
    link.accept({
      handler,
      window: this.#context.intake.stopping ? 0 : this.#share,
      target: own ? temporaryTerminus(own.address) : plainTerminus,
    });
  }

  /** The peer wants to receive. */
  attachReceiver(link: OutgoingLink): void {
    const { source } = link;
    const { durable } = this.#context.exchange;
    const wanted = durableOf(link.name, source, link.connection.peer!.containerId);
    if (!source) {
      const found = durable?.find(wanted!.name);
      if (!durable || !found) return link.refuse(noSubscription(link.name));
      return void this.#acceptDurable(link, durable, wanted!.name, found.terms, undefined);
    }
    const refusal = unsupported(source, durable !== undefined);
    if (refusal) return link.refuse(refusal);
    if (source.dynamic) {
      const filters = readFilters(source.filter, dynamicKind(source));
      if ('refusal' in filters) return link.refuse(filters.refusal);
      const node = this.#context.nodes.create(dynamicKind(source), this);
      return this.#acceptReceiver(link, node.address, node.kind, node, filters);
    }
    if (source.address === undefined)
      return link.refuse({ condition: condition.invalidField, description: 'the source has no address' });
    const resolved = resolveSource(source.address, source, this.#context.nodes, this);
    if ('refusal' in resolved) return link.refuse(resolved.refusal);
    const { address, kind } = resolved;
    const filters = readFilters(source.filter, kind);
    if ('refusal' in filters) return link.refuse(filters.refusal);
    if (!wanted || !durable) return this.#acceptReceiver(link, address, kind, undefined, filters);
    if (kind === 'queue')
      return link.refuse({
        condition: condition.invalidField,
        description: `${address} is a queue, which keeps its messages anyway: only topics have durable subscriptions`,
      });
    const selection = selectionOf(filters, link.connection.peer!.containerId);
    const terms: DurableTerms = {
      address,
      shared: wanted.shared,
      selector: selection?.condition?.text,
      notFrom: selection?.notFrom,
    };
    void this.#acceptDurable(link, durable, wanted.name, terms, filters);
  }

  #acceptReceiver(
    link: OutgoingLink,
    address: string,
    kind: 'queue' | 'topic',
    own: TemporaryNode | undefined,
    filters: Filters,
  ): void {
    const consumer = new OutgoingConsumer(this.#context, link, address, this.#budget, () => {
      this.#consumers.delete(consumer);
      if (own) this.#delete(own);
    });
    try {
      const { containerId } = link.connection.peer!;
      const share = shareOf(link.name, link.source!, containerId);
      consumer.subscribe(kind, share, selectionOf(filters, containerId));
    } catch (reason) {
      return link.refuse(refusalOf(reason));
    }
    this.#consumers.add(consumer);
    const terminus = own ? temporaryTerminus(address) : plainTerminus;
    link.accept({ handler: consumer, source: { ...terminus, filter: filters.echo } });
  }

  /** Answers once the subscription is on the disk; the peer may end it only after that. */
  async #acceptDurable(
    link: OutgoingLink,
    durable: DurableSubscriptions,
    name: string,
    terms: DurableTerms,
    filters: Filters | undefined,
  ): Promise<void> {
    let opened = false;
    const consumer = new OutgoingConsumer(this.#context, link, terms.address, this.#budget, (closed) => {
      this.#consumers.delete(consumer);
      // The store has failed where it cannot be forgotten, and has told so.
      if (opened && closed) durable.delete(name).catch(() => undefined);
    });
    try {
      const subscription = await durable.declare(name, terms);
      // Another link may have come, or ended it, meanwhile.
      if (durable.find(name) !== subscription || (!terms.shared && subscription.queue.consumers > 0))
        throw new JunctionError('refused', 'the durable subscription of this name is in use');
      consumer.resume(subscription);
    } catch (reason) {
      return link.refuse(refusalOf(reason));
    }
    this.#consumers.add(consumer);
    const source = durableTerminus(terms);
    link.accept({ handler: consumer, source: filters ? { ...source, filter: filters.echo } : source });
    opened = true;
  }

  /** The socket can take more. */
  pump(): void {
    for (const consumer of [...this.#consumers]) consumer.pump();
  }

  /** Grants no more credit; what is on its way is released. */
  stop(): void {
    for (const link of this.#incoming) link.setWindow(0);
  }

  #delete(node: TemporaryNode): void {
    this.#context.nodes.delete(node);
    if (node.kind === 'queue') this.#context.exchange.deleteQueue(node.address);
  }

  /** One connection has one window: many links get a part each, but always enough to go on. */
  #shareWindow(): void {
    const share = Math.max(1, Math.floor(this.#context.config.window / Math.max(1, this.#incoming.size)));
    if (share === this.#share) return;
    this.#share = share;
    if (this.#context.intake.stopping) return;
    for (const link of this.#incoming) if (link.open) link.setWindow(share);
  }
}
