import assert from 'node:assert/strict';
import { open as openFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { DeadLetter } from '../../src/core/storage.ts';
import { Store } from '../../src/store/store.ts';
import { formatKey, openTables, spoolKey } from '../../src/store/tables.ts';
import { folderFor, linesLog, message, numberOf, openStore } from './support.ts';

const everything = (queue: ReturnType<Store['spool']>): number[] =>
  queue.read(0, 1e6, Infinity).map((each) => numberOf(each.message));

test('what was appended is read in order, by parts, and after a restart', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const [one, two] = [store.spool('one'), store.spool('two')];
  await Promise.all(Array.from({ length: 1000 }, (_, i) => (i % 3 ? one : two).append(message(i))));
  assert.equal(one.messages, 666);
  const first = one.read(0, 10, Infinity);
  assert.deepEqual(
    first.map((each) => numberOf(each.message)),
    [1, 2, 4, 5, 7, 8, 10, 11, 13, 14],
  );
  assert.equal(numberOf(one.read(first.at(-1)!.sequence, 1, Infinity)[0]!.message), 16);
  assert.equal(one.read(0, 1000, 1).length, 1);
  await Promise.all(first.map((each) => one.remove(each)));
  const bytes = one.bytes;
  await store.close();

  const again = await openStore(t, folder);
  assert.deepEqual(
    again
      .spools()
      .map(({ route, messages }) => [route, messages])
      .sort(),
    [
      ['one', 656],
      ['two', 334],
    ],
  );
  assert.equal(again.spool('one').bytes, bytes);
  assert.deepEqual(
    everything(again.spool('two')),
    Array.from({ length: 334 }, (_, i) => i * 3),
  );
  // sequence numbers go on, so that later messages stay behind earlier ones
  await again.spool('one').append(message(5000));
  assert.equal(everything(again.spool('one')).at(-1), 5000);
});

test('bytes of a message read before do not change with what is read and written later', async (t) => {
  const store = await openStore(t, await folderFor(t));
  const queue = store.spool('r');
  const body = (i: number): Buffer => Buffer.alloc(i % 2 ? 20_000 : 40, i);
  await Promise.all(Array.from({ length: 50 }, (_, i) => queue.append(message(i, { body: body(i) }))));
  const held = queue.read(0, 50, Infinity);
  await Promise.all(held.map((each) => queue.remove(each)));
  await Promise.all(
    Array.from({ length: 200 }, () => queue.append(message(0, { body: Buffer.alloc(9000) }))),
  );
  queue.read(0, 1000, Infinity);
  held.forEach((each, i) => assert.ok(Buffer.from(each.message.body!).equals(body(i))));
});

test('a second owner is refused, and the store is free again after the first is closed', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const second = new Store({ folder, damaged: 'refuse' }, linesLog());
  await assert.rejects(second.open(), { code: 'unavailable', message: /in use by another process/ });
  await store.close();
  await second.open();
  await second.close();
});

test('after close nothing is taken and nothing hangs', async (t) => {
  const store = await openStore(t, await folderFor(t));
  const queue = store.spool('r');
  const last = queue.append(message(1));
  await store.close();
  await last;
  await assert.rejects(queue.append(message(2)), { code: 'closed' });
  assert.throws(() => queue.read(0, 1, 1), { code: 'closed' });
  await store.close();
});

const letter = (i: number, init: Partial<DeadLetter> = {}): DeadLetter => ({
  message: message(i, { key: 'k', id: `id-${i}` }),
  source: 'source',
  route: `route-${i % 2}`,
  endpoint: 'target',
  address: 'there',
  code: 'refused',
  reason: 'no',
  attempts: i,
  firstAt: 1000 + i,
  lastAt: 2000 + i,
  ...init,
});

test('dead letters: listed by filter and page, got whole, removed, over a restart; ids are not used twice', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const letters = store.deadLetters;
  const ids = await Promise.all(Array.from({ length: 1200 }, (_, i) => letters.add(letter(i))));
  assert.equal(new Set(ids).size, 1200);
  const page = await letters.list({ route: 'route-1' }, { limit: 5 });
  assert.deepEqual(
    page.map((each) => each.attempts),
    [1, 3, 5, 7, 9],
  );
  const next = await letters.list({ route: 'route-1' }, { limit: 2, after: page.at(-1)!.id });
  assert.deepEqual(
    next.map((each) => each.attempts),
    [11, 13],
  );
  assert.deepEqual(
    (await letters.list({ since: 3150, until: 3153 }, { limit: 9 })).map((each) => each.attempts),
    [1150, 1151, 1152],
  );
  assert.equal((await letters.list({ code: 'expired' }, { limit: 9 })).length, 0);
  assert.equal((await letters.list({ endpoint: 'target' }, { limit: 9999 })).length, 1200);
  const { id, ...whole } = (await letters.get(ids[7]!))!;
  assert.equal(id, ids[7]);
  assert.equal(numberOf(whole.message), 7);
  assert.deepEqual({ ...whole, message: 0 }, { ...letter(7), message: 0 });
  assert.deepEqual(page[0]!.message, { id: 'id-1', address: 'numbers/1', key: 'k' });
  assert.equal(page[0]!.bytes, 1);
  for (const strange of ['', '-1', '1.0', '0x1', '99999999999999999999', 'x'])
    assert.equal(await letters.get(strange), undefined);
  assert.equal(await letters.remove(ids.at(-1)!), true);
  assert.equal(await letters.remove(ids.at(-1)!), false);
  await store.close();

  const again = (await openStore(t, folder)).deadLetters;
  assert.equal((await again.list({}, { limit: 9999 })).length, 1199);
  assert.ok(Number(await again.add(letter(1))) > Number(ids.at(-1)));
});

