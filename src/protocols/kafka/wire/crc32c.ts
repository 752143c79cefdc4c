/** What a byte does to the sum: of the last of four bytes, the one before it, and so on. */
const [last, third, second, first] = tables();

function tables(): [Uint32Array, Uint32Array, Uint32Array, Uint32Array] {
  const made = [0, 1, 2, 3].map(() => new Uint32Array(256)) as ReturnType<typeof tables>;
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0x82f63b78 : sum >>> 1;
    made[0][byte] = sum;
  }
  for (let n = 1; n < 4; n++)
    for (let byte = 0; byte < 256; byte++) {
      const before = made[n - 1]![byte]!;
      made[n]![byte] = (before >>> 8) ^ made[0][before & 255]!;
    }
  return made;
}

/** The CRC-32C (Castagnoli, RFC 3720 §12.1) of the bytes from `start` on. Four at a time is thrice as fast as one. */
export function crc32c(bytes: Uint8Array, start = 0): number {
  let sum = -1;
  let at = start;
  for (; at + 4 <= bytes.length; at += 4)
    sum =
      first[(sum ^ bytes[at]!) & 255]! ^
      second[((sum >>> 8) ^ bytes[at + 1]!) & 255]! ^
      third[((sum >>> 16) ^ bytes[at + 2]!) & 255]! ^
      last[(sum >>> 24) ^ bytes[at + 3]!]!;
  for (; at < bytes.length; at++) sum = last[(sum ^ bytes[at]!) & 255]! ^ (sum >>> 8);
  return ~sum >>> 0;
}
