import type { Identifier } from '../../../core/envelope.ts';
import { Uuid } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import { code } from './codes.ts';
import type { Writer } from './writer.ts';

/** Writers of single values in their shortest encoding, for code that knows the type. */

export function boolean(writer: Writer, value: boolean): void {
  writer.u8(value ? code.true : code.false);
}

export function ubyte(writer: Writer, value: number): void {
  writer.ensure(2);
  writer.buffer[writer.pos++] = code.ubyte;
  writer.buffer[writer.pos++] = value;
}

export function ushort(writer: Writer, value: number): void {
  writer.u8(code.ushort);
  writer.u16(value);
}

export function uint(writer: Writer, value: number): void {
  writer.ensure(5);
  if (value === 0) {
    writer.buffer[writer.pos++] = code.uint0;
  } else if (value <= 0xff) {
    writer.buffer[writer.pos++] = code.smallUint;
    writer.buffer[writer.pos++] = value;
  } else {
    writer.buffer[writer.pos++] = code.uint;
    writer.setU32(writer.pos, value);
    writer.pos += 4;
  }
}

export function ulong(writer: Writer, value: bigint): void {
  if (value === 0n) return writer.u8(code.ulong0);
  writer.u8(value <= 0xffn ? code.smallUlong : code.ulong);
  if (value <= 0xffn) writer.u8(Number(value));
  else writer.u64(value);
}

/** ms since the epoch. */
export function timestamp(writer: Writer, value: number): void {
  writer.u8(code.timestamp);
  writer.i64(BigInt(Math.trunc(value)));
}

export function binary(writer: Writer, value: Uint8Array): void {
  writer.ensure(5 + value.length);
  if (value.length <= 0xff) {
    writer.buffer[writer.pos++] = code.binary8;
    writer.buffer[writer.pos++] = value.length;
  } else {
    writer.buffer[writer.pos++] = code.binary32;
    writer.setU32(writer.pos, value.length);
    writer.pos += 4;
  }
  writer.buffer.set(value, writer.pos);
  writer.pos += value.length;
}

export function string(writer: Writer, value: string): void {
  text(writer, value, 'utf8', code.string8, code.string32);
}

/** @param value characters up to U+00FF */
export function symbol(writer: Writer, value: string): void {
  text(writer, value, 'latin1', code.symbol8, code.symbol32);
}

function text(writer: Writer, value: string, encoding: 'utf8' | 'latin1', short: number, wide: number): void {
  const count = value.length;
  writer.ensure(5 + count * 3);
  const { buffer, pos } = writer;
  if (count <= 48) {
    // Short ASCII is most of what there is, and a loop beats a call into the runtime.
    let i = 0;
    for (; i < count; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) break;
      buffer[pos + 2 + i] = unit;
    }
    if (i === count) {
      buffer[pos] = short;
      buffer[pos + 1] = count;
      writer.pos = pos + 2 + count;
      return;
    }
  }
  const bytes = encoding === 'latin1' ? count : Buffer.byteLength(value);
  if (bytes <= 0xff) {
    buffer[pos] = short;
    buffer[pos + 1] = bytes;
    writer.pos = pos + 2;
  } else {
    buffer[pos] = wide;
    writer.setU32(pos + 1, bytes);
    writer.pos = pos + 5;
  }
  writer.text(value, encoding);
}

/** The 16 bytes of a UUID. @throws JunctionError `invalid-message` for a text that is none */
export function uuidBody(writer: Writer, value: Uuid): void {
  const hex = value.text.replaceAll('-', '');
  if (!/^[0-9a-fA-F]{32}$/.test(hex))
    throw new JunctionError('invalid-message', `"${value.text.slice(0, 100)}" is not a UUID`);
  writer.ensure(16);
  writer.pos += writer.buffer.write(hex, writer.pos, 'hex');
}

/** A message-id or correlation-id in its own type (§3.2.11–§3.2.14). */
export function identifier(writer: Writer, value: Identifier): void {
  if (typeof value === 'string') return string(writer, value);
  if (typeof value === 'bigint') {
    if (value < 0n || value > 0xffff_ffff_ffff_ffffn)
      throw new JunctionError('invalid-message', `the identifier ${value} does not fit into a ulong`);
    return ulong(writer, value);
  }
  if (value instanceof Uuid) {
    writer.u8(code.uuid);
    return uuidBody(writer, value);
  }
  binary(writer, value);
}

/** Reserves the header of a list or map (in its wide form); returns where it is, as an offset in the current piece. */
export function beginCompound(writer: Writer, format: number): number {
  const at = writer.length;
  writer.ensure(9);
  writer.buffer[writer.pos] = format;
  writer.pos += 9;
  return at;
}

/** Fills in the header, and moves the elements up where the short form holds them. */
export function endCompound(writer: Writer, offset: number, count: number, short: number): void {
  const { buffer } = writer;
  const at = writer.start + offset;
  const body = writer.pos - at - 9;
  if (body + 1 > 0xff || count > 0xff) {
    writer.setU32(at + 1, body + 4);
    writer.setU32(at + 5, count);
    return;
  }
  buffer[at] = short;
  buffer[at + 1] = body + 1;
  buffer[at + 2] = count;
  buffer.copyWithin(at + 3, at + 9, writer.pos);
  writer.pos = at + 3 + body;
}

/** The first three bytes of a described value whose descriptor is one of ours. */
export function describe(writer: Writer, descriptor: number): void {
  writer.ensure(3);
  writer.buffer[writer.pos++] = code.described;
  writer.buffer[writer.pos++] = code.smallUlong;
  writer.buffer[writer.pos++] = descriptor;
}
