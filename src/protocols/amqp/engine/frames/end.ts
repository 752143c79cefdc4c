import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { AmqpError } from '../api.ts';
import { readError, writeError } from './outcome.ts';

/** The error of an end (§2.7.8) or close (§2.7.9), if it has one. */
export function readEnd(cursor: Cursor): AmqpError | undefined {
  const outer = cursor.end;
  const error = cursor.enterList() > 0 ? readError(cursor) : undefined;
  cursor.leave(outer);
  return error;
}

export function writeEnd(
  writer: Writer,
  kind: typeof descriptor.end | typeof descriptor.close,
  error: AmqpError | undefined,
): void {
  write.describe(writer, kind);
  if (!error) return writer.u8(code.list0);
  const at = write.beginCompound(writer, code.list32);
  writeError(writer, error);
  write.endCompound(writer, at, 1, code.list8);
}

/** A detach (§2.7.7). */
export interface PeerDetach {
  readonly handle: number;
  readonly closed: boolean;
  readonly error: AmqpError | undefined;
}

export function readDetach(cursor: Cursor): PeerDetach {
  const outer = cursor.end;
  const count = cursor.enterList();
  const handle = count > 0 ? cursor.uintOr(-1) : -1;
  if (handle < 0) cursor.fail('a detach without handle');
  const closed = count > 1 && cursor.booleanOr(false);
  const error = count > 2 ? readError(cursor) : undefined;
  cursor.leave(outer);
  return { handle, closed, error };
}

export function writeDetach(
  writer: Writer,
  handle: number,
  closed: boolean,
  error: AmqpError | undefined,
): void {
  write.describe(writer, descriptor.detach);
  const at = write.beginCompound(writer, code.list32);
  write.uint(writer, handle);
  write.boolean(writer, closed);
  writeError(writer, error);
  write.endCompound(writer, at, 3, code.list8);
}
