import type { Decimal } from './codec/table.ts';

/** decimal64 in the binary integer encoding (IEEE 754-2008 §3.5.2): sign, exponent with this bias, 53 bits of digits. */
const bias = 398n;

/** A decimal of AMQP 0-9-1 as the 8 bytes of AMQP 1.0's decimal64, which holds every one of them. */
export function toDecimal64({ places, digits }: Decimal): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, ((bias - BigInt(places)) << 53n) | BigInt(digits));
  return bytes;
}

/** The reverse; undefined where it is negative, no number, or out of range. */
export function fromDecimal64(bytes: Uint8Array): Decimal | undefined {
  if (bytes.length !== 8) return undefined;
  const bits = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  const places = bias - (bits >> 53n); // of a number with its sign, or of more digits, this is out of range
  const digits = bits & ((1n << 53n) - 1n);
  if (places < 0n || places > 255n || digits > 0xffff_ffffn) return undefined;
  return { places: Number(places), digits: Number(digits) };
}
