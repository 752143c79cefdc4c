import { Publication } from '../codec/publication.ts';
import type { Grant } from './grant.ts';
import type { Shelf } from './shelf.ts';
import { newTicket, type Ticket } from './ticket.ts';

/** What a restart must know of the messages that were sent to a client, while that client is away. */
export interface SentState {
  /** Sent and not acknowledged: place in the shelf, packet identifier. */
  readonly sent: readonly (readonly [sequence: number, id: number])[];
  /** Packet identifiers of which the PUBCOMP is awaited. */
  readonly released: readonly number[];
}

/**
 * The messages that were sent to one client and are not acknowledged, by packet identifier, in the order in which they
 * were sent. Identifiers that are free again are used first, so that none is ever higher than the most messages that
 * were under way at a time: after a crash it is known which ones the client may still hold.
 */
export class InFlight {
  readonly #tickets = new Map<number, Ticket>();
  #highest = 0;
  #free: number[] = [];

  get size(): number {
    return this.#tickets.size;
  }

  get(id: number): Ticket | undefined {
    return this.#tickets.get(id);
  }

  tickets(): IterableIterator<Ticket> {
    return this.#tickets.values();
  }

  /** Gives the ticket a packet identifier. */
  add(ticket: Ticket): void {
    ticket.id = this.#free.pop() ?? ++this.#highest;
    this.#tickets.set(ticket.id, ticket);
  }

  remove(ticket: Ticket): void {
    if (this.#tickets.delete(ticket.id)) this.#free.push(ticket.id);
  }

  clear(): void {
    this.#tickets.clear();
  }

  get state(): SentState {
    const sent: [number, number][] = [];
    const released: number[] = [];
    for (const ticket of this.#tickets.values())
      if (ticket.released) released.push(ticket.id);
      else sent.push([ticket.sequence, ticket.id]);
    return { sent, released };
  }

  /** @param now ms of the monotonic clock */
  restore({ sent, released }: SentState, shelf: Shelf, now: number): void {
    for (const id of released)
      this.#tickets.set(id, { ...newTicket(nothing, noGrant, now, undefined, 0), id, released: true });
    for (const [sequence, id] of sent) {
      const found = shelf.retake(sequence);
      if (!found) continue;
      const { publication, place } = found;
      this.#tickets.set(id, { ...newTicket(publication, found.grant!, now, undefined, sequence), id, place });
    }
    this.#highest = Math.max(0, ...this.#tickets.keys());
    for (let id = this.#highest; id > 0; id--) if (!this.#tickets.has(id)) this.#free.push(id);
  }
}

/** In place of a message that the client has: only its identifier is still in use. */
const nothing = new Publication(
  { topic: '', payload: Buffer.alloc(0), qos: 2, retain: false, dup: false, properties: undefined },
  0,
);
const noGrant: Grant = { qos: 2, retain: false, identifiers: [] };
