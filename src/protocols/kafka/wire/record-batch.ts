import { crc32c } from './crc32c.ts';
import type { Identity } from './requests.ts';

/** A message as Kafka has it. */
export interface KafkaMessage {
  readonly key: Buffer | string | null;
  /** null: a tombstone. */
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [name: string, value: Buffer | string])[];
  /** ms since the epoch; undefined: now. */
  readonly timestamp?: number | undefined;
}

/** A message whose key, value and headers are encoded already; what its place in a batch decides is not. */
export interface EncodedRecord {
  readonly timestamp: number;
  readonly tail: Buffer;
}

/** Bytes that a place in a batch adds at most: a length (5), attributes (1), the time (10) and the number (5). */
export const recordOverhead = 21;

/** Bytes of a batch before its records. */
const batchHead = 61;
/** Where in it the checksum is, and where what it covers begins. */
const [checksumAt, checkedFrom] = [17, 21];

/** `compression` as the low three bits of a batch's attributes. */
export const compressionBits = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const;
export type CompressionName = keyof typeof compressionBits;

/** The highest sequence number; then it begins again at 0. */
const highestSequence = 0x7fff_ffff;

/** The sequence number of the record so many after one. */
export const sequenceAfter = (sequence: number, count: number): number =>
  (sequence + count) % (highestSequence + 1);

export function encodeRecord(message: KafkaMessage): EncodedRecord {
  const { key, value, headers } = message;
  let size = 5 + sizeOf(key) + sizeOf(value);
  for (const [name, content] of headers) size += sizeOf(name) + sizeOf(content);
  const tail = Buffer.allocUnsafe(size);
  let at = writePart(tail, 0, key);
  at = writePart(tail, at, value);
  at = writeVarint(tail, at, headers.length);
  for (const [name, content] of headers) at = writePart(tail, writePart(tail, at, name), content);
  return { timestamp: timeOf(message.timestamp), tail: tail.subarray(0, at) };
}

/** Whole milliseconds; what is no time at all becomes the latest or earliest that a number holds exactly. */
function timeOf(time = Date.now()): number {
  if (Number.isNaN(time)) return Date.now();
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, Math.trunc(time)));
}

/** Whose a batch is, and what number its first record has; undefined: nobody's, and brokers recognise no repeat. */
export interface BatchStamp {
  readonly identity: Identity;
  readonly sequence: number;
}

/**
 * A record batch of version 2 (kafka.apache.org/documentation, "Record Batch").
 * @param records at least one
 */
export function encodeBatch(records: readonly EncodedRecord[], stamp: BatchStamp | undefined): Buffer {
  let size = batchHead;
  for (const { tail } of records) size += recordOverhead + tail.length;
  const batch = Buffer.allocUnsafe(size);
  const start = records[0]!.timestamp;
  let newest = start;
  let at = batchHead;
  for (const [offset, { timestamp, tail }] of records.entries()) {
    const delta = timestamp - start;
    const length = 1 + varlongSize(delta) + varintSize(offset) + tail.length;
    at = writeVarint(batch, at, length);
    batch[at++] = 0; // attributes
    at = writeVarlong(batch, at, delta);
    at = writeVarint(batch, at, offset);
    at += tail.copy(batch, at);
    if (timestamp > newest) newest = timestamp;
  }
  batch.fill(0, 0, batchHead);
  batch.writeInt32BE(-1, 12); // the leader's epoch is the broker's to write
  batch.writeInt8(2, 16); // version
  batch.writeInt32BE(records.length - 1, 23);
  batch.writeBigInt64BE(BigInt(start), 27);
  batch.writeBigInt64BE(BigInt(newest), 35);
  batch.writeBigInt64BE(stamp?.identity.id ?? -1n, 43);
  batch.writeInt16BE(stamp?.identity.epoch ?? -1, 51);
  batch.writeInt32BE(stamp?.sequence ?? -1, 53);
  batch.writeInt32BE(records.length, 57);
  return seal(batch.subarray(0, at));
}

/** The same batch with its records compressed. */
export async function compressBatch(
  batch: Buffer,
  name: CompressionName,
  compress: (records: Buffer) => Promise<Buffer>,
): Promise<Buffer> {
  const compressed = Buffer.concat([batch.subarray(0, batchHead), await compress(batch.subarray(batchHead))]);
  compressed.writeInt16BE(compressionBits[name], checkedFrom);
  return seal(compressed);
}

/** Writes what depends on all the rest: length and checksum. */
function seal(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - 12, 8);
  batch.writeUInt32BE(crc32c(batch, checkedFrom), checksumAt);
  return batch;
}

/** Bytes of a part with its length, at most. */
function sizeOf(part: Buffer | string | null): number {
  if (part === null) return 1;
  return 5 + (typeof part === 'string' ? Buffer.byteLength(part) : part.length);
}

function writePart(to: Buffer, at: number, part: Buffer | string | null): number {
  if (part === null) return writeVarint(to, at, -1);
  if (typeof part !== 'string') {
    const start = writeVarint(to, at, part.length);
    return start + part.copy(to, start);
  }
  const start = writeVarint(to, at, Buffer.byteLength(part));
  return start + to.write(part, start);
}

/** A signed number of 32 bits: zigzag, then seven bits a byte, the lowest first. */
function writeVarint(to: Buffer, at: number, value: number): number {
  let left = ((value << 1) ^ (value >> 31)) >>> 0;
  while (left > 127) {
    to[at++] = (left & 127) | 128;
    left >>>= 7;
  }
  to[at++] = left;
  return at;
}

function varintSize(value: number): number {
  const left = ((value << 1) ^ (value >> 31)) >>> 0;
  return left < 128 ? 1 : Math.ceil((32 - Math.clz32(left)) / 7);
}

/** The same of 64 bits, for the difference between two times. */
function writeVarlong(to: Buffer, at: number, value: number): number {
  if (Math.abs(value) < 0x4000_0000) return writeVarint(to, at, value);
  let left = zigzag(value);
  while (left > 127n) {
    to[at++] = Number(left & 127n) | 128;
    left >>= 7n;
  }
  to[at++] = Number(left);
  return at;
}

function varlongSize(value: number): number {
  if (Math.abs(value) < 0x4000_0000) return varintSize(value);
  return Math.ceil(zigzag(value).toString(2).length / 7);
}

const zigzag = (value: number): bigint => BigInt(value >= 0 ? value : -value) * 2n - (value < 0 ? 1n : 0n);
