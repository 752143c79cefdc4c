import { open } from 'lmdb';
import { tableNames } from './tables.ts';

/** The other half of check.ts: reads every record of the store named by the argument. */
function readAll(folder: string): void {
  const root = open<Buffer, Buffer>({
    path: folder,
    noSubdir: false,
    readOnly: true,
    maxDbs: 16,
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  for (const name of tableNames) {
    const table = root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
    // a table that was never made is undefined, whatever the types say
    for (const { value } of (table as typeof table | undefined)?.getRange() ?? []) value.at(-1);
  }
}

try {
  readAll(process.argv[2]!);
  process.exit(0);
} catch (error) {
  process.send!(String((error as Error).message), () => process.exit(1));
}
