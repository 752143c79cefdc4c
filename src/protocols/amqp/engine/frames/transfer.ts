import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';

/** A transfer (§2.7.5), read into one object that is used again: it is the most frequent frame by far. */
export class Transfer {
  handle = 0;
  /** -1: absent */
  deliveryId = -1;
  tag: Buffer | undefined = undefined;
  /** -1: absent */
  messageFormat = -1;
  settled = false;
  more = false;
  resume = false;
  aborted = false;
  /** It belongs to a transaction. */
  transactional = false;

  /** Leaves the cursor at the payload. */
  read(cursor: Cursor): void {
    const outer = cursor.end;
    const count = cursor.enterList();
    const handle = count > 0 ? cursor.uintOr(-1) : -1;
    if (handle < 0) cursor.fail('a transfer without handle');
    this.handle = handle;
    this.deliveryId = count > 1 ? cursor.uintOr(-1) : -1;
    this.tag = count > 2 ? cursor.binaryOr(undefined) : undefined;
    this.messageFormat = count > 3 ? cursor.uintOr(-1) : -1;
    this.settled = count > 4 && cursor.booleanOr(false);
    this.more = count > 5 && cursor.booleanOr(false);
    if (count > 6) cursor.ubyteOr(0); // rcv-settle-mode: we always settle first
    this.transactional = count > 7 && isTransactional(cursor);
    this.resume = count > 8 && cursor.booleanOr(false);
    this.aborted = count > 9 && cursor.booleanOr(false);
    cursor.leave(outer);
  }
}

function isTransactional(cursor: Cursor): boolean {
  if (cursor.isNull()) return false;
  const kind = cursor.descriptor();
  cursor.skip();
  return kind === descriptor.transactionalState;
}

/** The most bytes that `writeTransfer` takes. */
export const maxTransferBytes = 48;

/** Writes a transfer performative; the delivery tag is the delivery-id's four bytes. */
export function writeTransfer(
  writer: Writer,
  handle: number,
  deliveryId: number,
  messageFormat: number,
  settled: boolean,
  more: boolean,
): void {
  writer.ensure(maxTransferBytes);
  write.describe(writer, descriptor.transfer);
  const { buffer } = writer;
  buffer[writer.pos] = code.list8;
  const sizeAt = writer.pos + 1;
  buffer[sizeAt + 1] = 6;
  writer.pos += 3;
  write.uint(writer, handle);
  write.uint(writer, deliveryId);
  buffer[writer.pos++] = code.binary8;
  buffer[writer.pos++] = 4;
  writer.setU32(writer.pos, deliveryId);
  writer.pos += 4;
  write.uint(writer, messageFormat);
  buffer[writer.pos++] = settled ? code.true : code.false;
  buffer[writer.pos++] = more ? code.true : code.false;
  buffer[sizeAt] = writer.pos - sizeAt - 1;
}

/** A frame of a delivery after its first: only what is required. */
export function writeContinuation(writer: Writer, handle: number, settled: boolean, more: boolean): void {
  write.describe(writer, descriptor.transfer);
  const at = write.beginCompound(writer, code.list32);
  write.uint(writer, handle);
  writer.u8(code.null);
  writer.u8(code.null);
  writer.u8(code.null);
  write.boolean(writer, settled);
  write.boolean(writer, more);
  write.endCompound(writer, at, 6, code.list8);
}
