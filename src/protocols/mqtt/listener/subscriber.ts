import { performance } from 'node:perf_hooks';
import type { Level } from '../codec/packet-types.ts';
import { Reason } from '../codec/reasons.ts';
import { shareOf, type Subscription } from '../codec/subscribe.ts';
import { filterMatches } from '../codec/topics.ts';
import { grantFor, lowered } from './grant.ts';
import type { Retained } from './retained.ts';
import type { Session } from './session.ts';
import type { TopicTree } from './topic-tree.ts';

/** Does what SUBSCRIBE and UNSUBSCRIBE ask for (MQTT 5 §3.8.4, §3.10.4). */
export class Subscriber {
  readonly #tree: TopicTree;
  readonly #retained: Retained;
  readonly #private: readonly string[];
  readonly #save: (session: Session) => Promise<void> | undefined;

  /**
   * @param hidden filters of topics that no client may subscribe to
   * @param save keeps what a session has subscribed to; undefined where it is not kept
   */
  constructor(
    tree: TopicTree,
    retained: Retained,
    hidden: readonly string[],
    save: (session: Session) => Promise<void> | undefined,
  ) {
    this.#tree = tree;
    this.#retained = retained;
    this.#private = hidden;
    this.#save = save;
  }

  /**
   * @param answer is called with the reason codes once what they say will outlive the process, and before the retained
   * messages are sent
   */
  subscribe(
    session: Session,
    level: Level,
    wanted: readonly Subscription[],
    answer: (codes: number[]) => void,
  ): void {
    const retained: Subscription[] = [];
    const codes = wanted.map((subscription): number => {
      const share = shareOf(subscription.filter);
      const topics = share?.filter ?? subscription.filter;
      if (this.#private.some((hidden) => filterMatches(hidden, topics)))
        return level === 5 ? Reason.notAuthorized : Reason.unspecified;
      const { retainHandling } = subscription;
      const known = session.subscriptions.has(subscription.filter);
      this.#tree.add(session, subscription);
      // [MQTT-3.3.1-9] to -11; none for shared subscriptions (§4.8.2)
      if (!share && retainHandling !== 2 && !(retainHandling === 1 && known)) retained.push(subscription);
      return subscription.qos;
    });
    const { link } = session;
    this.#afterSave(session, codes, answer, () => {
      if (session.link !== link) return;
      for (const subscription of retained) this.#sendRetained(session, subscription);
    });
  }

  /** @param answer is called with the reason codes once what they say will outlive the process */
  unsubscribe(session: Session, filters: readonly string[], answer: (codes: number[]) => void): void {
    const codes = filters.map((filter) => {
      if (!session.subscriptions.has(filter)) return Reason.noSubscriptionExisted;
      this.#tree.remove(session, filter);
      return Reason.success;
    });
    this.#afterSave(session, codes, answer, () => {});
  }

  /** What cannot be kept is answered as failed; it holds as long as the process. */
  #afterSave(session: Session, codes: number[], answer: (codes: number[]) => void, then: () => void): void {
    const saved = this.#save(session);
    if (!saved) {
      answer(codes);
      return then();
    }
    void saved.then(
      () => {
        answer(codes);
        then();
      },
      () => answer(codes.map(() => Reason.unspecified)),
    );
  }

  #sendRetained(session: Session, subscription: Subscription): void {
    const grant = { ...grantFor([subscription], false), retain: true }; // [MQTT-3.3.1-8]
    for (const publication of this.#retained.matching([subscription.filter], Date.now()))
      session.offer(publication, lowered(grant, publication.message.qos), undefined, performance.now());
  }
}
