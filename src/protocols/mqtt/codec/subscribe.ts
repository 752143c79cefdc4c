import type { Cursor } from './cursor.ts';
import type { QoS } from './message.ts';
import { Type, type Level } from './packet-types.ts';
import { Property, readProperties } from './properties.ts';
import { Reason } from './reasons.ts';
import { checkFilter } from './topics.ts';
import { malformed, protocolError, Violation } from './violation.ts';

/** One subscription of a client (MQTT 5 §3.8.3.1). */
export interface Subscription {
  readonly filter: string;
  readonly qos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: 0 | 1 | 2;
  readonly identifier: number | undefined;
}

const subscribeProperties: ReadonlySet<number> = new Set([Property.subscriptionIdentifier, Property.user]);
const unsubscribeProperties: ReadonlySet<number> = new Set([Property.user]);

/**
 * A SUBSCRIBE: its packet identifier, and what is to be subscribed to.
 * @param most how many filters one packet may have
 * @throws Violation
 */
export function readSubscribe(
  cursor: Cursor,
  level: Level,
  most: number,
): { id: number; subscriptions: Subscription[] } {
  const id = readId(cursor);
  const identifier =
    level === 5
      ? readProperties(cursor, subscribeProperties).number(Property.subscriptionIdentifier)
      : undefined;
  const subscriptions: Subscription[] = [];
  while (cursor.left > 0) {
    const filter = readFilter(cursor, subscriptions.length, most);
    const options = cursor.u8();
    checkOptions(options, level, filter);
    subscriptions.push({
      filter,
      qos: (options & 0x03) as QoS,
      noLocal: (options & 0x04) !== 0,
      retainAsPublished: (options & 0x08) !== 0,
      retainHandling: (level === 5 ? (options >> 4) & 3 : 0) as 0 | 1 | 2,
      identifier,
    });
  }
  if (subscriptions.length === 0) throw protocolError('a SUBSCRIBE without topic filters'); // [MQTT-3.8.3-2]
  return { id, subscriptions };
}

/**
 * An UNSUBSCRIBE: its packet identifier and its filters.
 * @param most how many filters one packet may have
 * @throws Violation
 */
export function readUnsubscribe(
  cursor: Cursor,
  level: Level,
  most: number,
): { id: number; filters: string[] } {
  const id = readId(cursor);
  if (level === 5) readProperties(cursor, unsubscribeProperties);
  const filters: string[] = [];
  while (cursor.left > 0) filters.push(readFilter(cursor, filters.length, most));
  if (filters.length === 0) throw protocolError('an UNSUBSCRIBE without topic filters'); // [MQTT-3.10.3-2]
  return { id, filters };
}

/** A SUBACK or UNSUBACK; MQTT 3 has no reason codes in the latter. */
export function encodeFiltersAck(
  type: typeof Type.suback | typeof Type.unsuback,
  id: number,
  level: Level,
  codes: readonly number[],
): Buffer {
  const properties = level === 5 ? [0] : [];
  const reasons = level < 5 && type === Type.unsuback ? [] : codes;
  const body = Buffer.from([id >> 8, id & 0xff, ...properties, ...reasons]);
  const length: number[] = [];
  for (let rest = body.length; length.length === 0 || rest > 0; rest >>>= 7)
    length.push((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
  return Buffer.concat([Buffer.from([type, ...length]), body]);
}

/** The parts of `$share/name/filter` (MQTT 5 §4.8.2), valid by `checkFilter`; undefined for other filters. */
export function shareOf(filter: string): { readonly name: string; readonly filter: string } | undefined {
  if (!filter.startsWith('$share/')) return undefined;
  const end = filter.indexOf('/', 7);
  return { name: filter.slice(7, end), filter: filter.slice(end + 1) };
}

function readId(cursor: Cursor): number {
  const id = cursor.u16();
  if (id === 0) throw protocolError('a packet identifier of 0'); // [MQTT-2.2.1-3]
  return id;
}

function readFilter(cursor: Cursor, count: number, most: number): string {
  if (count === most)
    throw new Violation(Reason.quotaExceeded, `more than ${most} topic filters in one packet`);
  const filter = cursor.name();
  checkFilter(filter);
  return filter;
}

function checkOptions(options: number, level: Level, filter: string): void {
  if ((options & 0x03) === 3) throw malformed('a subscription with QoS 3'); // [MQTT-3.8.3-4] of 3.1.1
  if (options & (level === 5 ? 0xc0 : 0xfc)) throw malformed('reserved bits of a subscription are set'); // [MQTT-3.8.3-5]
  if (level < 5) return;
  if ((options & 0x30) === 0x30) throw protocolError('retain handling 3'); // MQTT 5 §3.8.3.1
  if (options & 0x04 && filter.startsWith('$share/'))
    throw protocolError('no-local on a shared subscription'); // [MQTT-3.8.3-4]
}
