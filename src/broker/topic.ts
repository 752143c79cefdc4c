import type { Envelope } from '../core/envelope.ts';
import { accepted, type Outcome } from '../core/outcome.ts';
import type { Consumer, Delivery, Subscription } from './delivery.ts';
import type { Selection } from './selection.ts';

/**
 * What one publish to a topic waits for: the answers of the subscribers it had at that moment. It is accepted if one
 * of them accepted it, or if none refused it; one subscriber's refusal must not fail what others have taken.
 */
export class Round {
  #waiting = 0;
  #accepted = false;
  #refused: Outcome | undefined;
  #failed: Outcome | undefined;
  readonly #resolve: (outcome: Outcome) => void;

  constructor(resolve: (outcome: Outcome) => void) {
    this.#resolve = resolve;
  }

  join(): void {
    this.#waiting++;
  }

  /** The answer of one that must have the message, whatever the others say, and could not take it. */
  fail(outcome: Outcome): void {
    this.#failed = outcome;
    this.answer(outcome);
  }

  /** @param vote undefined for a subscriber that went away, or that nobody waits for any more */
  answer(vote: Outcome | undefined): void {
    if (vote?.state === 'accepted') this.#accepted = true;
    else if (vote) this.#refused = this.#refused?.state === 'rejected' ? this.#refused : vote;
    if (--this.#waiting === 0)
      this.#resolve(
        this.#failed ?? (this.#accepted || this.#refused === undefined ? accepted : this.#refused),
      );
  }
}

interface Ticket {
  readonly envelope: Envelope;
  /** Its place, which a release gives back. */
  readonly order: number;
  deliveryCount: number;
  /** Who waits for it; undefined once the publisher waits no more. */
  round: Round | undefined;
  readonly since: number;
}

export interface TopicLimits {
  /** How many messages may wait for a subscriber without credit. */
  readonly backlog: number;
  /** How long, in ms, a publisher waits for a subscriber's settlement before that subscriber counts as lagging. */
  readonly grace: number;
}

/** Who gets what is published to a topic. */
export interface TopicSubscriber {
  readonly name: string;
  /** What it wants; it is offered nothing else. */
  readonly selection: Selection | undefined;
  /** Takes part in the round if its publisher is to wait for it. */
  offer(envelope: Envelope, round: Round, now: number): void;
  /** Called by the exchange's sweep; true when it has just been found lagging. */
  checkLag(now: number): boolean;
}

/** Delivers one message to these subscribers; resolves when each has settled it, left, or is lagging. */
export function publishToTopic(
  envelope: Envelope,
  subscribers: readonly TopicSubscriber[],
  now: number,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const round = new Round(resolve);
    round.join(); // held open until every subscriber has been asked
    for (const subscriber of subscribers) subscriber.offer(envelope, round, now);
    round.answer(undefined);
  });
}

/**
 * One subscriber of topics. Publishers wait for its settlement, so that an acknowledged message has reached every
 * healthy subscriber; but one that has left a message unsettled for longer than the grace is *lagging*: it goes on
 * receiving, nobody waits for it any more, until it has settled all it was sent. So a subscriber that stops
 * reading costs its publishers one grace, once, and then nothing.
 */
export class TopicSubscription implements Subscription, TopicSubscriber {
  readonly selection: Selection | undefined;
  readonly #consumer: Consumer;
  readonly #limits: TopicLimits;
  readonly #onCancel: () => void;
  readonly #unsettled = new Set<Ticket>();
  /** What waits, from `#head` on. */
  #backlog: Ticket[] = [];
  #head = 0;
  #orders = 0;
  #lagging = false;
  #cancelled = false;

  constructor(
    consumer: Consumer,
    selection: Selection | undefined,
    limits: TopicLimits,
    onCancel: () => void,
  ) {
    this.selection = selection;
    this.#consumer = consumer;
    this.#limits = limits;
    this.#onCancel = onCancel;
  }

  get name(): string {
    return this.#consumer.name;
  }

  offer(envelope: Envelope, round: Round, now: number): void {
    if (this.#cancelled) return;
    const ticket: Ticket = {
      envelope,
      order: this.#orders++,
      deliveryCount: envelope.deliveryCount,
      round: undefined,
      since: now,
    };
    if (!this.#lagging) {
      round.join();
      ticket.round = round;
    }
    if (this.#waiting === 0 && this.#consumer.credit() > 0) return this.#give(ticket);
    this.#backlog.push(ticket);
    if (this.#waiting > this.#limits.backlog) {
      this.cancel();
      this.#consumer.overflow();
    }
  }

  pump(): void {
    // A message may be released while it is handed over, which puts it back here and comes here again.
    while (this.#waiting > 0 && this.#consumer.credit() > 0) {
      const ticket = this.#backlog[this.#head++]!;
      if (this.#head === this.#backlog.length || this.#head === 1024) {
        this.#backlog = this.#backlog.slice(this.#head);
        this.#head = 0;
      }
      this.#give(ticket);
    }
  }

  cancel(): void {
    if (this.#cancelled) return;
    this.#cancelled = true;
    this.#forsake();
    this.#unsettled.clear();
    this.#backlog = [];
    this.#head = 0;
    this.#onCancel();
  }

  /** Called by the exchange's sweep; true when it has just been found lagging. */
  checkLag(now: number): boolean {
    if (this.#lagging) return false;
    const oldest = first(this.#unsettled) ?? this.#backlog[this.#head];
    if (!oldest || now - oldest.since < this.#limits.grace) return false;
    this.#lagging = true;
    this.#forsake();
    return true;
  }

  get #waiting(): number {
    return this.#backlog.length - this.#head;
  }

  /** Lets every publisher that waits for this subscriber go. */
  #forsake(): void {
    for (const tickets of [this.#unsettled, this.#backlog.slice(this.#head)])
      for (const ticket of tickets) {
        ticket.round?.answer(undefined);
        ticket.round = undefined;
      }
  }

  #give(ticket: Ticket): void {
    this.#unsettled.add(ticket);
    const delivery: Delivery = {
      envelope: ticket.envelope,
      deliveryCount: ticket.deliveryCount,
      settle: (outcome, tried = true) => {
        if (this.#unsettled.delete(ticket)) this.#settled(ticket, outcome, tried);
      },
    };
    this.#consumer.deliver(delivery);
  }

  #settled(ticket: Ticket, outcome: Outcome, tried: boolean): void {
    if (outcome.state === 'released' && !this.#cancelled) {
      if (tried) ticket.deliveryCount++;
      let at = this.#head;
      while (at < this.#backlog.length && this.#backlog[at]!.order < ticket.order) at++;
      this.#backlog.splice(at, 0, ticket);
      this.pump();
      return;
    }
    ticket.round?.answer(outcome);
    ticket.round = undefined;
    if (this.#lagging && this.#unsettled.size === 0 && this.#waiting === 0) this.#lagging = false;
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const item of set) return item;
  return undefined;
}
