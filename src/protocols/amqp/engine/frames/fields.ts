import { code } from '../../codec/codes.ts';
import type { Cursor } from '../../codec/cursor.ts';
import { decodeValue } from '../../codec/decode.ts';
import { encodeArray } from '../../codec/encode.ts';
import { AmqpArray, AmqpMap, symbol, Typed, type AmqpValue } from '../../codec/types.ts';
import * as write from '../../codec/write-values.ts';
import type { Writer } from '../../codec/writer.ts';

/** A field that may hold several symbols: null, one symbol, or an array of them (§1.4). */
export function readSymbols(cursor: Cursor): readonly string[] {
  const value = decodeValue(cursor);
  if (value === null) return [];
  const items = value instanceof AmqpArray ? value.items : [value];
  return items.map((item) =>
    item instanceof Typed && item.type === 'symbol'
      ? String(item.value)
      : cursor.fail('a symbol was expected'),
  );
}

export function readMap(cursor: Cursor): AmqpMap | undefined {
  const value = decodeValue(cursor);
  if (value === null) return undefined;
  return value instanceof AmqpMap ? value : cursor.fail('a map was expected');
}

export function readAny(cursor: Cursor): AmqpValue | undefined {
  return decodeValue(cursor) ?? undefined;
}

export function writeSymbols(writer: Writer, names: readonly string[] | undefined): void {
  if (!names || names.length === 0) writer.u8(code.null);
  else encodeArray(writer, new AmqpArray('symbol', names.map(symbol)));
}

export function writeString(writer: Writer, value: string | undefined): void {
  if (value === undefined) writer.u8(code.null);
  else write.string(writer, value);
}
