import { JunctionError } from '../../core/errors.ts';
import { isOwnTemporary, replyQueueOf } from './address.ts';

/** Where temporary queues are made known to others. */
export interface Registry {
  addReplyQueue(address: string): void;
  deleteReplyQueue(address: string): void;
}

/**
 * The temporary queues of one connection. What it calls `/temp-queue/NAME`, in SUBSCRIBE, in reply-to and as
 * destination of SEND, is `/reply-queue/SESSION/NAME` to everyone else; it exists from its first use until the
 * connection ends.
 */
export class ReplyQueues {
  readonly #session: string;
  readonly #limit: number;
  readonly #registry: Registry;
  readonly #names = new Set<string>();

  constructor(session: string, limit: number, registry: Registry) {
    this.#session = session;
    this.#limit = limit;
    this.#registry = registry;
  }

  /** How an address that the client wrote is called here. @throws JunctionError busy */
  readonly rename = (address: string): string => {
    if (!isOwnTemporary(address)) return address;
    const name = replyQueueOf(address, this.#session);
    if (!this.#names.has(name)) {
      if (this.#names.size >= this.#limit)
        throw new JunctionError('busy', `a connection may have ${this.#limit} temporary queues`);
      this.#names.add(name);
      this.#registry.addReplyQueue(name);
    }
    return name;
  };

  delete(): void {
    for (const name of this.#names) this.#registry.deleteReplyQueue(name);
    this.#names.clear();
  }
}
