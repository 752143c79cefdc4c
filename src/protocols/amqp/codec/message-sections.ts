import { Uuid, type Header, type HeaderValue, type Identifier } from '../../../core/envelope.ts';
import { code } from './codes.ts';
import type { Cursor } from './cursor.ts';
import { decodeValue } from './decode.ts';
import { Typed, type MessageHeader, type MessageProperties } from './types.ts';

/** The header section (§3.2.1). */
export function readHeader(cursor: Cursor): MessageHeader {
  const outer = cursor.end;
  const count = cursor.enterList();
  const durable = count > 0 && cursor.booleanOr(false);
  const priority = count > 1 ? cursor.ubyteOr(4) : 4;
  const ttl = count > 2 ? cursor.uintOr(-1) : -1;
  const firstAcquirer = count > 3 && cursor.booleanOr(false);
  const deliveryCount = count > 4 ? cursor.uintOr(0) : 0;
  cursor.leave(outer);
  return { durable, priority, ttl: ttl < 0 ? undefined : ttl, firstAcquirer, deliveryCount };
}

/** The properties section (§3.2.4); all undefined where there is none. */
export function readProperties(cursor: Cursor | undefined): MessageProperties {
  const count = cursor ? cursor.enterList() : 0;
  const c = cursor!;
  // Written out rather than looped, so that every message has one shape and each field its own type.
  return {
    messageId: count > 0 ? identifier(c) : undefined,
    userId: count > 1 ? c.binaryOr(undefined) : undefined,
    to: count > 2 ? address(c) : undefined,
    subject: count > 3 ? c.stringOr(undefined) : undefined,
    replyTo: count > 4 ? address(c) : undefined,
    correlationId: count > 5 ? identifier(c) : undefined,
    contentType: count > 6 ? c.symbolOr(undefined) : undefined,
    contentEncoding: count > 7 ? c.symbolOr(undefined) : undefined,
    absoluteExpiryTime: count > 8 ? c.timestampOr(undefined) : undefined,
    creationTime: count > 9 ? c.timestampOr(undefined) : undefined,
    groupId: count > 10 ? c.stringOr(undefined) : undefined,
    groupSequence: count > 11 ? optionalUint(c) : undefined,
    replyToGroupId: count > 12 ? c.stringOr(undefined) : undefined,
  };
}

/** An address may be of any type (§3.2.4), but only strings can be resolved here; others are refused as malformed. */
const address = (cursor: Cursor): string | undefined => cursor.stringOr(undefined);

function optionalUint(cursor: Cursor): number | undefined {
  const value = cursor.uintOr(-1);
  return value < 0 ? undefined : value;
}

function identifier(cursor: Cursor): Identifier | undefined {
  const format = cursor.u8();
  switch (format) {
    case code.null:
      return undefined;
    case code.string8:
      return cursor.utf8(cursor.u8());
    case code.string32:
      return cursor.utf8(cursor.u32());
    case code.ulong0:
      return 0n;
    case code.smallUlong:
      return BigInt(cursor.u8());
    case code.ulong:
      return cursor.u64();
    case code.uuid:
      return cursor.uuid();
    case code.binary8:
      return new Uint8Array(cursor.bytes(cursor.u8()));
    case code.binary32:
      return new Uint8Array(cursor.bytes(cursor.u32()));
    default:
      return cursor.fail(`an identifier cannot have format code 0x${format.toString(16)}`);
  }
}

/** The application properties (§3.2.5), in their order; repeated names are kept. */
export function readApplicationProperties(cursor: Cursor): readonly Header[] {
  if (cursor.isNull()) return [];
  const outer = cursor.end;
  const count = cursor.enterMap();
  const headers: Header[] = [];
  for (let i = 0; i < count; i += 2) {
    const name = cursor.stringOr(undefined) ?? cursor.fail('a property without name');
    headers.push(property(cursor, name));
  }
  cursor.leave(outer);
  return headers;
}

function property(cursor: Cursor, name: string): Header {
  const format = cursor.buffer[cursor.pos];
  // Nearly all are strings; the rest may take the general way.
  if (format === code.string8) return [name, cursor.stringOr('')];
  const value = decodeValue(cursor);
  if (value instanceof Typed) return [name, value.value, value.type];
  if (value !== null && typeof value === 'object' && !isSimple(value))
    cursor.fail(`property "${name.slice(0, 100)}" is not of a simple type`);
  return [name, value as HeaderValue];
}

const isSimple = (value: object): boolean => value instanceof Uint8Array || value instanceof Uuid;
