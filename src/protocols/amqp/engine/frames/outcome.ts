import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import { encodeMap } from '../../codec/encode.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { AmqpError, DeliveryOutcome } from '../api.ts';
import { readMap, writeString } from './fields.ts';

export const accepted: DeliveryOutcome = Object.freeze({ state: 'accepted' });
export const released: DeliveryOutcome = Object.freeze({ state: 'released' });
const rejectedPlain: DeliveryOutcome = Object.freeze({ state: 'rejected', error: undefined });

/** An error field (§2.8.14); undefined where it is null. */
export function readError(cursor: Cursor): AmqpError | undefined {
  if (cursor.isNull()) return undefined;
  if (cursor.descriptor() !== descriptor.error) cursor.fail('an error was expected');
  const outer = cursor.end;
  const count = cursor.enterList();
  const condition =
    (count > 0 ? cursor.symbolOr(undefined) : undefined) ?? cursor.fail('an error without condition');
  const description = count > 1 ? cursor.stringOr(undefined) : undefined;
  const info = count > 2 ? readMap(cursor) : undefined;
  cursor.leave(outer);
  return { condition, description, info };
}

export function writeError(writer: Writer, error: AmqpError | undefined): void {
  if (!error) return writer.u8(code.null);
  write.describe(writer, descriptor.error);
  const at = write.beginCompound(writer, code.list32);
  write.symbol(writer, error.condition);
  writeString(writer, error.description);
  if (error.info) encodeMap(writer, error.info);
  write.endCompound(writer, at, error.info ? 3 : 2, code.list8);
}

/**
 * A delivery state: its outcome, or undefined where it is none (null, received, declared …: the delivery goes on).
 * A transactional state is its outcome too: no transaction is ever declared here.
 */
export function readOutcome(cursor: Cursor): DeliveryOutcome | undefined {
  if (cursor.isNull()) return undefined;
  const kind = cursor.descriptor();
  const outer = cursor.end;
  switch (kind) {
    case descriptor.accepted:
      cursor.skip();
      return accepted;
    case descriptor.released:
      cursor.skip();
      return released;
    case descriptor.rejected: {
      const error = cursor.enterList() > 0 ? readError(cursor) : undefined;
      cursor.leave(outer);
      return error ? { state: 'rejected', error } : rejectedPlain;
    }
    case descriptor.modified: {
      const count = cursor.enterList();
      const deliveryFailed = count > 0 && cursor.booleanOr(false);
      const undeliverableHere = count > 1 && cursor.booleanOr(false);
      const messageAnnotations = count > 2 ? readMap(cursor) : undefined;
      cursor.leave(outer);
      return { state: 'modified', deliveryFailed, undeliverableHere, messageAnnotations };
    }
    default:
      cursor.skip();
      return undefined;
  }
}

export function writeOutcome(writer: Writer, outcome: DeliveryOutcome): void {
  switch (outcome.state) {
    case 'accepted':
      write.describe(writer, descriptor.accepted);
      return writer.u8(code.list0);
    case 'released':
      write.describe(writer, descriptor.released);
      return writer.u8(code.list0);
    case 'rejected': {
      write.describe(writer, descriptor.rejected);
      if (!outcome.error) return writer.u8(code.list0);
      const at = write.beginCompound(writer, code.list32);
      writeError(writer, outcome.error);
      return write.endCompound(writer, at, 1, code.list8);
    }
    case 'modified': {
      write.describe(writer, descriptor.modified);
      const at = write.beginCompound(writer, code.list32);
      write.boolean(writer, outcome.deliveryFailed);
      write.boolean(writer, outcome.undeliverableHere);
      if (outcome.messageAnnotations) encodeMap(writer, outcome.messageAnnotations);
      return write.endCompound(writer, at, outcome.messageAnnotations ? 3 : 2, code.list8);
    }
  }
}
