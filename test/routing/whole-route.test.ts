import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { DeadLetterStore, StoredDeadLetter } from '../../src/core/storage.ts';
import { letterTable, letterText } from '../../src/cli/dlq-text.ts';
import { letterView, summaryView } from '../../src/admin/dead-letter-view.ts';
import { Step, When } from '../../src/routing/route/compiled.ts';
import { DeadLetterDesk } from '../../src/routing/dead-letter-desk.ts';
import type { Dispatcher } from '../../src/routing/dispatch.ts';
import { retryPolicy } from '../../src/routing/route/retry.ts';
import type { ResolvedRoute, RouteTarget, SpoolSettings } from '../../src/routing/route/route.ts';
import { Spool } from '../../src/routing/spool/spool.ts';
import { keptLog, message, textOf, until } from '../helpers.ts';
import { folderFor, openStore } from '../store/support.ts';
import { gateway, MemoryStore, Recorder, route } from './support.ts';

const notAnEvent = (): never => {
  throw new JunctionError('invalid-message', 'it is no event');
};

/** A route that reads nothing of a message until it is mended. */
function unreadable(over: Partial<ResolvedRoute> = {}, targets: readonly Partial<RouteTarget>[] = []) {
  const state = { mended: false };
  const decode = new Step({
    identity: 'test',
    apply: (each) => (state.mended ? { ...each, headers: [...each.headers, ['seen', 'yes']] } : notAnEvent()),
  });
  const base = route('r', ['mqtt', 'a'], [['one', 'x'], ['two', 'x'], ['three', 'x']]); // prettier-ignore
  const retry = retryPolicy([{ attempts: 3, backoff: { from: 5, to: 5 } }], true);
  const routed: ResolvedRoute = {
    ...base,
    from: { ...base.from, decode },
    to: base.to.map((to, n) => ({ ...to, retry, ...targets[n] })),
    deadLetter: 'store',
    ...over,
  };
  return { state, routed };
}

const sinks = () => ({ one: new Recorder(), two: new Recorder(), three: new Recorder() });
const countsOf = (all: Record<string, Recorder>): number[] =>
  Object.values(all).map(({ sent }) => sent.length);
const original = (): Envelope => message('a', 'no event', { id: 'id-1', headers: [['kind', 7, 'int']] });
const deskOf = (store: DeadLetterStore, dispatcher: Dispatcher): DeadLetterDesk =>
  new DeadLetterDesk(store, dispatcher, () => assert.fail('it has a route'));

