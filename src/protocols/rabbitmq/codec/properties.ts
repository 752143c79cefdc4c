import { isUtf8 } from 'node:buffer';
import { Reader } from './reader.ts';
import { readTable, writeTable, type Table } from './table.ts';
import type { Writer } from './writer.ts';

/** The properties of a message (AMQP 0-9-1 §1.8.3 of the reference: basic class). Strings hold 255 bytes at most. */
export interface Properties {
  contentType?: string | undefined;
  contentEncoding?: string | undefined;
  headers?: Table | undefined;
  /** 2 is persistent. */
  deliveryMode?: number | undefined;
  priority?: number | undefined;
  /** Bytes only where it is not UTF-8. */
  correlationId?: string | Buffer | undefined;
  replyTo?: string | undefined;
  /** Time to live in ms, as text. */
  expiration?: string | undefined;
  /** Bytes only where it is not UTF-8. */
  messageId?: string | Buffer | undefined;
  /** Seconds since the epoch. */
  timestamp?: bigint | undefined;
  type?: string | undefined;
  userId?: string | undefined;
  appId?: string | undefined;
  clusterId?: string | undefined;
}

/** Their bits, from the first to the last. */
const bit = {
  contentType: 1 << 15,
  contentEncoding: 1 << 14,
  headers: 1 << 13,
  deliveryMode: 1 << 12,
  priority: 1 << 11,
  correlationId: 1 << 10,
  replyTo: 1 << 9,
  expiration: 1 << 8,
  messageId: 1 << 7,
  timestamp: 1 << 6,
  type: 1 << 5,
  userId: 1 << 4,
  appId: 1 << 3,
  clusterId: 1 << 2,
} as const satisfies Record<keyof Properties, number>;

/**
 * The flags and values of a content header (§4.2.6.1).
 * @throws Malformed, RangeError
 */
export function readProperties(bytes: Buffer): Properties {
  const reader = new Reader(bytes);
  const flags = reader.short();
  const has = (mask: number): boolean => (flags & mask) !== 0;
  return {
    contentType: has(bit.contentType) ? reader.shortString() : undefined,
    contentEncoding: has(bit.contentEncoding) ? reader.shortString() : undefined,
    headers: has(bit.headers) ? readTable(reader) : undefined,
    deliveryMode: has(bit.deliveryMode) ? reader.octet() : undefined,
    priority: has(bit.priority) ? reader.octet() : undefined,
    correlationId: has(bit.correlationId) ? identifier(reader) : undefined,
    replyTo: has(bit.replyTo) ? reader.shortString() : undefined,
    expiration: has(bit.expiration) ? reader.shortString() : undefined,
    messageId: has(bit.messageId) ? identifier(reader) : undefined,
    timestamp: has(bit.timestamp) ? reader.longlong() : undefined,
    type: has(bit.type) ? reader.shortString() : undefined,
    userId: has(bit.userId) ? reader.shortString() : undefined,
    appId: has(bit.appId) ? reader.shortString() : undefined,
    clusterId: has(bit.clusterId) ? reader.shortString() : undefined,
  };
}

function identifier(reader: Reader): string | Buffer {
  const bytes = reader.shortBytes();
  return isUtf8(bytes) ? bytes.toString('utf8') : Buffer.from(bytes);
}

/** @throws RangeError where a string is longer than 255 bytes */
export function writeProperties(writer: Writer, properties: Properties): void {
  let flags = 0;
  for (const name in bit)
    if (properties[name as keyof Properties] !== undefined) flags |= bit[name as keyof Properties];
  writer.short(flags);
  const text = (value: string | undefined): void => {
    if (value !== undefined) writer.shortString(value);
  };
  const id = (value: string | Buffer | undefined): void => {
    if (typeof value !== 'object') return text(value);
    if (value.length > 255) throw new RangeError('an identifier is longer than 255 bytes');
    writer.octet(value.length);
    writer.raw(value);
  };
  text(properties.contentType);
  text(properties.contentEncoding);
  if (properties.headers !== undefined) writeTable(writer, properties.headers);
  if (properties.deliveryMode !== undefined) writer.octet(properties.deliveryMode);
  if (properties.priority !== undefined) writer.octet(properties.priority);
  id(properties.correlationId);
  text(properties.replyTo);
  text(properties.expiration);
  id(properties.messageId);
  if (properties.timestamp !== undefined) writer.longlong(properties.timestamp);
  text(properties.type);
  text(properties.userId);
  text(properties.appId);
  text(properties.clusterId);
}
