import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { JunctionError } from '../../src/core/errors.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { SeenBounds, SeenStore, SeenValues } from '../../src/core/storage.ts';
import { parseValueTemplate } from '../../src/core/value-template.ts';
import { Deduplications } from '../../src/routing/dedup.ts';
import type { DedupSettings, ResolvedRoute } from '../../src/routing/route/route.ts';
import { isPending, keptLog, message, settleDown, textOf } from '../helpers.ts';
import { gateway, MemoryStore, Recorder, route } from './support.ts';

/** Remembers in memory; what it is told is `written` when the test says so. */
class MemorySeen implements SeenStore {
  readonly sets = new Map<string, Set<string>>();
  failure: JunctionError | undefined;
  /** Resolves before anything counts as written. */
  written: Promise<void> = Promise.resolve();

  seen(name: string, by: string, _bounds: SeenBounds): SeenValues {
    const values = new Set<string>();
    this.sets.set(`${name} ${by}`, values);
    const failure = (): JunctionError | undefined => this.failure;
    const written = (): Promise<void> => this.written;
    return {
      get size() {
        return values.size;
      },
      get stopped() {
        return failure();
      },
      has: (digest) => values.has(digest.toString('hex')),
      async add(digest) {
        await written();
        const error = failure();
        if (error) throw error;
        values.add(digest.toString('hex'));
      },
    };
  }
}

const settings = (by = '{id}', captures: string[] = []): DedupSettings => ({
  by: parseValueTemplate(by, captures),
  window: 60_000,
  max: 1000,
});

const away = new JunctionError('unavailable', 'away');
const refused = new JunctionError('refused', 'no');

/** A gateway whose routes remember, and what it remembers with. */
function once(routes: ResolvedRoute[], sinks: Record<string, Recorder>, options = {}) {
  const seen = new MemorySeen();
  const log = keptLog();
  const all = new Deduplications(seen, log);
  const made = gateway(routes, sinks, { dedupOf: (each) => all.of(each, each.dedup!), ...options });
  const intake = made.dispatcher.intakeOf('mqtt');
  const deliver = (id: string | undefined, address = 'a', over = {}): Promise<Outcome> =>
    intake.deliver(message(address, id ?? 'none', { id, ...over }));
  return { ...made, seen, deliver, log };
}

const guarded = (name: string, to: string, over: Partial<ResolvedRoute> = {}): ResolvedRoute =>
  route(name, ['mqtt', 'a'], [[to, 'x']], { dedup: settings(), ...over });

