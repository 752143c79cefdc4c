import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';

/** A flow (§2.7.4), read into one object that is used again. Absent numbers are -1. */
export class Flow {
  nextIncomingId = -1;
  incomingWindow = 0;
  nextOutgoingId = 0;
  outgoingWindow = 0;
  handle = -1;
  deliveryCount = -1;
  linkCredit = -1;
  available = -1;
  drain = false;
  echo = false;

  read(cursor: Cursor): void {
    const outer = cursor.end;
    const count = cursor.enterList();
    this.nextIncomingId = count > 0 ? cursor.uintOr(-1) : -1;
    this.incomingWindow = count > 1 ? cursor.uintOr(-1) : -1;
    this.nextOutgoingId = count > 2 ? cursor.uintOr(-1) : -1;
    this.outgoingWindow = count > 3 ? cursor.uintOr(-1) : -1;
    if (this.incomingWindow < 0 || this.nextOutgoingId < 0 || this.outgoingWindow < 0)
      cursor.fail('a flow without its session fields');
    this.handle = count > 4 ? cursor.uintOr(-1) : -1;
    this.deliveryCount = count > 5 ? cursor.uintOr(-1) : -1;
    this.linkCredit = count > 6 ? cursor.uintOr(-1) : -1;
    this.available = count > 7 ? cursor.uintOr(-1) : -1;
    this.drain = count > 8 && cursor.booleanOr(false);
    this.echo = count > 9 && cursor.booleanOr(false);
    cursor.leave(outer);
  }
}

export interface SessionWindows {
  readonly nextIncomingId: number;
  readonly incomingWindow: number;
  readonly nextOutgoingId: number;
  readonly outgoingWindow: number;
}

export interface LinkFlow {
  readonly handle: number;
  readonly deliveryCount: number;
  readonly credit: number;
  readonly draining: boolean;
}

export function writeFlow(writer: Writer, session: SessionWindows, link: LinkFlow | undefined): void {
  write.describe(writer, descriptor.flow);
  const at = write.beginCompound(writer, code.list32);
  write.uint(writer, session.nextIncomingId);
  write.uint(writer, session.incomingWindow);
  write.uint(writer, session.nextOutgoingId);
  write.uint(writer, session.outgoingWindow);
  if (link) {
    write.uint(writer, link.handle);
    write.uint(writer, link.deliveryCount);
    write.uint(writer, link.credit);
    write.uint(writer, 0);
    write.boolean(writer, link.draining);
  }
  write.endCompound(writer, at, link ? 9 : 4, code.list8);
}
