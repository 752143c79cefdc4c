import { randomUUID } from 'node:crypto';
import type { AddressKind } from '../../broker/exchange.ts';
import { parsePattern } from '../../core/address.ts';
import { PatternIndex } from '../../core/pattern-index.ts';
import { amqpAddress } from './address.ts';

/** A queue or topic that one connection made for itself, e.g. for replies; it ends with the link that made it. */
export interface TemporaryNode {
  readonly address: string;
  readonly kind: AddressKind;
  /** The connection that made it: only this one may receive from it. */
  readonly owner: object;
  /** What receives from it, to be told when it is deleted. */
  readonly receivers: Set<{ deleted(): void }>;
}

/** How the queues and topics are named that the listener makes for a client. */
export const isTemporaryName = (address: string): boolean => temporaryName.test(address);

const temporaryName = /^temp\.[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Addresses come from outside: what is remembered of them is bounded. */
const cacheLimit = 10_000;

/** What is known of addresses: which are topics by configuration, and the temporary ones. */
export class Nodes {
  readonly #topics = new PatternIndex<true>(amqpAddress);
  readonly #temporary = new Map<string, TemporaryNode>();
  #declared = new Map<string, boolean>();

  /** @param topics patterns of the addresses that are topics */
  constructor(topics: readonly string[]) {
    for (const topic of topics) this.#topics.add(parsePattern(topic, amqpAddress, false), true);
  }

  /** Whether the configuration says that this address is a topic. */
  isDeclaredTopic(address: string): boolean {
    if (this.#topics.size === 0) return false;
    let declared = this.#declared.get(address);
    if (declared === undefined) {
      declared = this.#topics.match(address).length > 0;
      if (this.#declared.size >= cacheLimit) this.#declared = new Map();
      this.#declared.set(address, declared);
    }
    return declared;
  }

  temporary(address: string): TemporaryNode | undefined {
    return this.#temporary.get(address);
  }

  /** Whether it looks like a temporary address that does not exist (any more). */
  isGone(address: string): boolean {
    return temporaryName.test(address) && !this.#temporary.has(address);
  }

  kindOf(address: string): AddressKind {
    if (this.#temporary.size > 0) {
      const node = this.#temporary.get(address);
      if (node) return node.kind;
    }
    return this.isDeclaredTopic(address) ? 'topic' : 'queue';
  }

  create(kind: AddressKind, owner: object): TemporaryNode {
    const node: TemporaryNode = { address: `temp.${randomUUID()}`, kind, owner, receivers: new Set() };
    this.#temporary.set(node.address, node);
    return node;
  }

  delete(node: TemporaryNode): void {
    this.#temporary.delete(node.address);
    for (const receiver of [...node.receivers]) receiver.deleted();
  }
}
