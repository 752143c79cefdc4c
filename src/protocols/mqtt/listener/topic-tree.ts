import { Round } from '../../../broker/topic.ts';
import { parsePattern, type AddressPattern } from '../../../core/address.ts';
import { accepted, type Outcome } from '../../../core/outcome.ts';
import { PatternIndex } from '../../../core/pattern-index.ts';
import { mqttAddress } from '../address.ts';
import type { Publication } from '../codec/publication.ts';
import { shareOf, type Subscription } from '../codec/subscribe.ts';
import { grantFor, lowered, type Grant } from './grant.ts';
import type { Dropped } from './link.ts';
import type { Session } from './session.ts';
import { SharedGroup, type GroupLimits } from './shared.ts';
import type { Shelf } from './shelf.ts';

interface Entry {
  readonly session: Session;
  readonly pattern: AddressPattern;
  readonly subscription: Subscription;
  /** Of a shared subscription, which is in the index in place of its members' entries. */
  readonly group: SharedGroup | undefined;
}

interface SharedEntry {
  readonly pattern: AddressPattern;
  readonly group: SharedGroup;
}

/** One session and those of its subscriptions that match a topic. */
interface Target {
  readonly session: Session;
  readonly subscriptions: Subscription[];
  /** The grants for a message published without and with the retain flag. */
  readonly plain: Grant[];
  readonly noLocal: boolean;
}

/** Who gets the messages of a topic. */
interface Matches {
  readonly targets: readonly Target[];
  readonly groups: readonly SharedGroup[];
}

/** Where shared subscriptions keep messages over restarts, by their filter. */
export interface GroupShelves {
  /** @param onStored called when there may be something to take */
  shelfOf(filter: string, onStored: () => void): Shelf | undefined;
  drop(filter: string): void;
}

/** Which sessions have subscribed to what. */
export class TopicTree {
  readonly #limits: GroupLimits;
  readonly #dropped: Dropped;
  readonly #shelves: GroupShelves | undefined;
  readonly #index = new PatternIndex<Entry | SharedEntry>(mqttAddress);
  readonly #entries = new Map<Session, Map<string, Entry>>();
  /** By the whole filter, `$share/name/…`. */
  readonly #shared = new Map<string, SharedEntry>();
  #matches = new Map<string, Matches>();

  /** @param limits of each shared subscription */
  constructor(limits: GroupLimits, dropped: Dropped, shelves?: GroupShelves) {
    this.#limits = limits;
    this.#dropped = dropped;
    this.#shelves = shelves;
  }

  add(session: Session, subscription: Subscription): void {
    const { filter } = subscription;
    const shared = this.#group(filter);
    // Who renews a shared subscription stays a member.
    if (!shared) this.remove(session, filter);
    const pattern = shared?.pattern ?? parsePattern(filter, mqttAddress, false);
    const entry: Entry = { session, pattern, subscription, group: shared?.group };
    let own = this.#entries.get(session);
    if (!own) this.#entries.set(session, (own = new Map<string, Entry>()));
    own.set(filter, entry);
    session.subscriptions.set(filter, subscription);
    if (shared) shared.group.join(session, subscription);
    else this.#index.add(pattern, entry);
    this.#matches = new Map();
  }

  remove(session: Session, filter: string): void {
    const own = this.#entries.get(session);
    const entry = own?.get(filter);
    if (!own || !entry) return;
    own.delete(filter);
    if (own.size === 0) this.#entries.delete(session);
    session.subscriptions.delete(filter);
    if (entry.group) this.#leave(entry.group, session, filter);
    else this.#index.remove(entry.pattern, entry);
    this.#matches = new Map();
  }

