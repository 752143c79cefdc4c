import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import { writeSymbols } from './fields.ts';

/** sasl-init (§5.3.3.2). */
export interface SaslInit {
  readonly mechanism: string;
  readonly response: Buffer | undefined;
  readonly hostname: string | undefined;
}

export function readSaslInit(cursor: Cursor): SaslInit {
  const outer = cursor.end;
  const count = cursor.enterList();
  const mechanism =
    (count > 0 ? cursor.symbolOr(undefined) : undefined) ?? cursor.fail('sasl-init without mechanism');
  const response = count > 1 ? cursor.binaryOr(undefined) : undefined;
  const hostname = count > 2 ? cursor.stringOr(undefined) : undefined;
  cursor.leave(outer);
  return { mechanism, response, hostname };
}

/** The one field of a sasl-response (§5.3.3.4). */
export function readSaslResponse(cursor: Cursor): Buffer {
  const outer = cursor.end;
  const response =
    (cursor.enterList() > 0 ? cursor.binaryOr(undefined) : undefined) ??
    cursor.fail('sasl-response is empty');
  cursor.leave(outer);
  return response;
}

export function writeSaslMechanisms(writer: Writer, mechanisms: readonly string[]): void {
  write.describe(writer, descriptor.saslMechanisms);
  const at = write.beginCompound(writer, code.list32);
  writeSymbols(writer, mechanisms);
  write.endCompound(writer, at, 1, code.list8);
}

export function writeSaslChallenge(writer: Writer, challenge: Uint8Array): void {
  write.describe(writer, descriptor.saslChallenge);
  const at = write.beginCompound(writer, code.list32);
  write.binary(writer, challenge);
  write.endCompound(writer, at, 1, code.list8);
}

/** @param outcome 0 ok, 1 the credentials are wrong, 2 a system error, 4 a passing one (§5.3.3.6) */
export function writeSaslOutcome(writer: Writer, outcome: number, additional: Uint8Array | undefined): void {
  write.describe(writer, descriptor.saslOutcome);
  const at = write.beginCompound(writer, code.list32);
  write.ubyte(writer, outcome);
  if (additional) write.binary(writer, additional);
  write.endCompound(writer, at, additional ? 2 : 1, code.list8);
}
