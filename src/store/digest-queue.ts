/** Bytes of a digest. */
export const digestLength = 16;
const words = digestLength / 4;

/**
 * Digests in the order in which they came, and whether one is among them. They lie in two flat arrays outside the heap,
 * 24 to 48 bytes each, so that a million of them cost the garbage collector nothing.
 */
export class DigestQueue {
  /** A ring of digests. Its capacity is a power of 2. */
  #ring = new Uint32Array(1024 * words);
  /** A hash table with open addressing, twice as large as the ring: place in the ring + 1; 0 where there is nothing. */
  #slots = new Uint32Array(2048);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(digest: Buffer): boolean {
    return this.#slots[this.#slotOf(digest)] !== 0;
  }

  push(digest: Buffer): void {
    const capacity = this.#ring.length / words;
    if (this.#size === capacity) this.#grow();
    const place = (this.#first + this.#size++) & (this.#ring.length / words - 1);
    for (let i = 0; i < words; i++) this.#ring[place * words + i] = digest.readUInt32LE(i * 4);
    // One that is there twice is found at its later place.
    this.#slots[this.#slotOf(digest)] = place + 1;
  }

  /** Removes the oldest of them. */
  shift(count: number): void {
    const mask = this.#ring.length / words - 1;
    for (let n = Math.min(count, this.#size); n > 0; n--) {
      this.#forget(this.#first);
      this.#first = (this.#first + 1) & mask;
      this.#size--;
    }
  }

  /** Where a digest is in the table, or where it would go. A digest is evenly spread as it is. */
  #slotOf(digest: Buffer): number {
    return this.#find(
      digest.readUInt32LE(0),
      digest.readUInt32LE(4),
      digest.readUInt32LE(8),
      digest.readUInt32LE(12),
    );
  }

  #find(a: number, b: number, c: number, d: number): number {
    const slots = this.#slots;
    const ring = this.#ring;
    const mask = slots.length - 1;
    let slot = a & mask;
    for (; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const at = (slots[slot]! - 1) * words;
      if (ring[at] === a && ring[at + 1] === b && ring[at + 2] === c && ring[at + 3] === d) break;
    }
    return slot;
  }

  #forget(place: number): void {
    const at = place * words;
    const ring = this.#ring;
    const slots = this.#slots;
    let gap = this.#find(ring[at]!, ring[at + 1]!, ring[at + 2]!, ring[at + 3]!);
    if (slots[gap] !== place + 1) return; // it came again later, and that one stays
    const mask = slots.length - 1;
    // What was put behind this one, since its own slot was taken, moves up.
    for (let slot = (gap + 1) & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
      const home = ring[(slots[slot]! - 1) * words]! & mask;
      if (((slot - home) & mask) < ((slot - gap) & mask)) continue;
      slots[gap] = slots[slot]!;
      gap = slot;
    }
    slots[gap] = 0;
  }

  #grow(): void {
    const before = this.#ring;
    const start = this.#first * words;
    this.#ring = new Uint32Array(before.length * 2);
    this.#ring.set(before.subarray(start));
    this.#ring.set(before.subarray(0, start), before.length - start);
    this.#first = 0;
    this.#slots = new Uint32Array(this.#slots.length * 2);
    const ring = this.#ring;
    for (let place = 0; place < this.#size; place++) {
      const at = place * words;
      this.#slots[this.#find(ring[at]!, ring[at + 1]!, ring[at + 2]!, ring[at + 3]!)] = place + 1;
    }
  }
}
