import type { AddressPattern } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { compileSelector } from '../filter/selector.ts';
import type { Consumer, Subscription } from './delivery.ts';
import type { Selection } from './selection.ts';
import type { StoredQueue } from './stored-queue.ts';
import type { Round, TopicSubscriber } from './topic.ts';

/** What is kept of a durable subscription beside its messages. */
export interface DurableTerms {
  /** The address or pattern that it was made for. */
  readonly address: string;
  /** Whether several consumers may share it. */
  readonly shared: boolean;
  /** Which messages are stored for it; all where it says nothing. */
  readonly selector?: string | undefined;
  /** Whose messages are not for it. */
  readonly notFrom?: string | undefined;
}

const selectionOf = ({ selector, notFrom }: DurableTerms): Selection | undefined =>
  selector === undefined && notFrom === undefined
    ? undefined
    : { condition: selector === undefined ? undefined : compileSelector(selector), notFrom };

/**
 * A subscription to topics that outlives its consumers and the gateway: a stored queue that is fed by a pattern. A
 * publisher waits until its message is settled by a consumer or is on the disk.
 */
export class DurableSubscription implements TopicSubscriber {
  readonly name: string;
  readonly terms: DurableTerms;
  readonly selection: Selection | undefined;
  readonly pattern: AddressPattern;
  readonly queue: StoredQueue;

  constructor(name: string, terms: DurableTerms, pattern: AddressPattern, queue: StoredQueue) {
    this.name = name;
    this.terms = terms;
    this.selection = selectionOf(terms);
    this.pattern = pattern;
    this.queue = queue;
  }

  offer(envelope: Envelope, round: Round): void {
    round.join();
    void this.queue
      .publish(envelope)
      .then((outcome) => (outcome.state === 'released' ? round.fail(outcome) : round.answer(outcome)));
  }

  subscribe(consumer: Consumer): Subscription {
    return this.queue.subscribe(consumer);
  }

  /** It never lags: what it leaves unsettled is stored. */
  checkLag(): boolean {
    return false;
  }
}
