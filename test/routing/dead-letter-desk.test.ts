import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JunctionError, type ErrorCode } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { DeadLetterDesk } from '../../src/routing/dead-letter-desk.ts';
import type { ResolvedRoute } from '../../src/routing/route/route.ts';
import { message, settleDown, textOf } from '../helpers.ts';
import { gateway, MemoryStore, Recorder, route } from './support.ts';

const fails = (code: ErrorCode) => Promise.reject(new JunctionError(code, 'no'));
const standard = (to: Parameters<typeof route>[2] = [['x', 'b', {}]]): ResolvedRoute =>
  route('r', ['mqtt', 'a'], to, { deadLetter: 'store' });

/** A gateway whose target `x` has refused these messages, and the desk where they lie. */
/** No letter here is one of a queue. */
const nowhere = (): never => assert.fail('it has a route');

async function refused(
  bodies: string[],
  over: { routes?: ResolvedRoute[]; sinks?: Record<string, Sink> } = {},
) {
  const store = new MemoryStore();
  let up = false;
  const x = new Recorder(() => (up ? Promise.resolve() : fails('refused')));
  const sinks = { x, ...over.sinks };
  const { dispatcher } = gateway(over.routes ?? [standard()], sinks, { store });
  for (const body of bodies) await dispatcher.intakeOf('mqtt').deliver(message('a', body));
  up = true;
  x.sent.length = 0;
  return { store, x, dispatcher, desk: new DeadLetterDesk(store, dispatcher, nowhere) };
}

describe('replaying dead letters', () => {
  it('sends each once and removes it after the confirmation', async () => {
    const { store, x, desk } = await refused(['1', '2', '3']);
    const kept = store.remove.bind(store);
    store.remove = (id) => {
      assert.equal(x.sent.length, Number(id), 'it was sent before');
      return kept(id);
    };
    assert.deepEqual(await desk.replayAll({}, { limit: 2 }, false), { replayed: 2, failed: [], next: '2' });
    assert.deepEqual(await desk.replayAll({}, { limit: 2, after: '2' }, false), { replayed: 1, failed: [] });
    assert.deepEqual(
      x.sent.map(([, { body }]) => textOf(body)),
      ['1', '2', '3'],
    );
    assert.equal(store.letters.size, 0);
    assert.deepEqual(await desk.replay('1', false), { id: '1', state: 'missing' });
  });

  it('keeps what fails, makes no second letter of it, and stops where a target is away', async () => {
    let code: ErrorCode = 'refused';
    const away = new Recorder(() => fails(code));
    const { store, desk } = await refused(['1', '2'], { sinks: { x: away } });
    const kept = await desk.replayAll({}, { limit: 10 }, false);
    assert.deepEqual([kept.failed.map(({ id }) => id), kept.stopped], [['1', '2'], undefined]);
    code = 'unavailable';
    away.sent.length = 0;
    const stopped = await desk.replayAll({}, { limit: 10 }, false);
    assert.deepEqual([stopped.failed.map(({ id }) => id), stopped.stopped], [['1'], 'no']);
    assert.equal(away.sent.length, 1, 'once: what fails is not tried again here');
    assert.deepEqual([...store.letters.keys()], ['1', '2']);
  });

  it('sends a message once although two ask for it', async () => {
    let confirm!: () => void;
    const slow: Recorder = new Recorder(({ hops }) =>
      hops === 1 && slow.sent.length === 1 ? fails('refused') : new Promise((resolve) => (confirm = resolve)),
    );
    const { store, desk } = await refused(['1'], { sinks: { x: slow } });
    const first = desk.replay('1', false);
    await settleDown();
    const second = await desk.replay('1', false);
    assert.ok(second.state === 'failed' && second.code === 'busy');
    await assert.rejects(desk.drop('1'), /someone else/);
    assert.equal(store.letters.size, 1);
    confirm();
    assert.equal((await first).state, 'replayed');
    assert.equal(slow.sent.length, 2);
  });

  it('says so where a letter was delivered and could not be removed', async () => {
    const { store, desk } = await refused(['1']);
    store.remove = () => Promise.reject(new JunctionError('unavailable', 'the disk is full'));
    const result = await desk.replay('1', false);
    assert.ok(result.state === 'failed' && /was delivered.*the disk is full/.test(result.reason));
    assert.equal(store.letters.size, 1);
  });

  it('keeps what is for a route or target that is no more', async () => {
    const { store, desk } = await refused(['1']);
    const letter = (await store.get('1'))!;
    await store.add({ ...letter, route: 'gone' });
    await store.add({ ...letter, message: message('elsewhere') });
    await store.add({ ...letter, endpoint: 'y' });
    for (const id of ['2', '3', '4']) {
      const result = await desk.replay(id, false);
      assert.ok(result.state === 'failed' && result.code === 'no-route' && !result.retryable, id);
    }
    assert.equal(store.letters.size, 4);
  });

  it('goes to where the mended route says, and only to the target that failed', async () => {
    const y = new Recorder();
    const { store, x, desk } = await refused([], {
      routes: [
        standard([
          ['x', 'new', {}],
          ['y', 'other', {}],
        ]),
      ],
      sinks: { y },
    });
    const now = Date.now();
    const letter = { message: message('a'), route: 'r', source: 'mqtt', endpoint: 'x', address: 'old' };
    const failure = { code: 'refused', reason: 'no', attempts: 1, firstAt: now, lastAt: now } as const;
    await store.add({ ...letter, ...failure });
    await store.add({ ...letter, ...failure });
    assert.equal((await desk.replay('1', false)).state, 'replayed');
    assert.deepEqual([x.sent.map(([address]) => address), y.sent.length], [['new'], 0]);
    assert.equal((await desk.replay('2', true)).state, 'replayed');
    assert.deepEqual([x.sent.length, y.sent.length], [2, 1]);
  });

  it('does not overtake messages that wait for the target', async () => {
    const stuck = new Recorder(() => fails('unavailable'));
    const { store, dispatcher, desk } = await refused([], { sinks: { x: stuck } });
    const waiting = dispatcher.intakeOf('mqtt').deliver(message('a'));
    await settleDown();
    const now = Date.now();
    const letter = { message: message('a'), route: 'r', source: 'mqtt', endpoint: 'x', address: 'b' };
    await store.add({ ...letter, code: 'refused', reason: 'no', attempts: 1, firstAt: now, lastAt: now });
    const result = await desk.replay('1', false);
    assert.ok(result.state === 'failed' && result.code === 'busy' && result.retryable);
    dispatcher.stop();
    assert.equal((await waiting).state, 'released');
  });

  it('drops many, but not what is being sent', async () => {
    const { store, desk } = await refused(['1', '2', '3']);
    assert.deepEqual(await desk.dropAll({ route: 'other' }, { limit: 10 }), { dropped: 0 });
    assert.deepEqual(await desk.dropAll({ route: 'r' }, { limit: 2 }), { dropped: 2, next: '2' });
    assert.equal(await desk.drop('3'), true);
    assert.equal(await desk.drop('3'), false);
    assert.equal(store.letters.size, 0);
  });
});
