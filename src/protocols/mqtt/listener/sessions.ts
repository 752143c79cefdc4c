import type { Log } from '../../../core/protocol.ts';
import { Session, type Dropped, type SessionLimits } from './session.ts';
import type { TopicTree } from './topic-tree.ts';

export interface SessionsOptions extends SessionLimits {
  /** Sessions kept for clients that are away. */
  readonly maxSessions: number;
  /** Ms that a session outlives its connection at most. */
  readonly expiry: number;
}

/** The sessions of a listener's clients, connected or away. */
export class Sessions {
  readonly #dropped: Dropped;
  readonly #options: SessionsOptions;
  readonly #tree: TopicTree;
  readonly #log: Log;
  readonly #sessions = new Map<string, Session>();
  #away = 0;

  constructor(options: SessionsOptions, tree: TopicTree, dropped: Dropped, log: Log) {
    this.#options = options;
    this.#tree = tree;
    this.#dropped = dropped;
    this.#log = log;
  }

  get(clientId: string): Session | undefined {
    return this.#sessions.get(clientId);
  }

  /** The session of a client that connects. */
  resume(clientId: string): Session {
    let session = this.#sessions.get(clientId);
    if (!session) {
      session = new Session(clientId, this.#options, this.#dropped);
      this.#sessions.set(clientId, session);
    } else if (session.awaySince !== undefined) {
      this.#away--;
    }
    return session;
  }

  /** Its connection is gone, the session stays. */
  leave(session: Session, now: number): void {
    if (this.#away >= this.#options.maxSessions) {
      this.#log.warn({ client: session.clientId }, `a session is dropped: ${this.#away} are kept already`);
      this.end(session);
      return;
    }
    session.detach(now);
    this.#away++;
  }

  end(session: Session): void {
    if (session.awaySince !== undefined) this.#away--;
    session.awaySince = undefined;
    this.#tree.removeAll(session);
    session.end();
    if (this.#sessions.get(session.clientId) === session) this.#sessions.delete(session.clientId);
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
      if (session.awaySince !== undefined && now - session.awaySince > this.#options.expiry)
        this.end(session);
    }
  }
}
