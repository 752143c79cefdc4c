import { open, type Database, type RootDatabase } from 'lmdb';

/** The version of the tables and keys below. What their records hold has a version of its own (record.ts). */
export const formatVersion = 1;

export const tableNames = [
  'about',
  'queues',
  'spool',
  'progress',
  'dead-letters',
  'damaged',
  'values',
  'seen',
] as const;

export type Table = Database<Buffer, Buffer>;

export interface Tables {
  readonly root: RootDatabase<Buffer, Buffer>;
  /** `format` → formatVersion as decimal digits. */
  readonly about: Table;
  /** Queue number (4 bytes) → whose it is and its counters as JSON. */
  readonly queues: Table;
  /** Queue number (4 bytes), sequence number (8 bytes) → record. */
  readonly spool: Table;
  /** Key of `spool` → what is to be known of the message now, e.g. which targets have it already, as JSON. */
  readonly progress: Table;
  /** Letter number (8 bytes) → record. */
  readonly deadLetters: Table;
  /** Records that could not be read, under their keys of `spool`. */
  readonly damaged: Table;
  /** Value number (8 bytes) → the endpoint, the name and the value as JSON. */
  readonly values: Table;
  /** What tells a set of seen values (16 bytes), record number (8 bytes) → digests with their time (seen.ts). */
  readonly seen: Table;
}

/**
 * Opens the tables of a folder, making what is not there. Each transaction is written and synced before it is
 * confirmed: `overlappingSync` would let a failed sync pass for a success.
 */
export function openTables(folder: string): Tables {
  const root = open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    maxDbs: 16,
    overlappingSync: false,
    eventTurnBatching: false,
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  const table = (name: (typeof tableNames)[number]): Table =>
    root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
  return {
    root,
    about: table('about'),
    queues: table('queues'),
    spool: table('spool'),
    progress: table('progress'),
    deadLetters: table('dead-letters'),
    damaged: table('damaged'),
    values: table('values'),
    seen: table('seen'),
  };
}

export const formatKey = Buffer.from('format');

/** A number as 8 bytes that sort as it does. */
export function numberKey(value: number): Buffer {
  const key = Buffer.allocUnsafeSlow(8);
  key.writeBigUInt64BE(BigInt(value));
  return key;
}

export function queueKey(queue: number): Buffer {
  const key = Buffer.allocUnsafeSlow(4);
  key.writeUInt32BE(queue);
  return key;
}

/** The key of a spooled message; sequence numbers stay below 2^53. */
export function spoolKey(queue: number, sequence: number): Buffer {
  const key = Buffer.allocUnsafe(12);
  key.writeUInt32BE(queue, 0);
  key.writeUInt32BE(Math.floor(sequence / 0x1_0000_0000), 4);
  key.writeUInt32BE(sequence >>> 0, 8);
  return key;
}

export const sequenceOf = (key: Buffer): number => key.readUInt32BE(4) * 0x1_0000_0000 + key.readUInt32BE(8);
