import { performance } from 'node:perf_hooks';
import type { Log } from '../../../core/protocol.ts';
import type { Dropped, SessionLimits } from './link.ts';
import { Session } from './session.ts';
import type { SessionStore } from './session-store.ts';
import type { Shelf } from './shelf.ts';
import type { TopicTree } from './topic-tree.ts';

export interface SessionsOptions extends SessionLimits {
  /** Sessions kept for clients that are away. */
  readonly maxSessions: number;
  /** Ms that a session outlives its connection at most. */
  readonly expiry: number;
}

/** A connection that asks for its session. */
export interface Arrival {
  readonly closing: boolean;
  begin(session: Session): void;
  /** The store does not take the session. */
  fail(error: unknown): void;
}

/** The sessions of a listener's clients, connected or away. */
export class Sessions {
  readonly #dropped: Dropped;
  readonly #options: SessionsOptions;
  readonly #tree: TopicTree;
  readonly #log: Log;
  readonly #store: SessionStore | undefined;
  readonly #sessions = new Map<string, Session>();
  /** Which connection is the last to have asked for a session that is not ready yet. */
  readonly #claims = new Map<Session, object>();
  #away = 0;
  #quiet: { readonly until: number; readonly done: () => void } | undefined;

  /** @param store keeps sessions over restarts; undefined: they end with the process */
  constructor(options: SessionsOptions, tree: TopicTree, dropped: Dropped, log: Log, store?: SessionStore) {
    this.#options = options;
    this.#tree = tree;
    this.#dropped = dropped;
    this.#log = log;
    this.#store = store;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** Takes up what the store has; it is open. */
  restore(now: number): void {
    const store = this.#store;
    if (!store) return;
    for (const [clientId, { expiry, subscriptions, away, awayFor }] of store.open(now)) {
      const session = this.#make(clientId);
      session.expiry = expiry;
      for (const subscription of subscriptions)
        this.#tree.add(session, { ...subscription, identifier: subscription.identifier });
      session.restore(this.#shelfFor(session, store), away?.underWay, now);
      session.awaySince = now - awayFor;
      this.#away++;
    }
  }

  /**
   * A client connects: its session is taken up. What is kept of messages under way is gone from the disk before `begin` is
   * called, since it would be mistaken for the truth after a crash.
   * @param expiry ms that the session is to outlive the connection
   */
  resume(clientId: string, expiry: number, by: Arrival): void {
    const session = this.#sessions.get(clientId) ?? this.#make(clientId);
    session.expiry = Math.min(expiry, this.#options.expiry);
    const store = this.#store;
    if (!store || (session.expiry === 0 && !session.shelf)) return this.#arrive(session, by);
    try {
      session.shelf ??= this.#shelfFor(session, store);
    } catch (error) {
      by.fail(error);
      return this.#leftEarly(session);
    }
    this.#claims.set(session, by);
    const last = (): boolean => this.#claims.get(session) === by && this.#claims.delete(session);
    store.save(session, false).then(
      () => {
        if (!last() || this.#sessions.get(clientId) !== session) return;
        if (by.closing) this.#leftEarly(session);
        else this.#arrive(session, by);
      },
      (error: unknown) => {
        by.fail(error);
        if (last()) this.#leftEarly(session);
      },
    );
  }

  /**
   * Its connection is gone, the session stays.
   * @param expiry for how many ms
   */
  leave(session: Session, now: number, expiry: number): void {
    session.expiry = Math.min(expiry, this.#options.expiry);
    if (this.#away >= this.#options.maxSessions) {
      this.#log.warn({ client: session.clientId }, `a session is dropped: ${this.#away} are kept already`);
      this.end(session);
      return;
    }
    session.detach(now);
    this.#away++;
    if (session.shelf) void this.#store?.save(session, true).catch(() => undefined);
  }

  end(session: Session): void {
    if (session.awaySince !== undefined) this.#away--;
    session.awaySince = undefined;
    this.#tree.removeAll(session);
    session.end();
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
    if (session.shelf) this.#store?.forget(session.clientId);
  }

  /** Keeps what a session has subscribed to; undefined where nothing is kept of it. */
  save(session: Session): Promise<void> | undefined {
    return session.shelf && this.#store?.save(session, false);
  }

  /** Sends no more of what is on the disk; resolves once what was sent is acknowledged, or `grace` is over. */
  async quiet(now: number): Promise<void> {
    if (!this.#store) return;
    for (const session of this.#sessions.values()) session.hold();
    await new Promise<void>((done) => (this.#quiet = { until: now + this.#options.grace, done }));
  }

  /** Resolves once everything is on the disk that shall be. */
  async close(now: number): Promise<void> {
    this.#quiet?.done();
    this.#store?.keepClock(now);
    await this.#store?.settled();
  }

  /** Finds lagging subscribers, and ends sessions whose clients have been away for too long. */
  sweep(now: number): void {
    for (const filter of this.#tree.findLagging(now))
      this.#log.warn(
        { filter },
        'the members of a shared subscription have no room: publishers no longer wait for it until they have',
      );
    for (const session of this.#sessions.values()) {
      if (session.checkLag(now))
        this.#log.warn(
          { client: session.clientId },
          'a subscriber does not acknowledge in time: publishers no longer wait for it until it has caught up',
        );
      if (session.awaySince !== undefined && now - session.awaySince > session.expiry) this.end(session);
    }
    this.#store?.sweep(now);
    if (this.#quiet && (now >= this.#quiet.until || ![...this.#sessions.values()].some((s) => s.busy)))
      this.#quiet.done();
  }

  #make(clientId: string): Session {
    const session = new Session(clientId, this.#options, this.#dropped);
    this.#sessions.set(clientId, session);
    return session;
  }

  #shelfFor(session: Session, store: SessionStore): Shelf {
    return store.sessionShelf(session.clientId, () => session.pump());
  }

  #arrive(session: Session, by: Arrival): void {
    if (session.awaySince !== undefined) this.#away--;
    by.begin(session);
  }

  /** The connection was closed before it had the session. */
  #leftEarly(session: Session): void {
    if (session.link) return;
    if (session.expiry === 0) this.end(session);
    else if (session.awaySince === undefined) this.leave(session, performance.now(), session.expiry);
    else void this.#store?.save(session, true).catch(() => undefined);
  }
}
