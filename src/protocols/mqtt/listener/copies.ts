import type { Dropped, Link } from './link.ts';
import type { Ticket } from './ticket.ts';

const unaliased = { alias: 0, aliasOnly: false };

/** Writes messages to one connection, in its protocol version and with its topic aliases. */
export class Copies {
  readonly #link: Link;
  readonly #dropped: Dropped;
  readonly #aliases = new Map<string, number>();

  constructor(link: Link, dropped: Dropped) {
    this.#link = link;
    this.#dropped = dropped;
  }

  /** Or drops it, where the message cannot go to this client at all [MQTT-3.1.2-24], [MQTT-3.3.2-5]. */
  write({ publication, grant, id }: Ticket, dup: boolean): 'written' | 'expired' | 'too large' {
    const now = Date.now();
    if (publication.expired(now)) {
      this.#dropped.expired++;
      return 'expired';
    }
    const link = this.#link;
    const { alias, aliasOnly } = this.#alias(publication.message.topic);
    const copy = { level: link.level, ...grant, dup, id, alias, aliasOnly };
    const packet = publication.encode(copy, now);
    if (packet.length > link.maximumPacketSize) {
      if (alias > 0 && !aliasOnly) this.#aliases.delete(publication.message.topic);
      this.#dropped.tooLarge++;
      return 'too large';
    }
    link.write(packet);
    if (link.level !== 5 && !dup) link.missed.add(publication.message);
    return 'written';
  }

  /** The first topics sent get the aliases that the client allows (MQTT 5 §3.3.2.3.4). */
  #alias(topic: string): { alias: number; aliasOnly: boolean } {
    if (this.#link.topicAliasMaximum === 0) return unaliased;
    const known = this.#aliases.get(topic);
    if (known !== undefined) return { alias: known, aliasOnly: true };
    if (this.#aliases.size >= Math.min(this.#link.topicAliasMaximum, 64)) return unaliased;
    const alias = this.#aliases.size + 1;
    this.#aliases.set(topic, alias);
    return { alias, aliasOnly: false };
  }
}
