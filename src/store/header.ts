import { open } from 'node:fs/promises';

/** What the first pages of the store's file tell. */
export type HeaderState =
  /** There is no file, or one that was never written. */
  | 'new'
  | 'sound'
  /** The file ends before the last page it has given out: it was cut, or that page was never needed. */
  | 'short'
  | 'damaged';

const magic = 0xbeefc0de;
/** Where the fields of a meta page are, from its beginning (LMDB's MDB_page and MDB_meta on 64-bit systems). */
const at = { magic: 24, pageSize: 48, lastPage: 144, transaction: 152, end: 168 };

/**
 * Looks at the two meta pages of an LMDB file without mapping it into memory: the library would answer a damaged one
 * with a number, and a file that was cut with a signal that ends the process.
 */
export async function inspectHeader(file: string): Promise<HeaderState> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (!handle) return 'new';
  try {
    const { size } = await handle.stat();
    if (size === 0) return 'new';
    const first = Buffer.alloc(at.end);
    if ((await handle.read(first, 0, at.end, 0)).bytesRead < at.end) return 'damaged';
    const pageSize = first.readUInt32LE(at.pageSize);
    if (first.readUInt32LE(at.magic) !== magic || !isPageSize(pageSize)) return 'damaged';
    const second = Buffer.alloc(at.end);
    if ((await handle.read(second, 0, at.end, pageSize)).bytesRead < at.end) return 'damaged';
    if (second.readUInt32LE(at.magic) !== magic || second.readUInt32LE(at.pageSize) !== pageSize)
      return 'damaged';
    const newest =
      first.readBigUInt64LE(at.transaction) >= second.readBigUInt64LE(at.transaction) ? first : second;
    return BigInt(size) < (newest.readBigUInt64LE(at.lastPage) + 1n) * BigInt(pageSize) ? 'short' : 'sound';
  } finally {
    await handle.close();
  }
}

const isPageSize = (size: number): boolean => size >= 256 && size <= 65_536 && (size & (size - 1)) === 0;
