/**
 * Kafka's hash of keys: murmur2 with the seed of the Java client, so that every client sends a key to the same partition.
 * @returns 31 bits
 */
export function hashOf(key: Uint8Array): number {
  const m = 0x5bd1e995;
  const length = key.length;
  let hash = 0x9747b28c ^ length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let part = key[at]! | (key[at + 1]! << 8) | (key[at + 2]! << 16) | (key[at + 3]! << 24);
    part = Math.imul(part, m);
    part = Math.imul(part ^ (part >>> 24), m);
    hash = Math.imul(hash, m) ^ part;
  }
  const left = length - at;
  if (left === 3) hash ^= key[at + 2]! << 16;
  if (left >= 2) hash ^= key[at + 1]! << 8;
  if (left >= 1) hash = Math.imul(hash ^ key[at]!, m);
  hash = Math.imul(hash ^ (hash >>> 13), m);
  return (hash ^ (hash >>> 15)) & 0x7fff_ffff;
}
