import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KeptQueue } from '../../src/core/storage.ts';
import { Store } from '../../src/store/store.ts';
import { folderFor, linesLog, message as numbered, numberOf, openStore } from './support.ts';

const everything = (queue: KeptQueue): number[] =>
  queue.read(0, 1e6, Infinity).map((each) => numberOf(each.message));

test('queues and values of endpoints are there after a restart, and do not meet those of others', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const [one, two] = [store.endpoint('one'), store.endpoint('two')];
  await Promise.all([
    one.queue('q').append(numbered(1), { qos: 1 }),
    one.queue('q').append(numbered(2)),
    two.queue('q').append(numbered(3)),
    store.spool('q').append(numbered(4)),
    one.put('session/__proto__', { clean: false }),
    one.put('gone', 1),
    two.put('session/__proto__', ['x']),
  ]);
  const [first, second] = one.queue('q').read(0, 9, Infinity);
  await Promise.all([
    one.delete('gone'),
    one.put('session/__proto__', { clean: true }),
    one.queue('q').mark(second!.sequence, { released: true }),
  ]);
  assert.deepEqual(first!.note, { qos: 1 });
  await store.close();

  const again = await openStore(t, folder);
  const [mine, theirs] = [again.endpoint('one'), again.endpoint('two')];
  assert.deepEqual(everything(mine.queue('q')), [1, 2]);
  assert.deepEqual(
    mine
      .queue('q')
      .read(0, 9, Infinity)
      .map(({ note }) => note),
    [{ qos: 1 }, { released: true }],
  );
  assert.deepEqual(everything(theirs.queue('q')), [3]);
  assert.equal(again.spool('q').messages, 1);
  assert.deepEqual([...mine.entries()], [['session/__proto__', { clean: true }]]);
  assert.deepEqual([...theirs.entries()], [['session/__proto__', ['x']]]);
  assert.deepEqual([...again.endpoints()].sort(), [
    ['one', { queues: 1, messages: 2 }],
    ['two', { queues: 1, messages: 1 }],
  ]);
});

test('a place that was reserved is taken later, and keeps its order over a restart', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const queue = store.endpoint('e').queue('q');
  const early = queue.reserve();
  await queue.append(numbered(2));
  assert.deepEqual(await queue.append(numbered(1), undefined, early), {
    sequence: early,
    bytes: queue.get(early)!.bytes,
  });
  queue.reserve(); // is never used
  await queue.append(numbered(3));
  await store.close();
  const again = (await openStore(t, folder)).endpoint('e').queue('q');
  await again.append(numbered(4));
  assert.deepEqual(everything(again), [1, 2, 3, 4]);
});

test('a queue that is deleted takes along what is on the disk, what is being written and what is not written yet', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const endpoint = store.endpoint('e');
  const queue = endpoint.queue('q');
  await Promise.all(Array.from({ length: 100 }, (_, i) => queue.append(numbered(i))));
  await queue.mark(queue.read(0, 1, 1)[0]!.sequence, 'x');
  const underWay = queue.append(numbered(100));
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  const late = queue.append(numbered(101));
  const other = endpoint.queue('other').append(numbered(7));
  const deleted = endpoint.deleteQueue('q');
  await assert.rejects(queue.append(numbered(102)), { code: 'closed' });
  await endpoint.queue('q').append(numbered(103));
  await Promise.all([underWay, late, other, deleted]);
  await queue.remove({ sequence: 1, bytes: 1 });
  await store.close();

  const again = (await openStore(t, folder)).endpoint('e');
  assert.deepEqual([...again.queues().keys()].sort(), ['other', 'q']);
  assert.deepEqual(everything(again.queue('q')), [103]);
  assert.equal(again.queue('q').messages, 1);
  assert.deepEqual(everything(again.queue('other')), [7]);
});

test('a letter of a queue has no route, and goes to the disk with the removal', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  const endpoint = store.endpoint('e');
  const queue = endpoint.queue('q');
  const place = await queue.append(numbered(1));
  const letter = { address: 'q', code: 'refused', reason: 'no', attempts: 1, firstAt: 1, lastAt: 2 } as const;
  await Promise.all([endpoint.bury({ message: numbered(1), ...letter }), queue.remove(place)]);
  await store.close();
  const again = await openStore(t, folder);
  const kept = (await again.deadLetters.get('1'))!;
  const { message } = kept;
  assert.deepEqual(kept, { id: '1', ...letter, source: 'e', endpoint: 'e', route: undefined, message });
  assert.equal(numberOf(message), 1);
  assert.equal(again.endpoint('e').queue('q').messages, 0);
});

test('before the store is open nothing is kept, and that is said', async (t) => {
  const store = new Store({ folder: await folderFor(t), damaged: 'refuse' }, linesLog());
  const endpoint = store.endpoint('e');
  assert.throws(() => endpoint.queue('q'), { code: 'unavailable' });
  await assert.rejects(endpoint.put('x', 1), { code: 'unavailable' });
  await store.open();
  t.after(() => store.close());
  await endpoint.put('x', 1);
  assert.deepEqual([...endpoint.entries()], [['x', 1]]);
});
