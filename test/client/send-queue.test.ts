import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { afterEach, describe, it, mock } from 'node:test';
import { JunctionError, type ErrorCode } from '../../src/core/errors.ts';
import { SendQueue, type Outgoing } from '../../src/client/send-queue.ts';
import { isPending, until } from '../helpers.ts';
import { collect } from '../memory.ts';

const limits = { broker: 'the test broker', inFlight: 3, maxPending: 1000, timeout: 60_000 };
const queues: SendQueue<string>[] = [];

function queue(over: Partial<typeof limits> = {}): SendQueue<string> {
  const made = new SendQueue<string>({ ...limits, ...over });
  queues.push(made);
  return made;
}

/** What each message ends with: `ok`, or the code of its error. */
function sent(on: SendQueue<string>, ...values: string[]): Promise<string>[] {
  return values.map((value) => on.push(value, 10).then(() => 'ok', codeOf));
}

const codeOf = (error: unknown): ErrorCode => {
  assert.ok(error instanceof JunctionError);
  return error.code;
};

function takeAll(from: SendQueue<string>): Outgoing<string>[] {
  const all: Outgoing<string>[] = [];
  for (let next = from.take(); next; next = from.take()) all.push(next);
  return all;
}

const valuesOf = (all: readonly Outgoing<string>[]): string[] => all.map(({ value }) => value);

