import type { AmqpIncomingLink } from './incoming-link.ts';
import type { AmqpOutgoingLink } from './outgoing-link.ts';
import type { LinkBase } from './link.ts';

type AnyLink = AmqpIncomingLink | AmqpOutgoingLink;

/** The links of a session: by the peer's handle, by name and direction, and which of our handles are free. */
export class LinkTable {
  readonly #handleMax: number;
  readonly #byHandle = new Map<number, AnyLink>();
  /** A sender and a receiver may share a name (§2.6.1). */
  readonly #senders = new Map<string, AnyLink>();
  readonly #receivers = new Map<string, AnyLink>();
  readonly #ours = new Set<number>();

  /** @param handleMax the highest handle of ours */
  constructor(handleMax: number) {
    this.#handleMax = handleMax;
  }

  get size(): number {
    return this.#byHandle.size;
  }

  get(handle: number): AnyLink | undefined {
    return this.#byHandle.get(handle);
  }

  /** The link of this name that is attached now. */
  named(name: string, receiver: boolean): AnyLink | undefined {
    const link = (receiver ? this.#receivers : this.#senders).get(name);
    return link && (link.state === 'open' || link.state === 'attaching') ? link : undefined;
  }

  /** Takes a handle of ours; undefined where none is left. */
  takeHandle(): number | undefined {
    for (let handle = 0; handle <= this.#handleMax; handle++) {
      if (this.#ours.has(handle)) continue;
      this.#ours.add(handle);
      return handle;
    }
    return undefined;
  }

  add(link: AnyLink): void {
    this.#byHandle.set(link.attach.handle, link);
    (link.attach.receiver ? this.#receivers : this.#senders).set(link.name, link);
  }

  remove(link: LinkBase): void {
    this.#byHandle.delete(link.attach.handle);
    this.#ours.delete(link.handle);
    const names = link.attach.receiver ? this.#receivers : this.#senders;
    // A link that took over the name stays.
    if (names.get(link.name) === link) names.delete(link.name);
  }

  all(): AnyLink[] {
    return [...this.#byHandle.values()];
  }

  clear(): void {
    this.#byHandle.clear();
    this.#senders.clear();
    this.#receivers.clear();
    this.#ours.clear();
  }
}
