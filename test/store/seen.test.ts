import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { describe, it, mock, type TestContext } from 'node:test';
import fc from 'fast-check';
import { DigestQueue } from '../../src/store/digest-queue.ts';
import { openTables } from '../../src/store/tables.ts';
import { folderFor, linesLog, message, openStore } from './support.ts';

const digestOf = (value: string | number): Buffer =>
  createHash('sha256').update(String(value)).digest().subarray(0, 16);

/** Both clocks of the process; they begin at the real time and go on only when told. */
function clocks(t: TestContext): { monotonic: number; wall: number; pass(ms: number): void } {
  const now = { monotonic: performance.now(), wall: Date.now(), pass };
  function pass(ms: number): void {
    now.monotonic += ms;
    now.wall += ms;
  }
  const both = [
    mock.method(performance, 'now', () => now.monotonic),
    mock.method(Date, 'now', () => now.wall),
  ];
  t.after(() => both.forEach((each) => each.mock.restore()));
  return now;
}

describe('a queue of digests', () => {
  it('does what a list does, whatever comes, also where digests collide in its table', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 0, max: 3000 }) }) },
      { weight: 1, arbitrary: fc.record({ shift: fc.integer({ min: 0, max: 20 }) }) },
    );
    // Few different first words: many have the same home.
    const digest = (n: number): Buffer => {
      const bytes = Buffer.alloc(16);
      bytes.writeUInt32LE(n % 7, 0);
      bytes.writeUInt32LE(n, 12);
      return bytes;
    };
    fc.assert(
      fc.property(fc.array(step, { maxLength: 3000, size: 'max' }), (steps) => {
        const queue = new DigestQueue();
        const list: number[] = [];
        for (const each of steps) {
          if ('push' in each) {
            queue.push(digest(each.push));
            list.push(each.push);
          } else {
            queue.shift(each.shift);
            list.splice(0, each.shift);
          }
        }
        assert.equal(queue.size, list.length);
        const there = new Set(list);
        for (let n = 0; n <= 3000; n += 7) assert.equal(queue.has(digest(n)), there.has(n), String(n));
        for (const n of list) assert.ok(queue.has(digest(n)));
      }),
      { numRuns: 60 },
    );
  });
});

describe('values that were seen', () => {
  const bounds = { window: 600_000, max: 1000 };

  it('are known once they are on the disk, and after a restart', async (t) => {
    const folder = await folderFor(t);
    const store = await openStore(t, folder);
    const seen = store.seen('r', '{id}', bounds);
    const adding = seen.add(digestOf('a'));
    assert.equal(seen.has(digestOf('a')), false, 'not before it is synced');
    await adding;
    assert.equal(seen.has(digestOf('a')), true);
    assert.equal(store.seen('other', '{id}', bounds).has(digestOf('a')), false);
    assert.equal(store.seen('r', '{key}', bounds).has(digestOf('a')), false, 'told apart by something else');
    await store.close();
    await assert.rejects(seen.add(digestOf('b')), { code: 'closed' });
    const again = await openStore(t, folder);
    assert.equal(again.seen('r', '{id}', bounds).has(digestOf('a')), true);
    assert.equal(again.seen('r', '{id}', bounds).has(digestOf('b')), false);
  });

  it('share the transaction of what is written in the same tick', async (t) => {
    const folder = await folderFor(t);
    const store = await openStore(t, folder);
    const seen = store.seen('r', '{id}', bounds);
    const done: string[] = [];
    for (let n = 0; n < 50; n++) {
      const appended = store.spool('r').append(message(n));
      const added = seen.add(digestOf(n));
      await Promise.all([appended.then(() => done.push('append')), added.then(() => done.push('add'))]);
      assert.equal(store.spool('r').messages, seen.size);
    }
    assert.equal(done.length, 100);
  });

  it('are forgotten after their window and not before, whichever way the wall clock is set', async (t) => {
    const folder = await folderFor(t);
    const time = clocks(t);
    let store = await openStore(t, folder);
    await store.seen('r', 'id', bounds).add(digestOf('a'));
    const known = (): boolean => store.seen('r', 'id', bounds).has(digestOf('a'));
    const restart = async (): Promise<void> => {
      await store.close();
      store = await openStore(t, folder);
    };
    const hour = 3_600_000;
    time.wall += hour;
    assert.ok(known(), 'set forward while it runs');
    // Another value makes the store note how the clocks stand.
    await store.seen('r', 'id', bounds).add(digestOf('b'));
    await restart();
    assert.ok(known(), 'and started again');
    time.wall -= hour;
    await restart();
    assert.ok(known(), 'set back while it did not run');
    time.pass(bounds.window - 1000);
    assert.ok(known(), 'just before the window is over');
    time.pass(1001);
    assert.equal(known(), false, 'when it is over');
    await store.seen('r', 'id', bounds).add(digestOf('c'));
    await store.close();
    time.wall += bounds.window + 1;
    store = await openStore(t, folder);
    assert.equal(store.seen('r', 'id', bounds).has(digestOf('c')), false, 'a window that passed meanwhile');
  });

  it('beyond the bound the oldest are forgotten, which is said once', async (t) => {
    const log = linesLog();
    const folder = await folderFor(t);
    const store = await openStore(t, folder, {}, log);
    const seen = store.seen('r', 'id', { window: 600_000, max: 100 });
    for (let n = 0; n < 300; n += 3)
      await Promise.all([n, n + 1, n + 2].map((each) => seen.add(digestOf(each))));
    assert.equal(seen.size, 100);
    for (let n = 0; n < 300; n++) assert.equal(seen.has(digestOf(n)), n >= 200, String(n));
    assert.equal(log.lines.filter((line) => line.includes('dedup.max')).length, 1);
    await store.close();
    const again = await openStore(t, folder);
    const fewer = again.seen('r', 'id', { window: 600_000, max: 100 });
    for (let n = 0; n < 300; n++) assert.equal(fewer.has(digestOf(n)), n >= 200, String(n));
  });

  it('leave nothing on the disk when their window is over, also those of a route that is gone', async (t) => {
    const folder = await folderFor(t);
    const time = clocks(t);
    let store = await openStore(t, folder);
    for (let n = 0; n < 200; n++) await store.seen('gone', 'id', bounds).add(digestOf(n));
    for (let n = 0; n < 200; n++) {
      time.pass(bounds.window / 50);
      await store.seen('r', 'id', bounds).add(digestOf(n));
    }
    await store.close();
    const before = await recordsIn(folder);
    // 50 are within the window; what is over is removed a tenth of the window later at most, or 64 at a time.
    assert.ok(before >= 250 && before <= 200 + 50 + 64 + 1, `${before} records`);
    store = await openStore(t, folder);
    await store.seen('r', 'id', bounds).add(digestOf('last'));
    await store.close();
    const after = await recordsIn(folder);
    assert.ok(after <= 50 + 64 + 2, `${after} records`);
  });
});

/** How many records of seen values a closed store has. */
async function recordsIn(folder: string): Promise<number> {
  const { root, seen } = openTables(folder);
  const records = seen.getKeysCount();
  await root.close();
  return records;
}
