import type { KeptMessage, KeptQueue } from '../core/storage.ts';
import type { Held, Member } from './members.ts';
import { isMeant } from './selection.ts';

/** How much is read from the disk at a time. */
export const batch = { messages: 256, bytes: 1 << 20 } as const;

/** Where a search leads. */
export interface Range {
  /** All up to this place is in memory. */
  readonly readTo: number;
  /** The last place on the disk. */
  readonly end: number;
}

/**
 * Looks on the disk for messages that members with a condition take, one batch of it: behind what is in memory, each
 * message once for each member, so that a queue full of what others want costs them no more than one reading of it.
 * @param admit takes a message into memory; false where there is no room
 * @returns whether there is `more` to look at, now that something was `found` or nothing was
 */
export function search<Entry extends Held>(
  kept: KeptQueue,
  members: Iterable<Member<Entry>>,
  { readTo, end }: Range,
  admit: (found: KeptMessage) => boolean,
): 'found' | 'more' | 'over' {
  let after = end;
  let group: Member<Entry>[] = [];
  for (const member of members) {
    if (!member.condition || member.consumer.credit() <= 0) continue;
    const at = Math.max(readTo, member.searched);
    if (at < after) group = [];
    if (at > after || at >= end) continue;
    after = at;
    group.push(member);
  }
  if (group.length === 0) return 'over';
  let room = group.reduce((sum, { consumer }) => sum + consumer.credit(), 0);
  const messages = kept.read(after, batch.messages, batch.bytes);
  let to = messages.length === 0 ? end : after;
  let found = false;
  for (const each of messages) {
    if (each.sequence > end) {
      to = end;
      break;
    }
    if (group.some(({ condition }) => isMeant(condition!, each.message))) {
      if (room-- === 0 || !admit(each)) break;
      found = true;
    }
    to = each.sequence;
  }
  for (const member of group) member.searched = to;
  return found ? 'found' : to === after ? 'over' : 'more';
}
