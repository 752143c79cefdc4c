import type { Cursor } from './cursor.ts';
import type { Level } from './packet-types.ts';
import { Property, readProperties } from './properties.ts';
import { Reason } from './reasons.ts';
import { checkFilter } from './topics.ts';
import { malformed, protocolError, Violation } from './violation.ts';

const subscribeProperties: ReadonlySet<number> = new Set([Property.subscriptionIdentifier, Property.user]);
const unsubscribeProperties: ReadonlySet<number> = new Set([Property.user]);

/**
 * Checks a SUBSCRIBE or UNSUBSCRIBE and returns its filters.
 * @param most how many filters one packet may have
 * @throws Violation
 */
export function readFilters(
  cursor: Cursor,
  level: Level,
  kind: 'subscribe' | 'unsubscribe',
  most: number,
): string[] {
  if (cursor.u16() === 0) throw protocolError('a packet identifier of 0'); // [MQTT-2.2.1-3]
  if (level === 5) readProperties(cursor, kind === 'subscribe' ? subscribeProperties : unsubscribeProperties);
  const filters: string[] = [];
  while (cursor.left > 0) {
    if (filters.length === most)
      throw new Violation(Reason.quotaExceeded, `more than ${most} topic filters in one packet`);
    const filter = cursor.name();
    checkFilter(filter);
    if (kind === 'subscribe') checkOptions(cursor.u8(), level, filter);
    filters.push(filter);
  }
  if (filters.length === 0) throw protocolError('a packet without topic filters'); // [MQTT-3.8.3-2], [MQTT-3.10.3-2]
  // aedes gathers several filters in an object by name, where this one name would change the object itself
  if (filters.length > 1 && filters.includes('__proto__'))
    throw new Violation(Reason.implementation, 'the filter __proto__ must be subscribed to alone');
  return filters;
}

function checkOptions(options: number, level: Level, filter: string): void {
  if ((options & 0x03) === 3) throw malformed('a subscription with QoS 3'); // [MQTT-3.8.3-4] of 3.1.1
  if (options & (level === 5 ? 0xc0 : 0xfc)) throw malformed('reserved bits of a subscription are set'); // [MQTT-3.8.3-5]
  if (level < 5) return;
  if ((options & 0x30) === 0x30) throw protocolError('retain handling 3'); // MQTT 5 §3.8.3.1
  if (options & 0x04 && filter.startsWith('$share/'))
    throw protocolError('no-local on a shared subscription'); // [MQTT-3.8.3-4]
}
