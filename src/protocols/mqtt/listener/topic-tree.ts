import { Round } from '../../../broker/topic.ts';
import { parsePattern, type AddressPattern } from '../../../core/address.ts';
import { accepted, type Outcome } from '../../../core/outcome.ts';
import { PatternIndex } from '../../../core/pattern-index.ts';
import { mqttAddress } from '../address.ts';
import type { QoS } from '../codec/message.ts';
import type { Publication } from '../codec/publication.ts';
import type { Grant, Session, Subscription } from './session.ts';

interface Entry {
  readonly session: Session;
  readonly pattern: AddressPattern;
  readonly subscription: Subscription;
}

/** One session and those of its subscriptions that match a topic. */
interface Target {
  readonly session: Session;
  readonly subscriptions: Subscription[];
  /** The grants for a message published without and with the retain flag. */
  readonly plain: Grant[];
  readonly noLocal: boolean;
}

/** Which sessions have subscribed to what. */
export class TopicTree {
  readonly #index = new PatternIndex<Entry>(mqttAddress);
  readonly #entries = new Map<Session, Map<string, Entry>>();
  #targets = new Map<string, readonly Target[]>();

  add(session: Session, subscription: Subscription): void {
    this.remove(session, subscription.filter);
    const entry = { session, pattern: parsePattern(subscription.filter, mqttAddress, false), subscription };
    let own = this.#entries.get(session);
    if (!own) this.#entries.set(session, (own = new Map<string, Entry>()));
    own.set(subscription.filter, entry);
    session.subscriptions.set(subscription.filter, subscription);
    this.#index.add(entry.pattern, entry);
    this.#targets = new Map();
  }

  remove(session: Session, filter: string): void {
    const own = this.#entries.get(session);
    const entry = own?.get(filter);
    if (!own || !entry) return;
    own.delete(filter);
    if (own.size === 0) this.#entries.delete(session);
    session.subscriptions.delete(filter);
    this.#index.remove(entry.pattern, entry);
    this.#targets = new Map();
  }

  removeAll(session: Session): void {
    for (const filter of [...(this.#entries.get(session)?.keys() ?? [])]) this.remove(session, filter);
  }

  /** How a session wants messages of this topic; undefined where it does not. */
  grant(session: Session, topic: string): Grant | undefined {
    const target = this.#match(topic).find((found) => found.session === session);
    return target?.plain[0];
  }

  /**
   * Hands a message to every subscriber of its topic, each once, with the highest QoS of its matching subscriptions
   * [MQTT-3.3.4-2]. Resolves once those of QoS 1 and 2 have acknowledged it, dropped it, left, or are lagging; what
   * one drops or refuses counts only where no other took it, as in broker/topic.ts.
   * @param from its publisher, who is not waited for: it may be the one who waits for the acknowledgement
   * @param now ms of the monotonic clock
   * @returns undefined where nobody subscribes
   */
  publish(
    publication: Publication,
    from: Session | undefined,
    now: number,
  ): Outcome | Promise<Outcome> | undefined {
    const targets = this.#match(publication.message.topic);
    if (targets.length === 0) return undefined;
    const { qos } = publication.message;
    let round: Round | undefined;
    let resolved: Promise<Outcome> | undefined;
    let someone = false;
    for (const target of targets) {
      const grant = grantOf(target, publication, from);
      if (!grant) continue;
      someone = true;
      const lowered = grant.qos > qos ? { ...grant, qos } : grant;
      if (lowered.qos > 0 && target.session !== from && !round) {
        resolved = new Promise((resolve) => (round = new Round(resolve)));
        round!.join(); // held open until every subscriber has been asked
      }
      target.session.offer(publication, lowered, target.session === from ? undefined : round, now);
    }
    if (!someone) return undefined;
    if (!round) return accepted;
    round.answer(undefined);
    return resolved!;
  }

  #match(topic: string): readonly Target[] {
    const known = this.#targets.get(topic);
    if (known) return known;
    // Topics come from outside: the cache is bounded by starting afresh.
    if (this.#targets.size >= 10_000) this.#targets = new Map();
    const bySession = new Map<Session, Subscription[]>();
    for (const { value } of this.#index.match(topic)) {
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
    this.#targets.set(topic, targets);
    return targets;
  }
}

/** Undefined where no-local keeps it from its publisher [MQTT-3.8.3-3]. */
function grantOf(target: Target, publication: Publication, from: Session | undefined): Grant | undefined {
  const { retain } = publication.message;
  if (!target.noLocal || target.session !== from) return target.plain[retain ? 1 : 0]!;
  const left = target.subscriptions.filter((subscription) => !subscription.noLocal);
  return left.length === 0 ? undefined : grantFor(left, retain);
}

function grantFor(subscriptions: readonly Subscription[], retain: boolean): Grant {
  return {
    qos: Math.max(...subscriptions.map((s) => s.qos)) as QoS,
    retain: retain && subscriptions.some((s) => s.retainAsPublished), // [MQTT-3.3.1-12, -13]
    identifiers: subscriptions.flatMap((s) => (s.identifier === undefined ? [] : [s.identifier])),
  };
}