describe('a message that a route cannot read', () => {
  it('is one dead letter of the route, kept before its sender is told, and goes to all targets again', async () => {
    const { state, routed } = unreadable();
    const [store, all] = [new MemoryStore(), sinks()];
    let keep!: () => void;
    const add = store.add.bind(store);
    store.add = async (letter) => {
      await new Promise<void>((done) => (keep = done));
      return add(letter);
    };
    const { dispatcher, log } = gateway([routed], all, { store });
    const sent = original();
    let told = false;
    const outcome = dispatcher.intakeOf('mqtt').deliver(sent);
    void outcome.then(() => (told = true));
    await until(() => keep !== undefined);
    assert.equal(told, false);
    keep();
    assert.equal((await outcome).state, 'accepted');
    assert.equal(dispatcher.counters.deadLettered, 1);
    assert.equal(store.letters.size, 1);
    const [{ firstAt, lastAt, ...letter }] = [...store.letters.values()] as [StoredDeadLetter];
    assert.equal(firstAt, lastAt);
    assert.deepEqual(letter, {
      id: '1',
      message: { ...sent, origin: undefined },
      source: 'mqtt',
      route: 'r',
      endpoint: undefined,
      address: undefined,
      code: 'invalid-message',
      reason: 'route "r": it is no event',
      attempts: 0,
    });
    assert.match(log.lines[0]!.message, /^a message became a dead letter: route "r": it is no event/);

    const desk = deskOf(store, dispatcher);
    const vain = await desk.replay('1', false);
    assert.ok(vain.state === 'failed' && !vain.retryable && /no event/.test(vain.reason));
    assert.deepEqual([store.letters.size, ...countsOf(all)], [1, 0, 0, 0]);
    state.mended = true;
    assert.deepEqual(await desk.replayAll({ route: 'r' }, { limit: 9 }, false), { replayed: 1, failed: [] });
    assert.deepEqual([store.letters.size, ...countsOf(all)], [0, 1, 1, 1]);
    assert.deepEqual(all.two.sent[0]![1].headers, [['kind', 7, 'int'], ['seen', 'yes']]); // prettier-ignore
  });

  it('goes to an endpoint without a word of targets, and apart from letters of those', async () => {
    const grave = new Recorder();
    const { routed } = unreadable({ deadLetter: { endpoint: 'grave', address: 'dead' } });
    const { dispatcher } = gateway([routed], { ...sinks(), grave });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
    assert.deepEqual([grave.sent.length, dispatcher.counters.deadLettered], [1, 1]);
    const [[address, letter]] = grave.sent as [[string, Envelope]];
    assert.deepEqual([address, textOf(letter.body), letter.id], ['dead', 'no event', 'id-1']);
    const headers = letter.headers.map(([name]) => name).filter((name) => /endpoint|target|route/.test(name));
    assert.deepEqual(headers, ['junction-dead-route']);
    assert.match(letter.identity!, /id-1.* r$/);
  });

  it('is told to its sender where there are no dead letters, or where they cannot be kept', async () => {
    const { routed } = unreadable({ deadLetter: undefined });
    const told = await gateway([routed], sinks()).dispatcher.intakeOf('mqtt').deliver(original());
    assert.ok(told.state === 'rejected' && told.error.message === 'route "r": it is no event');
    const store = new MemoryStore();
    store.add = () => Promise.reject(new JunctionError('unavailable', 'the disk is full'));
    const { dispatcher } = gateway([unreadable().routed], sinks(), { store });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'released');
    assert.equal(dispatcher.counters.deadLettered, 0);
  });

  it('takes nothing from other routes of its address', async () => {
    const [store, all] = [new MemoryStore(), sinks()];
    const other = route('other', ['mqtt', '#'], [['two', 'y']]);
    const { dispatcher } = gateway([unreadable().routed, other], all, { store });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
    assert.deepEqual([store.letters.size, ...countsOf(all)], [1, 0, 1, 0]);
  });

  const cannot = (state: { mended: boolean }) =>
    new When({ text: 'fails', matches: () => state.mended || notAnEvent() });
  const no = new When({ text: 'no', matches: () => false });
  const readable = { from: route('r', ['mqtt', 'a'], []).from };

  it('is one as well where its condition cannot judge it, or that of the only targets that could want it', async () => {
    const { state, routed } = unreadable(readable);
    const when = [cannot(state)];
    for (const judged of [
      { ...routed, when: when[0] },
      { ...routed, to: routed.to.map((to) => ({ ...to, when })) },
      { ...routed, to: routed.to.map((to, n) => ({ ...to, when: n === 1 ? when : [no] })) },
    ]) {
      const [store, all] = [new MemoryStore(), sinks()];
      const { dispatcher } = gateway([judged], all, { store });
      assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
      assert.deepEqual([store.letters.size, ...countsOf(all)], [1, 0, 0, 0]);
      assert.equal([...store.letters.values()][0]!.endpoint, undefined);
    }
  });

  it('takes nothing from targets beside one that cannot judge it, whose dead letter goes there alone', async () => {
    const { state, routed } = unreadable(readable, []);
    const judged = {
      ...routed,
      to: routed.to.map((to, n) => ({ ...to, ...(n > 0 && { when: [n === 1 ? cannot(state) : no] }) })),
    };
    const [store, all] = [new MemoryStore(), sinks()];
    const { dispatcher } = gateway([judged], all, { store });
    const desk = deskOf(store, dispatcher);
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
    assert.deepEqual(countsOf(all), [1, 0, 0]);
    assert.deepEqual(
      [...store.letters.values()].map(({ endpoint, address }) => [endpoint, address]),
      [['two', 'x']],
    );
    assert.equal((await desk.replay('1', false)).state, 'failed');
    assert.deepEqual([store.letters.size, ...countsOf(all)], [1, 1, 0, 0]);
    state.mended = true;
    assert.equal((await desk.replay('1', false)).state, 'replayed');
    assert.deepEqual([store.letters.size, ...countsOf(all)], [0, 1, 1, 0]);
  });

  it('reaches no target where one cannot judge it and there are no dead letters', async () => {
    const { state, routed } = unreadable({ ...readable, deadLetter: undefined }, []);
    const to = routed.to.map((each, n) => (n === 1 ? { ...each, when: [cannot(state)] } : each));
    const all = sinks();
    const { dispatcher } = gateway([{ ...routed, to }], all);
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'rejected');
    assert.deepEqual(countsOf(all), [0, 0, 0]);
  });

  for (const deadLetter of ['store', undefined] as const)
    it(`is no failure where a mirror, or one of a group, cannot judge it (dead letters: ${deadLetter ?? 'none'})`, async () => {
      const { state, routed } = unreadable({ ...readable, deadLetter }, []);
      const when = [cannot(state)];
      const group = { mode: 'any', number: 0 } as const;
      const kinds: Partial<RouteTarget>[] = [{ group, when }, { group }, { mirror: 1, when }];
      const judged = { ...routed, to: routed.to.map((to, n) => ({ ...to, ...kinds[n] })) };
      const [store, all] = [new MemoryStore(), sinks()];
      const { dispatcher } = gateway([judged], all, { store });
      assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
      assert.deepEqual([store.letters.size, ...countsOf(all)], [0, 0, 1, 0]);
      assert.equal(dispatcher.counters.unmirrored, 1);
    });

  for (const mode of ['any', 'failover'] as const)
    it(`goes again to one of a group (${mode}) as ever, and to a mirror that nobody waits for`, async () => {
      const group = { mode, number: 0 };
      const { state, routed } = unreadable({}, [{ group }, { group }, { mirror: 1 }]);
      const refusing = () => new Recorder(async () => Promise.reject(new JunctionError('refused', 'no')));
      const [store, all] = [new MemoryStore(), { one: refusing(), two: new Recorder(), three: refusing() }];
      const { dispatcher } = gateway([routed], all, { store });
      await dispatcher.intakeOf('mqtt').deliver(original());
      assert.equal(store.letters.size, 1);
      state.mended = true;
      assert.deepEqual(await deskOf(store, dispatcher).replay('1', false), { id: '1', state: 'replayed' });
      assert.deepEqual([store.letters.size, ...countsOf(all)], [0, 1, 1, 1]);
      assert.equal(dispatcher.counters.unmirrored, 1);
    });

  it('stays a dead letter until all targets have it, each tried once', async () => {
    const { state, routed } = unreadable();
    let up = false;
    const away = new Recorder(() =>
      up ? Promise.resolve() : Promise.reject(new JunctionError('unavailable', 'away')),
    );
    const [store, all] = [new MemoryStore(), { ...sinks(), two: away }];
    const { dispatcher } = gateway([routed], all, { store });
    await dispatcher.intakeOf('mqtt').deliver(original());
    state.mended = true;
    const desk = deskOf(store, dispatcher);
    const { failed, stopped } = await desk.replayAll({}, { limit: 9 }, false);
    assert.deepEqual([failed.length, stopped, ...countsOf(all)], [1, 'away', 1, 1, 1]);
    up = true;
    assert.equal((await desk.replay('1', false)).state, 'replayed');
    assert.deepEqual([store.letters.size, ...countsOf(all)], [0, 2, 2, 2]);
  });
});