test('a record that cannot be read is set aside and told; those behind it come', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  await Promise.all([1, 2, 3].map((i) => store.spool('r').append(message(i))));
  await store.close();
  const tables = openTables(folder);
  const key = spoolKey(1, 2);
  const record = Buffer.from(tables.spool.get(key)!);
  record[record.length - 1]! ^= 1;
  await tables.spool.put(key, record);
  await tables.root.close();

  const log = linesLog();
  const again = await openStore(t, folder, {}, log);
  const queue = again.spool('r');
  assert.deepEqual(everything(queue), [1, 3]);
  assert.equal(queue.messages, 2);
  assert.match(log.lines.join(), /a stored message cannot be read and was set aside.*checksum/);
  await again.close();
  const after = openTables(folder);
  assert.ok(after.damaged.get(key)!.equals(record));
  await after.root.close();
});

async function withMessages(folder: string, count: number): Promise<string> {
  const store = new Store({ folder, damaged: 'refuse' }, linesLog());
  await store.open();
  await Promise.all(Array.from({ length: count }, (_, i) => store.spool('r').append(message(i))));
  await store.close();
  return join(folder, 'data.mdb');
}

test('an unknown format is refused with a clear message, and is left as it is', async (t) => {
  const folder = await folderFor(t);
  await withMessages(folder, 1);
  const tables = openTables(folder);
  await tables.about.put(formatKey, Buffer.from('99'));
  await tables.root.close();
  for (const damaged of ['refuse', 'quarantine'] as const) {
    const store = new Store({ folder, damaged }, linesLog());
    await assert.rejects(store.open(), {
      code: 'unavailable',
      message: /has format 99, and this program knows 1/,
    });
  }
});

const damages: readonly (readonly [string, (file: string) => Promise<void>])[] = [
  [
    'cut in the middle',
    async (file) => truncate(file, Math.floor((await stat(file)).size / 2 / 4096) * 4096),
  ],
  ['cut within its first page', (file) => truncate(file, 100)],
  ['not a store', (file) => writeFile(file, Buffer.alloc(100_000, 'x'))],
  ['zeros', (file) => writeFile(file, Buffer.alloc(100_000))],
  ...[0, 4096].map(
    (at) =>
      [
        `garbage in the meta page at ${at}`,
        async (file: string): Promise<void> => {
          const handle = await openFile(file, 'r+');
          await handle.write(Buffer.alloc(200, 0xa5), 0, 200, at);
          await handle.close();
        },
      ] as const,
  ),
];

for (const [name, damage] of damages)
  test(`a damaged file (${name}) is refused with a clear message, or moved aside on request`, async (t) => {
    const folder = await folderFor(t);
    const file = await withMessages(folder, 2000);
    await damage(file);
    const before = await readFile(file);
    const store = new Store({ folder, damaged: 'refuse' }, linesLog());
    await assert.rejects(store.open(), {
      code: 'unavailable',
      message: /is damaged: .*Nothing was changed/s,
    });
    assert.ok((await readFile(file)).equals(before));

    const log = linesLog();
    const empty = await openStore(t, folder, { damaged: 'quarantine' }, log);
    assert.deepEqual(empty.spools(), []);
    await empty.spool('r').append(message(1));
    const aside = (await readdir(folder)).find((each) => each.startsWith('damaged-'))!;
    assert.ok((await readFile(join(folder, aside, 'data.mdb'))).equals(before));
    assert.match(log.lines.join(), /moved aside/);
  });

test('a store whose inner pages are damaged is read as a whole after three starts without an orderly end', async (t) => {
  const folder = await folderFor(t);
  const file = await withMessages(folder, 5000);
  const handle = await openFile(file, 'r+');
  const { size } = await handle.stat();
  for (let at = 16 * 4096; at < size; at += 4096) await handle.write(Buffer.alloc(4096, 0xff), 0, 4096, at);
  await handle.close();
  await writeFile(join(folder, 'unclean'), '3');
  const store = new Store({ folder, damaged: 'refuse' }, linesLog());
  await assert.rejects(store.open(), { code: 'unavailable', message: /is damaged: / });
});
