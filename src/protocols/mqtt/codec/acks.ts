import type { Cursor } from './cursor.ts';
import { Type, type Level } from './packet-types.ts';
import { Property, readProperties } from './properties.ts';
import { Reason } from './reasons.ts';
import { malformed, protocolError } from './violation.ts';

const ackProperties: ReadonlySet<number> = new Set([Property.reasonString, Property.user]);
const disconnectProperties: ReadonlySet<number> = new Set([...ackProperties, Property.sessionExpiry]);

const publishReasons: ReadonlySet<number> = new Set([0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99]);
const releaseReasons: ReadonlySet<number> = new Set([0, 0x92]);
const disconnectReasons: ReadonlySet<number> = new Set([
  0, 0x04, 0x80, 0x81, 0x82, 0x83, 0x90, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99,
]);

/** A PUBACK, PUBREC, PUBREL or PUBCOMP. */
export interface Ack {
  readonly id: number;
  readonly reason: number;
}

/** @throws Violation */
export function readAck(type: number, cursor: Cursor, level: Level): Ack {
  const id = cursor.u16();
  if (id === 0) throw protocolError('a packet identifier of 0'); // [MQTT-2.2.1-3]
  let reason = 0;
  if (level === 5 && cursor.left > 0) {
    reason = cursor.u8();
    const known = type === Type.puback || type === Type.pubrec ? publishReasons : releaseReasons;
    if (!known.has(reason)) throw protocolError(`reason code ${reason} is not for this packet`); // [MQTT-3.4.2-1] ff.
    if (cursor.left > 0) readProperties(cursor, ackProperties);
  }
  cursor.finish();
  return { id, reason };
}

/**
 * Reads a DISCONNECT of a client.
 * @param sessionExpiry what its CONNECT said, in seconds
 * @returns what holds now
 * @throws Violation
 */
export function readDisconnect(cursor: Cursor, level: Level, sessionExpiry: number): number {
  let expiry = sessionExpiry;
  if (level === 5 && cursor.left > 0) {
    const reason = cursor.u8();
    if (!disconnectReasons.has(reason))
      throw protocolError(`reason code ${reason} is not for a client's DISCONNECT`); // [MQTT-3.14.2-1]
    if (cursor.left > 0) {
      expiry = readProperties(cursor, disconnectProperties).number(Property.sessionExpiry) ?? expiry;
      if (expiry > 0 && sessionExpiry === 0)
        throw protocolError('a session that ends cannot be made to last'); // MQTT 5 §3.14.2.2.2
    }
  }
  cursor.finish();
  return expiry;
}

/** An AUTH is legal only in an enhanced authentication, which CONNECT was refused for. */
export function checkAuth(cursor: Cursor): never {
  if (cursor.left > 0) {
    const reason = cursor.u8();
    if (reason !== 0 && reason !== 0x18 && reason !== 0x19) throw malformed('unknown reason code of AUTH');
  }
  throw protocolError('an AUTH without an authentication method'); // [MQTT-4.12.0-6]
}

const textEncoder = new TextEncoder();

/**
 * A PUBACK, PUBREC, PUBREL or PUBCOMP.
 * @param why sent as Reason String, MQTT 5 only; undefined for none
 */
export function encodeAck(type: number, id: number, level: Level, reason: number, why?: string): Buffer {
  const head = type === Type.pubrel ? type | 0x02 : type;
  if (level < 5 || (reason === Reason.success && why === undefined))
    return Buffer.from([head, 2, id >> 8, id & 0xff]);
  if (why === undefined) return Buffer.from([head, 3, id >> 8, id & 0xff, reason]);
  // short enough for one-byte lengths, and cut at a character's end
  const text = Buffer.alloc(100);
  const { written } = textEncoder.encodeInto(why, text);
  const bytes = [
    head,
    2 + 1 + 1 + 3 + written,
    id >> 8,
    id & 0xff,
    reason,
    3 + written,
    Property.reasonString,
    0,
    written,
  ];
  return Buffer.concat([Buffer.from(bytes), text.subarray(0, written)]);
}

/** A server's DISCONNECT, MQTT 5 only (§3.14). */
export const encodeDisconnect = (reason: Reason): Buffer => Buffer.from([Type.disconnect, 1, reason]);

/** A CONNACK that refuses (MQTT 5 §3.2, MQTT 3.1.1 §3.2). */
export const encodeRefusal = (level: Level, code: number): Buffer =>
  level === 5 ? Buffer.from([Type.connack, 3, 0, code, 0]) : Buffer.from([Type.connack, 2, 0, code]);
