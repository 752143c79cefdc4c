import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { DeliveryOutcome } from '../api.ts';
import { readOutcome, writeOutcome } from './outcome.ts';

/** A disposition (§2.7.6), read into one object that is used again. */
export class Disposition {
  /** true: the peer is the receiver of these deliveries. */
  receiver = false;
  first = 0;
  last = 0;
  settled = false;
  outcome: DeliveryOutcome | undefined = undefined;

  read(cursor: Cursor): void {
    const outer = cursor.end;
    const count = cursor.enterList();
    if (count < 2) cursor.fail('a disposition without role or first');
    this.receiver = cursor.booleanOr(false);
    const first = cursor.uintOr(-1);
    if (first < 0) cursor.fail('a disposition without first');
    this.first = first;
    this.last = count > 2 ? cursor.uintOr(first) : first;
    this.settled = count > 3 && cursor.booleanOr(false);
    this.outcome = count > 4 ? readOutcome(cursor) : undefined;
    cursor.leave(outer);
  }
}

/** Writes a disposition that settles. */
export function writeDisposition(
  writer: Writer,
  receiver: boolean,
  first: number,
  last: number,
  outcome: DeliveryOutcome,
): void {
  write.describe(writer, descriptor.disposition);
  const at = write.beginCompound(writer, code.list32);
  write.boolean(writer, receiver);
  write.uint(writer, first);
  if (last === first) writer.u8(code.null);
  else write.uint(writer, last);
  write.boolean(writer, true);
  writeOutcome(writer, outcome);
  write.endCompound(writer, at, 5, code.list8);
}
