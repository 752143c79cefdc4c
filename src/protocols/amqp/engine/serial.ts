/** Sequence numbers of 32 bits that wrap (RFC 1982): transfer-ids, delivery-ids and delivery-counts (§2.8.7–§2.8.10). */

export const next = (id: number): number => (id + 1) >>> 0;

/** How far `to` is ahead of `from`, 0 … 2^32-1. */
export const distance = (from: number, to: number): number => (to - from) >>> 0;

/** Distances from here on mean behind, not ahead. */
export const halfRange = 0x8000_0000;