describe('send queue', () => {
  afterEach(() => queues.splice(0).forEach((each) => each.close()));

  it('gives messages in order, no more than may be under way, and resolves each by its own confirmation', async () => {
    const q = queue();
    const [a, b, c, d] = sent(q, 'a', 'b', 'c', 'd');
    const [first, second, third, ...more] = takeAll(q);
    assert.deepEqual(valuesOf([first!, second!, third!, ...more]), ['a', 'b', 'c']);
    q.done(second!);
    assert.equal(await b, 'ok');
    assert.ok((await isPending(a!)) && (await isPending(c!)));
    const [fourth] = takeAll(q);
    assert.equal(fourth!.value, 'd');
    q.done(third!, new JunctionError('refused', 'no'));
    assert.equal(await c, 'refused');
    q.done(first!);
    q.done(fourth!);
    assert.deepEqual(await Promise.all([a, d]), ['ok', 'ok']);
  });

  it('lets nothing overtake a message whose sender was told that its time is up', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const clock = mock.method(performance, 'now', () => 0);
    try {
      const q = queue({ inFlight: 2, timeout: 100 });
      const early = sent(q, 'a');
      clock.mock.mockImplementation(() => 60);
      const later = sent(q, 'b', 'c', 'd');
      assert.deepEqual(valuesOf(takeAll(q)), ['a', 'b']);
      clock.mock.mockImplementation(() => 110);
      mock.timers.tick(10);
      assert.equal(await early[0], 'timeout');
      assert.deepEqual(await Promise.all(later.slice(1)), ['unavailable', 'unavailable'], 'not written yet');
      assert.ok(await isPending(later[0]!), 'the broker may still answer');
      q.putBack();
      assert.equal(await later[0], 'timeout', 'it would be written again, before the first one');
      assert.ok(q.idle);
      const next = sent(q, 'e');
      assert.deepEqual(valuesOf(takeAll(q)), ['e']);
      assert.ok(await isPending(next[0]!));
    } finally {
      mock.timers.reset();
      clock.mock.restore();
    }
  });

  it('counts a confirmation once', async () => {
    const q = queue({ maxPending: 20 });
    const [a] = sent(q, 'a', 'b');
    const [first] = takeAll(q);
    q.done(first!);
    q.done(first!);
    q.done(first!, new JunctionError('refused', 'late'));
    assert.equal(await a, 'ok');
    const [c, d] = sent(q, 'c', 'd');
    assert.ok(await isPending(c!), 'there is room for one more');
    assert.equal(await d, 'busy', 'and not for two');
  });

  it('refuses as busy what exceeds max_pending, but takes one message however large', async () => {
    const q = queue({ maxPending: 5 });
    const [a, b] = sent(q, 'a', 'b');
    assert.equal(await b, 'busy');
    q.done(q.take()!);
    assert.equal(await a, 'ok');
  });

  it('gives what was under way again after a lost connection, first and in order', async () => {
    const q = queue();
    const [a, b, c, d, e] = sent(q, 'a', 'b', 'c', 'd', 'e');
    const [, second] = takeAll(q);
    q.done(second!);
    assert.equal(await b, 'ok');
    q.putBack();
    const again = takeAll(q);
    assert.deepEqual(valuesOf(again), ['a', 'c', 'd']);
    q.putBack();
    q.putBack();
    for (const outgoing of takeAll(q)) q.done(outgoing);
    for (const outgoing of takeAll(q)) q.done(outgoing);
    assert.deepEqual(await Promise.all([a, c, d, e]), ['ok', 'ok', 'ok', 'ok']);
  });

  it('keeps order and memory over many thousands of messages', async () => {
    const q = queue({ inFlight: 100, maxPending: 1e9 });
    const all = Array.from({ length: 10_000 }, (_, n) => q.push(String(n), 1));
    const seen: string[] = [];
    for (let round = takeAll(q); round.length > 0; round = takeAll(q))
      for (const outgoing of round) {
        seen.push(outgoing.value);
        q.done(outgoing);
      }
    await Promise.all(all);
    assert.deepEqual(
      seen,
      all.map((_, n) => String(n)),
    );
  });

  it('says timeout of what was written and unavailable of what was not', async () => {
    const q = queue({ inFlight: 1, timeout: 30 });
    const [a, b] = sent(q, 'a', 'b');
    const written = q.take()!;
    assert.deepEqual(await Promise.all([a, b]), ['timeout', 'unavailable']);
    assert.equal(q.take(), undefined, 'its place is taken until the broker answers');
    q.done(written);
    const [c] = sent(q, 'c');
    q.done(q.take()!);
    assert.equal(await c, 'ok');
  });

  it('does not send again what has timed out', async () => {
    const q = queue({ timeout: 30 });
    const [a] = sent(q, 'a');
    q.take();
    assert.equal(await a, 'timeout');
    q.putBack();
    const [b] = sent(q, 'b');
    assert.deepEqual(valuesOf(takeAll(q)), ['b']);
    q.putBack();
    assert.equal(await b, 'unavailable');
  });

  it('times out a message of no bytes too', async () => {
    const q = queue({ timeout: 30 });
    const other = q.push('first', 0).catch(codeOf);
    assert.equal(await other, 'unavailable');
    assert.equal(await q.push('second', 0).catch(codeOf), 'unavailable');
  });

  it('lets go of what has timed out while the broker is away', async () => {
    const q = new SendQueue<object>({ ...limits, timeout: 20 });
    try {
      const refs = await fillAndForget(q);
      await until(() => (collect(), refs.every((ref) => ref.deref() === undefined)), 'none is kept');
    } finally {
      q.close();
    }
  });

  it('looks at deadlines only while there is something to wait for', async () => {
    const intervals = mock.method(globalThis, 'setInterval');
    const cleared = mock.method(globalThis, 'clearInterval');
    try {
      const q = queue({ timeout: 200 });
      for (let n = 0; n < 3; n++) {
        const [a] = sent(q, 'a');
        q.done(q.take()!);
        await a;
      }
      assert.equal(intervals.mock.callCount(), 1, 'one sweep for all');
      const before = cleared.mock.callCount();
      await until(() => cleared.mock.callCount() > before, 'the sweep has ended');
      void sent(q, 'b');
      assert.equal(intervals.mock.callCount(), 2, 'and begins again');
    } finally {
      intervals.mock.restore();
      cleared.mock.restore();
    }
  });

  it('fails everything when it closes, and takes nothing more', async () => {
    const q = queue({ inFlight: 1 });
    const [a, b] = sent(q, 'a', 'b');
    const under = q.take()!;
    q.close();
    q.done(under);
    q.close();
    const [c] = sent(q, 'c');
    assert.deepEqual(await Promise.all([a, b, c]), ['closed', 'closed', 'closed']);
    assert.equal(q.take(), undefined);
  });
});

/** Lets ten messages time out; returns what tells whether any is kept. */
async function fillAndForget(q: SendQueue<object>): Promise<WeakRef<object>[]> {
  const refs: WeakRef<object>[] = [];
  const codes = Array.from({ length: 10 }, (_, n) => {
    const value = { n };
    refs.push(new WeakRef(value));
    return q.push(value, 10).catch(codeOf);
  });
  assert.deepEqual(new Set(await Promise.all(codes)), new Set(['unavailable']));
  return refs;
}