describe('with a spool', () => {
  const settings: SpoolSettings = {
    maxBytes: 2 ** 40,
    maxMessages: undefined,
    maxAge: undefined,
    full: 'block',
  };

  it('is one dead letter of the store, over a restart, and leaves the spool', async (t) => {
    const folder = await folderFor(t);
    const store = await openStore(t, folder);
    const { state, routed } = unreadable({ spool: settings });
    const all = sinks();
    const { dispatcher } = gateway([routed], all, {
      store: store.deadLetters,
      spoolOf: (): Spool => spool,
    });
    const spool = new Spool(store.spool('r'), settings, dispatcher.handover('r'), keptLog());
    spool.start();
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
    await until(() => spool.counts.messages === 0);
    await spool.stop();
    await store.close();

    const again = await openStore(t, folder);
    const [summary, ...more] = await again.deadLetters.list({ route: 'r' }, { limit: 9 });
    assert.deepEqual(more, []);
    assert.deepEqual(await again.deadLetters.list({ endpoint: 'one' }, { limit: 9 }), []);
    const letter = (await again.deadLetters.get(summary!.id))!;
    assert.deepEqual([letter.endpoint, letter.address], [undefined, undefined]);
    assert.equal(textOf(letter.message.body), 'no event');
    assert.ok(!('endpoint' in summaryView(summary!)) && !('address' in letterView(letter)));
    assert.match(letterTable([summaryView(summary!)]), /^1 +\S+Z +r +- +invalid-message +0 +8 +route/m);
    assert.match(letterText(letterView(letter)), /^target +none: it failed for the route as a whole$/m);

    state.mended = true;
    const next = gateway([routed], all, { store: again.deadLetters, spoolOf: () => undefined });
    const replayed = await deskOf(again.deadLetters, next.dispatcher).replay(summary!.id, false);
    assert.equal(replayed.state, 'replayed');
    assert.deepEqual(countsOf(all), [1, 1, 1]);
  });

  it('never goes into the spool, which asks no condition again', async () => {
    const { state, routed } = unreadable({ spool: settings, from: route('r', ['mqtt', 'a'], []).from });
    const when = new When({ text: 'fails', matches: () => state.mended || notAnEvent() });
    const [letters, all] = [new MemoryStore(), sinks()];
    const { dispatcher } = gateway([{ ...routed, when }], all, {
      store: letters,
      spoolOf: () => assert.fail('it is spooled'),
    });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
    assert.deepEqual([letters.letters.size, ...countsOf(all)], [1, 0, 0, 0]);
    const sender = gateway([{ ...routed, when, deadLetter: undefined }], all, {
      spoolOf: () => assert.fail('it is spooled'),
    });
    assert.equal((await sender.dispatcher.intakeOf('mqtt').deliver(original())).state, 'rejected');
  });

  it('is one too, which says why, where it cannot be judged any more when it leaves the spool', async (t) => {
    const store = await openStore(t, await folderFor(t));
    const { state, routed } = unreadable({ spool: settings });
    state.mended = true;
    const { dispatcher } = gateway([routed], sinks(), {
      store: store.deadLetters,
      spoolOf: (): Spool => spool,
    });
    const spool = new Spool(store.spool('r'), settings, dispatcher.handover('r'), keptLog());
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(original())).state, 'accepted');
    state.mended = false;
    spool.start();
    await until(() => spool.counts.messages === 0);
    const letters = await store.deadLetters.list({}, { limit: 9 });
    assert.deepEqual(
      letters.map(({ code, reason, endpoint }) => [code, reason, endpoint]),
      [['invalid-message', 'route "r": it is no event', undefined]],
    );
    await spool.stop();
  });

  it('is one too where the spool is full, or it has waited too long and cannot be judged any more', async (t) => {
    const store = await openStore(t, await folderFor(t));
    const full = { ...settings, maxMessages: 1, full: 'dead-letter' as const, maxAge: 1 };
    const { state, routed } = unreadable({ spool: full });
    state.mended = true;
    const { dispatcher } = gateway([routed], sinks(), {
      store: store.deadLetters,
      spoolOf: (): Spool => spool,
    });
    const spool = new Spool(store.spool('r'), full, dispatcher.handover('r'), keptLog());
    const intake = dispatcher.intakeOf('mqtt');
    assert.equal((await intake.deliver(original())).state, 'accepted');
    assert.equal((await intake.deliver(original())).state, 'accepted');
    const { at } = store.spool('r').read(0, 1, 1)[0]!;
    await until(() => Date.now() > at + 1);
    state.mended = false;
    spool.start();
    await until(() => spool.counts.messages === 0);
    const letters = await store.deadLetters.list({}, { limit: 9 });
    assert.deepEqual(
      letters.map(({ code, endpoint }) => [code, endpoint]),
      [
        ['busy', undefined],
        ['expired', undefined],
      ],
    );
    await spool.stop();
  });
});
