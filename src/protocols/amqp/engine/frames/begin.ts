import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { SessionWindows } from './flow.ts';

/** What we use of the peer's begin (§2.7.2). */
export interface PeerBegin {
  /** -1: it begins a session; otherwise it answers a begin of ours. */
  readonly remoteChannel: number;
  readonly nextOutgoingId: number;
  readonly incomingWindow: number;
  readonly handleMax: number;
}

export function readBegin(cursor: Cursor): PeerBegin {
  const outer = cursor.end;
  const count = cursor.enterList();
  if (count < 4) cursor.fail('a begin without its windows');
  const remoteChannel = cursor.ushortOr(-1);
  const nextOutgoingId = cursor.uintOr(-1);
  const incomingWindow = cursor.uintOr(-1);
  const outgoingWindow = cursor.uintOr(-1);
  if (nextOutgoingId < 0 || incomingWindow < 0 || outgoingWindow < 0)
    cursor.fail('a begin without its windows');
  const handleMax = count > 4 ? cursor.uintOr(0xffff_ffff) : 0xffff_ffff;
  cursor.leave(outer);
  return { remoteChannel, nextOutgoingId, incomingWindow, handleMax };
}

/** @param remoteChannel of the begin that this one answers; -1: it begins a session */
export function writeBegin(
  writer: Writer,
  remoteChannel: number,
  windows: SessionWindows,
  handleMax: number,
): void {
  write.describe(writer, descriptor.begin);
  const at = write.beginCompound(writer, code.list32);
  if (remoteChannel < 0) writer.u8(code.null);
  else write.ushort(writer, remoteChannel);
  write.uint(writer, windows.nextOutgoingId);
  write.uint(writer, windows.incomingWindow);
  write.uint(writer, windows.outgoingWindow);
  write.uint(writer, handleMax);
  write.endCompound(writer, at, 5, code.list8);
}
