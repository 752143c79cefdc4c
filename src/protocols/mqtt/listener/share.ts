import type { Round } from '../../../broker/topic.ts';
import type { Publication } from '../codec/publication.ts';
import type { Held } from './shelf.ts';

/** A message for one member of a shared subscription, from the publish until that member has it. */
export interface Waiting extends Held {
  /** Its publisher, whose own message it is. */
  readonly from: object | undefined;
  /** Ms of the monotonic clock. */
  readonly since: number;
  readonly order: number;
}

/** A shared subscription as its members see it. */
export interface Group {
  readonly empty: boolean;
  /** Whether a member is connected. */
  readonly online: boolean;
  /** A member has room. */
  pump(): void;
  /** A member that goes gives back a message, with who waits for it; `pump` is to follow. */
  takeBack(publication: Publication, share: Share, round: Round | undefined): void;
  /** A member's message is settled, or on the disk among the member's own: it is not kept here any more. */
  forget(share: Share): void;
  /** A member is gone. */
  memberAway(): void;
}

/** Where a message came from that a session has got as a member of a shared subscription. */
export interface Share {
  readonly group: Group;
  readonly entry: Waiting;
}
