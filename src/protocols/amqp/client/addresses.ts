import { PatternIndex } from '../../../core/pattern-index.ts';
import type { AddressPattern } from '../../../core/address.ts';
import { amqpAddress } from '../address.ts';
import type { MessageView } from '../codec/types.ts';
import type { Terminus } from '../engine/api.ts';
import { noTerminus } from '../engine/link.ts';
import { addressAnnotation } from '../annotations.ts';
import { filterFor } from '../filters.ts';
import { Nodes } from '../nodes.ts';
import type { AmqpClientConfig } from './config.ts';

/** Every outcome: we can be told any, and will tell any. */
const outcomes = ['amqp:accepted:list', 'amqp:rejected:list', 'amqp:released:list', 'amqp:modified:list'];

const plain: Terminus = { ...noTerminus, expiryPolicy: 'link-detach' };

/** Our end of a link on which we receive. */
export const here: Terminus = plain;
/** Our end of a link on which we send. */
export const origin: Terminus = { ...plain, outcomes };

const selectorName = 'jms-selector';

/** How the addresses of routes are called at the broker, and what its links are told of them. */
export class Addresses {
  readonly #config: AmqpClientConfig;
  readonly #nodes: Nodes;

  constructor(config: AmqpClientConfig) {
    this.#config = config;
    this.#nodes = new Nodes(config.topics);
  }

  /** What the broker calls it. */
  nameOf(address: string): string {
    return this.#prefix(this.#nodes.isDeclaredTopic(address)) + address;
  }

  /** Where a link leads on which we send to an address. */
  target(address: string): Terminus {
    const topic = this.#nodes.isDeclaredTopic(address);
    return { ...plain, address: this.#prefix(topic) + address, capabilities: this.#capabilities(topic) };
  }

  /** Whether a pattern's link outlives the connection. */
  isDurable(pattern: AddressPattern): boolean {
    return this.#config.subscription !== undefined && this.#isTopic(pattern);
  }

  /** The link's name; a durable subscription is found again by it. */
  linkName(pattern: AddressPattern): string {
    return this.isDurable(pattern)
      ? `${this.#config.subscription!}:${this.#written(pattern)}`
      : `from ${pattern.text}`;
  }

  /** Where a link comes from on which we receive what a pattern matches. */
  source(pattern: AddressPattern): Terminus {
    const { shared, selector } = this.#config;
    const topic = this.#isTopic(pattern);
    const durable = this.isDurable(pattern);
    return {
      ...plain,
      address: this.#prefix(topic) + this.#written(pattern),
      outcomes,
      // `global`: found by its name alone, whichever container asks
      capabilities: [...this.#capabilities(topic), ...(durable && shared ? ['shared', 'global'] : [])],
      ...(durable && { durable: 'unsettled-state', expiryPolicy: 'never', distributionMode: 'copy' }),
      ...(selector !== undefined && { filter: filterFor(selectorName, selector) }),
    };
  }

  /** Why what the broker says of the source is not what was asked for, or undefined. */
  mismatch(source: Terminus): string | undefined {
    if (this.#config.selector !== undefined && !source.filter?.get(selectorName))
      return 'the broker does not apply the selector';
    return undefined;
  }

  /**
   * The address of a message that came by a pattern's link, where the broker tells it: the link's own, or with
   * wildcards that of the message. A pattern without captures stands for what is not told.
   */
  addressOf(pattern: AddressPattern, view: MessageView): string | undefined {
    if (pattern.literal) return pattern.text;
    const annotations = view.messageAnnotations;
    // RabbitMQ tells the routing key
    for (const told of [
      annotations?.get(addressAnnotation),
      annotations?.get('x-routing-key'),
      view.properties.to,
    ]) {
      if (typeof told !== 'string') continue;
      const prefix = this.#prefix(true);
      const address = told.startsWith(prefix) ? told.slice(prefix.length) : told;
      if (matches(pattern, address)) return address;
    }
    return pattern.captures.length === 0 ? pattern.text : undefined;
  }

  #isTopic(pattern: AddressPattern): boolean {
    return !pattern.literal || this.#nodes.isDeclaredTopic(pattern.text);
  }

  #prefix(topic: boolean): string {
    return topic ? this.#config.topic_prefix : this.#config.queue_prefix;
  }

  #capabilities(topic: boolean): readonly string[] {
    return this.#config.capabilities ? [topic ? 'topic' : 'queue'] : [];
  }

  /** A pattern with the broker's wildcards in place of captures and ours. */
  #written({ segments }: AddressPattern): string {
    const { one, rest } = this.#config.wildcards;
    return segments
      .map((segment) =>
        segment.kind === 'literal' ? segment.text : segment.separator + (segment.kind === 'one' ? one : rest),
      )
      .join('');
  }
}

function matches(pattern: AddressPattern, address: string): boolean {
  const index = new PatternIndex<true>(amqpAddress);
  index.add(pattern, true);
  return address !== '' && index.match(address).length > 0;
}