  removeAll(session: Session): void {
    for (const filter of [...(this.#entries.get(session)?.keys() ?? [])]) this.remove(session, filter);
  }

  /** Called by the sweep: the shared subscriptions that have just been found lagging. */
  *findLagging(now: number): Generator<string> {
    for (const [filter, { group }] of this.#shared) if (group.checkLag(now)) yield filter;
  }

  /**
   * Hands a message to every subscriber of its topic, each once, with the highest QoS of its matching subscriptions
   * [MQTT-3.3.4-2], and to one member of each shared subscription. Resolves once those of QoS 1 and 2 have acknowledged it, dropped it, left, or are lagging; what
   * one drops or refuses counts only where no other took it, as in broker/topic.ts.
   * @param from its publisher, whose acknowledgement is not waited for: it may be the one who waits
   * @param now ms of the monotonic clock
   * @returns undefined where nobody subscribes
   */
  publish(
    publication: Publication,
    from: Session | undefined,
    now: number,
  ): Outcome | Promise<Outcome> | undefined {
    const { targets, groups } = this.#match(publication.message.topic);
    if (targets.length === 0 && groups.length === 0) return undefined;
    const { qos } = publication.message;
    let round: Round | undefined;
    let resolved: Promise<Outcome> | undefined;
    let someone = false;
    for (const target of targets) {
      const grant = grantOf(target, publication, from);
      if (!grant) continue;
      someone = true;
      const kept = lowered(grant, qos);
      const own = target.session === from;
      const waits = kept.qos > 0 && (!own || target.session.shelf !== undefined);
      if (waits && !round) {
        resolved = new Promise((resolve) => (round = new Round(resolve)));
        round!.join(); // held open until every subscriber has been asked
      }
      target.session.offer(publication, kept, waits ? round : undefined, now, own);
    }
    for (const group of groups) {
      someone = true;
      if (qos > 0 && !round) {
        resolved = new Promise((resolve) => (round = new Round(resolve)));
        round!.join();
      }
      group.offer(publication, round, from, now);
    }
    if (!someone) return undefined;
    if (!round) return accepted;
    round.answer(undefined);
    return resolved!;
  }

  #group(filter: string): SharedEntry | undefined {
    const known = this.#shared.get(filter);
    if (known) return known;
    const share = shareOf(filter);
    if (!share) return undefined;
    const pattern = parsePattern(share.filter, mqttAddress, false);
    const shelf = (onStored: () => void): Shelf | undefined => this.#shelves?.shelfOf(filter, onStored);
    const entry = { pattern, group: new SharedGroup(this.#limits, this.#dropped, shelf) };
    this.#shared.set(filter, entry);
    this.#index.add(pattern, entry);
    return entry;
  }

  #leave(group: SharedGroup, session: Session, filter: string): void {
    group.leave(session);
    const entry = this.#shared.get(filter);
    if (!group.empty || !entry) return;
    this.#shared.delete(filter);
    this.#shelves?.drop(filter);
    this.#index.remove(entry.pattern, entry);
  }

  #match(topic: string): Matches {
    const known = this.#matches.get(topic);
    if (known) return known;
    // Topics come from outside: the cache is bounded by starting afresh.
    if (this.#matches.size >= 10_000) this.#matches = new Map();
    const bySession = new Map<Session, Subscription[]>();
    const groups: SharedGroup[] = [];
    for (const { value } of this.#index.match(topic)) {
      if (!('session' in value)) {
        groups.push(value.group);
        continue;
      }
      const list = bySession.get(value.session);
      if (list) list.push(value.subscription);
      else bySession.set(value.session, [value.subscription]);
    }
    const targets = [...bySession].map(([session, subscriptions]): Target => ({
      session,
      subscriptions,
      plain: [grantFor(subscriptions, false), grantFor(subscriptions, true)],
      noLocal: subscriptions.some((s) => s.noLocal),
    }));
    const matches = { targets, groups };
    this.#matches.set(topic, matches);
    return matches;
  }
}

/** Undefined where no-local keeps it from its publisher [MQTT-3.8.3-3]. */
function grantOf(target: Target, publication: Publication, from: Session | undefined): Grant | undefined {
  const { retain } = publication.message;
  if (!target.noLocal || target.session !== from) return target.plain[retain ? 1 : 0]!;
  const left = target.subscriptions.filter((subscription) => !subscription.noLocal);
  return left.length === 0 ? undefined : grantFor(left, retain);
}
