import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import { readSymbols, writeString, writeSymbols } from './fields.ts';

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

/** The one field of a sasl-challenge (§5.3.3.3) or sasl-response (§5.3.3.4). */
export function readSaslText(cursor: Cursor): Buffer {
  const outer = cursor.end;
  const response =
    (cursor.enterList() > 0 ? cursor.binaryOr(undefined) : undefined) ??
    cursor.fail('a SASL challenge or response is empty');
  cursor.leave(outer);
  return response;
}

/** What a server offers (§5.3.3.1). */
export function readSaslMechanisms(cursor: Cursor): readonly string[] {
  const outer = cursor.end;
  const names = cursor.enterList() > 0 ? readSymbols(cursor) : [];
  cursor.leave(outer);
  return names;
}

/** sasl-outcome (§5.3.3.6). */
export interface SaslOutcome {
  /** 0 is success. */
  readonly code: number;
  readonly additional: Buffer | undefined;
}

export function readSaslOutcome(cursor: Cursor): SaslOutcome {
  const outer = cursor.end;
  const count = cursor.enterList();
  const outcome = count > 0 ? cursor.ubyteOr(-1) : -1;
  if (outcome < 0) cursor.fail('sasl-outcome without code');
  const additional = count > 1 ? cursor.binaryOr(undefined) : undefined;
  cursor.leave(outer);
  return { code: outcome, additional };
}

/** @param response undefined: null, which differs from empty */
export function writeSaslInit(
  writer: Writer,
  mechanism: string,
  response: Uint8Array | undefined,
  hostname: string | undefined,
): void {
  write.describe(writer, descriptor.saslInit);
  const at = write.beginCompound(writer, code.list32);
  write.symbol(writer, mechanism);
  if (response) write.binary(writer, response);
  else writer.u8(code.null);
  writeString(writer, hostname);
  write.endCompound(writer, at, 3, code.list8);
}

export function writeSaslMechanisms(writer: Writer, mechanisms: readonly string[]): void {
  write.describe(writer, descriptor.saslMechanisms);
  const at = write.beginCompound(writer, code.list32);
  writeSymbols(writer, mechanisms);
  write.endCompound(writer, at, 1, code.list8);
}

export function writeSaslText(
  writer: Writer,
  kind: typeof descriptor.saslChallenge | typeof descriptor.saslResponse,
  text: Uint8Array,
): void {
  write.describe(writer, kind);
  const at = write.beginCompound(writer, code.list32);
  write.binary(writer, text);
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
