import type { Round } from '../../../broker/topic.ts';
import type { Publication } from '../codec/publication.ts';

/** A shared subscription as its members see it. */
export interface Group {
  readonly empty: boolean;
  /** Whether a member is connected. */
  readonly online: boolean;
  /** A member has room. */
  pump(): void;
  /** A member that goes gives back a message; `pump` is to follow. */
  takeBack(publication: Publication, share: Share, round: Round | undefined, since: number): void;
  /** A member is gone. */
  memberAway(): void;
}

/** Where a message came from that a session has got as a member of a shared subscription, and its place there. */
export interface Share {
  readonly group: Group;
  readonly order: number;
}
