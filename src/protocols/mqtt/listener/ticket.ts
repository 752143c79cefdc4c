import type { Publication } from '../codec/publication.ts';
import type { Grant } from './grant.ts';
import type { Share } from './share.ts';
import type { Held } from './shelf.ts';

/** One message for one client, from the publish until it is acknowledged. */
export interface Ticket extends Held {
  readonly grant: Grant;
  /** When it came into memory, ms of the monotonic clock. */
  readonly since: number;
  /** The shared subscription it came by. */
  readonly share: Share | undefined;
  /** Packet identifier; 0 until it is sent. */
  id: number;
  /** PUBREC has come: what is to be sent again is the PUBREL. */
  released: boolean;
}

/** @param sequence its place in the session's shelf; 0 where there is none */
export const newTicket = (
  publication: Publication,
  grant: Grant,
  since: number,
  share: Share | undefined,
  sequence: number,
): Ticket => ({
  publication,
  grant,
  since,
  round: undefined,
  share,
  id: 0,
  released: false,
  sequence,
  place: undefined,
  keeping: false,
  done: false,
});
