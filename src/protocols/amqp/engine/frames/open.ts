import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import { encodeMap } from '../../codec/encode.ts';
import type { AmqpMap } from '../../codec/types.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { PeerOpen } from '../api.ts';
import { readMap, readSymbols, writeString, writeSymbols } from './fields.ts';

/** An open (§2.7.1). */
export function readOpen(cursor: Cursor): PeerOpen {
  const outer = cursor.end;
  const count = cursor.enterList();
  const containerId =
    (count > 0 ? cursor.stringOr(undefined) : undefined) ?? cursor.fail('open without container-id');
  const hostname = count > 1 ? cursor.stringOr(undefined) : undefined;
  const maxFrameSize = count > 2 ? cursor.uintOr(0xffff_ffff) : 0xffff_ffff;
  const channelMax = count > 3 ? cursor.ushortOr(0xffff) : 0xffff;
  const idleTimeout = count > 4 ? cursor.uintOr(0) : 0;
  if (count > 5) cursor.skip();
  if (count > 6) cursor.skip();
  const offeredCapabilities = count > 7 ? readSymbols(cursor) : [];
  const desiredCapabilities = count > 8 ? readSymbols(cursor) : [];
  const properties = count > 9 ? readMap(cursor) : undefined;
  cursor.leave(outer);
  return {
    containerId,
    hostname,
    maxFrameSize,
    channelMax,
    idleTimeout,
    offeredCapabilities,
    desiredCapabilities,
    properties,
  };
}

export interface OurOpen {
  readonly containerId: string;
  readonly hostname: string | undefined;
  readonly maxFrameSize: number;
  readonly channelMax: number;
  /** In ms; 0 is not sent. */
  readonly idleTimeout: number;
  readonly offeredCapabilities: readonly string[];
  readonly properties: AmqpMap | undefined;
}

export function writeOpen(writer: Writer, open: OurOpen): void {
  write.describe(writer, descriptor.open);
  const at = write.beginCompound(writer, code.list32);
  write.string(writer, open.containerId);
  writeString(writer, open.hostname);
  write.uint(writer, open.maxFrameSize);
  write.ushort(writer, open.channelMax);
  if (open.idleTimeout > 0) write.uint(writer, open.idleTimeout);
  else writer.u8(code.null);
  writer.u8(code.null);
  writer.u8(code.null);
  writeSymbols(writer, open.offeredCapabilities);
  writer.u8(code.null);
  if (open.properties) encodeMap(writer, open.properties);
  else writer.u8(code.null);
  write.endCompound(writer, at, 10, code.list8);
}
