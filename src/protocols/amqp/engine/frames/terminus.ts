import { code, descriptor } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import { encodeMap, encodeValue } from '../../codec/encode.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';
import type { Terminus } from '../api.ts';
import { readAny, readMap, readSymbols, writeString, writeSymbols } from './fields.ts';

const durabilities = ['none', 'configuration', 'unsettled-state'] as const;
const expiryPolicies = ['link-detach', 'session-end', 'connection-close', 'never'] as const;

/** A source or target field: what it holds, undefined for null, or `coordinator` for a transaction coordinator (§4.5.1). */
export function readTerminus(cursor: Cursor): Terminus | 'coordinator' | undefined {
  if (cursor.isNull()) return undefined;
  const kind = cursor.descriptor();
  if (kind === descriptor.coordinator) {
    cursor.skip();
    return 'coordinator';
  }
  if (kind !== descriptor.source && kind !== descriptor.target) cursor.fail('an unknown kind of terminus');
  const isSource = kind === descriptor.source;
  const outer = cursor.end;
  const count = cursor.enterList();
  const address = count > 0 ? cursor.stringOr(undefined) : undefined;
  const durable =
    durabilities[count > 1 ? cursor.uintOr(0) : 0] ?? cursor.fail('an unknown terminus durability');
  const policy = (count > 2 ? cursor.symbolOr(undefined) : undefined) ?? 'session-end';
  const expiryPolicy = expiryPolicies.find((p) => p === policy) ?? cursor.fail('an unknown expiry policy');
  const timeout = count > 3 ? cursor.uintOr(0) : 0;
  const dynamic = count > 4 && cursor.booleanOr(false);
  const dynamicNodeProperties = count > 5 ? readMap(cursor) : undefined;
  const terminus = {
    address,
    durable,
    expiryPolicy,
    timeout,
    dynamic,
    dynamicNodeProperties,
    distributionMode: isSource && count > 6 ? cursor.symbolOr(undefined) : undefined,
    filter: isSource && count > 7 ? readMap(cursor) : undefined,
    defaultOutcome: isSource && count > 8 ? readAny(cursor) : undefined,
    outcomes: isSource && count > 9 ? readSymbols(cursor) : [],
    capabilities: count > (isSource ? 10 : 6) ? readSymbols(cursor) : [],
  };
  cursor.leave(outer);
  return terminus;
}

export function writeTerminus(
  writer: Writer,
  kind: 'source' | 'target',
  terminus: Terminus | undefined,
): void {
  if (!terminus) return writer.u8(code.null);
  write.describe(writer, descriptor[kind]);
  const at = write.beginCompound(writer, code.list32);
  writeString(writer, terminus.address);
  write.uint(writer, durabilities.indexOf(terminus.durable));
  write.symbol(writer, terminus.expiryPolicy);
  write.uint(writer, terminus.timeout);
  write.boolean(writer, terminus.dynamic);
  if (terminus.dynamicNodeProperties) encodeMap(writer, terminus.dynamicNodeProperties);
  else writer.u8(code.null);
  if (kind === 'source') {
    if (terminus.distributionMode === undefined) writer.u8(code.null);
    else write.symbol(writer, terminus.distributionMode);
    if (terminus.filter) encodeMap(writer, terminus.filter);
    else writer.u8(code.null);
    encodeValue(writer, terminus.defaultOutcome ?? null);
    writeSymbols(writer, terminus.outcomes);
  }
  writeSymbols(writer, terminus.capabilities);
  write.endCompound(writer, at, kind === 'source' ? 11 : 7, code.list8);
}
