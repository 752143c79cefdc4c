/** Appends to a store until its disk refuses, and tells what it was told. Argument: folder. */
import { Store } from '../../src/store/store.ts';
import { linesLog, message } from './support.ts';

export interface DiskReport {
  /** The numbers of the messages that were acknowledged. */
  readonly acknowledged: number[];
  readonly error: { readonly code: string; readonly message: string };
  readonly later: readonly string[];
  readonly status: string;
  readonly reason: string;
  readonly log: readonly string[];
}

const log = linesLog();
const store = new Store({ folder: process.argv[2]!, damaged: 'refuse' }, log);
await store.open();
const queue = store.spool('r');
const body = Buffer.alloc(2000, 1);
const acknowledged: number[] = [];
let error: { code: string; message: string } | undefined;
for (let number = 0; !error;) {
  await Promise.all(
    Array.from({ length: 100 }, async () => {
      const mine = number++;
      try {
        await queue.append(message(mine, { headers: [['pad', body]] }));
        acknowledged.push(mine);
      } catch (reason) {
        const { code, message: text } = reason as Error & { code: string };
        error = { code, message: text };
      }
    }),
  );
}
const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (reason: unknown) => (reason as { code: string }).code,
  );
const later = [
  await codeOf(queue.append(message(-1))),
  await codeOf(queue.remove({ sequence: 1, bytes: 1 })),
  await codeOf(store.deadLetters.remove('1')),
];
const { state, reason } = store.status();
await store.close();
const report: DiskReport = { acknowledged, error, later, status: state, reason: reason!, log: log.lines };
process.send!(report, () => process.exit(0));