describe('a route with dedup', () => {
  it('accepts a repeat of what came through, counts it, and does not send it again', async () => {
    const target = new Recorder();
    const { deliver, dispatcher, log } = once([guarded('r', 'amqp')], { amqp: target });
    for (const id of ['a', 'b', 'a', 'a', 'b', 'c']) assert.equal((await deliver(id)).state, 'accepted');
    assert.deepEqual(
      target.sent.map(([, { id }]) => id),
      ['a', 'b', 'c'],
    );
    assert.equal(dispatcher.counters.deduplicated, 3);
    assert.deepEqual(
      log.lines.map(({ level }) => level),
      ['debug', 'debug', 'debug'],
    );
  });

  it('tells its source nothing before what it remembers is on the disk', async () => {
    const target = new Recorder();
    const { deliver, seen } = once([guarded('r', 'amqp')], { amqp: target });
    let written = (): void => undefined;
    seen.written = new Promise((resolve) => (written = resolve));
    const outcome = deliver('a');
    const repeat = deliver('a');
    assert.ok(await isPending(Promise.race([outcome, repeat])));
    assert.equal(target.sent.length, 1);
    written();
    assert.deepEqual([(await outcome).state, (await repeat).state], ['accepted', 'accepted']);
    assert.equal(target.sent.length, 1);
  });

  it('remembers nothing that was not taken: a repeat while it is under way shares its outcome, a later one is sent', async () => {
    for (const [error, state] of [
      [away, 'released'],
      [refused, 'rejected'],
    ] as const) {
      let fail = (_: Error): void => undefined;
      const answers = [new Promise<void>((_, reject) => (fail = reject)), Promise.resolve()];
      const target = new Recorder(() => answers.shift()!);
      const { deliver, dispatcher } = once([guarded('r', 'amqp')], { amqp: target });
      const [first, repeat] = [deliver('a'), deliver('a')];
      await settleDown();
      assert.equal(target.sent.length, 1);
      fail(error);
      assert.deepEqual([(await first).state, (await repeat).state], [state, state]);
      assert.equal(dispatcher.counters.deduplicated, 0);
      assert.equal((await deliver('a')).state, 'accepted');
      assert.equal(target.sent.length, 2);
      assert.equal((await deliver('a')).state, 'accepted');
      assert.equal(target.sent.length, 2);
    }
  });

  it('with several targets remembers when all have it; one that became a dead letter counts', async () => {
    let up = false;
    const [one, two] = [new Recorder(), new Recorder(() => (up ? Promise.resolve() : Promise.reject(away)))];
    const both = route(
      'r',
      ['mqtt', 'a'],
      [
        ['amqp', 'x'],
        ['stomp', 'y'],
      ],
      { dedup: settings() },
    );
    const { deliver } = once([both], { amqp: one, stomp: two });
    assert.equal((await deliver('a')).state, 'released');
    up = true;
    assert.equal((await deliver('a')).state, 'accepted');
    assert.equal((await deliver('a')).state, 'accepted');
    assert.deepEqual([one.sent.length, two.sent.length], [2, 2]);

    const refuses = new Recorder(() => Promise.reject(refused));
    const store = new MemoryStore();
    const dead = once([guarded('r', 'amqp', { deadLetter: 'store' })], { amqp: refuses }, { store });
    for (let n = 0; n < 3; n++) assert.equal((await dead.deliver('a')).state, 'accepted');
    assert.deepEqual([refuses.sent.length, store.letters.size], [1, 1]);
  });

  it('knows nothing of the other routes of a message', async () => {
    const [one, two] = [new Recorder(), new Recorder()];
    const { deliver } = once([guarded('r', 'amqp'), route('plain', ['mqtt', '+'], [['stomp', 'y']])], {
      amqp: one,
      stomp: two,
    });
    for (let n = 0; n < 3; n++) await deliver('a');
    assert.deepEqual([one.sent.length, two.sent.length], [1, 3]);
  });

  it('sends what it cannot tell apart, and counts that', async () => {
    const target = new Recorder();
    const { deliver, dispatcher, log } = once([guarded('r', 'amqp')], { amqp: target });
    for (let n = 0; n < 3; n++) assert.equal((await deliver(undefined)).state, 'accepted');
    assert.equal(target.sent.length, 3);
    assert.deepEqual([dispatcher.counters.unidentified, dispatcher.counters.deduplicated], [3, 0]);
    assert.equal(log.lines.filter(({ level }) => level === 'warn').length, 1);
  });

  it('tells messages apart by what its template says', async () => {
    const target = new Recorder();
    const by = settings('{plant}/{header.order}', ['plant']);
    const orders = route('r', ['mqtt', 'plants/{plant}'], [['amqp', 'x']], { dedup: by });
    const { deliver } = once([orders], { amqp: target });
    const send = (plant: string, order: string): Promise<Outcome> =>
      deliver(undefined, `plants/${plant}`, { headers: [['order', order]] });
    for (const [plant, order] of [
      ['p', '1'],
      ['q', '1'],
      ['p', '1'],
      ['p', '2'],
    ] as const)
      await send(plant, order);
    assert.equal(target.sent.length, 3);
  });

  it('sends nothing while it could not remember it', async () => {
    const target = new Recorder();
    const { deliver, seen } = once([guarded('r', 'amqp')], { amqp: target });
    seen.failure = new JunctionError('unavailable', 'the disk is full');
    assert.equal((await deliver('a')).state, 'released');
    assert.equal(target.sent.length, 0);
  });

  it('with a spool remembers in the tick in which the message is written there', async () => {
    const appended: string[] = [];
    let full = false;
    const spoolOf = () => ({
      append: (envelope: { body: Uint8Array | null }, beside?: () => void): Promise<void> => {
        if (full) return Promise.reject(new JunctionError('busy', 'full'));
        appended.push(textOf(envelope.body));
        beside?.();
        return Promise.resolve();
      },
    });
    const spooled = guarded('r', 'amqp', {
      spool: { maxBytes: 1e9, maxMessages: undefined, maxAge: undefined, full: 'reject' },
    });
    const { deliver } = once([spooled], { amqp: new Recorder() }, { spoolOf });
    full = true;
    assert.equal((await deliver('a')).state, 'released');
    full = false;
    for (const id of ['a', 'a', 'b', 'a']) assert.equal((await deliver(id)).state, 'accepted');
    assert.deepEqual(appended, ['a', 'b']);
  });

  it('sends each message once and loses none, however targets fail and sources repeat', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ id: fc.integer({ min: 0, max: 5 }), pause: fc.boolean() }), { maxLength: 40 }),
        fc.array(fc.constantFrom('ok', 'ok', 'away', 'refused'), { maxLength: 60 }),
        async (steps, answers) => {
          const taken: string[] = [];
          const target = new Recorder(async ({ id }) => {
            const answer = answers.shift() ?? 'ok';
            await settleDown();
            if (answer === 'away') throw away;
            if (answer === 'refused') throw refused;
            taken.push(id as string);
          });
          const { deliver } = once([guarded('r', 'amqp')], { amqp: target });
          const acknowledged = new Set<string>();
          const all = [];
          for (const { id, pause } of steps) {
            const name = String(id);
            const outcome = deliver(name).then(({ state }) => state === 'accepted' && acknowledged.add(name));
            all.push(outcome);
            if (pause) await outcome;
          }
          await Promise.all(all);
          assert.equal(new Set(taken).size, taken.length, 'each at most once');
          assert.deepEqual(new Set(taken), acknowledged);
        },
      ),
      { numRuns: 100 },
    );
  });
});
