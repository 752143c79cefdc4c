import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { retryPolicy } from '../../src/routing/route/retry.ts';
import type { ResolvedRoute, SpoolSettings } from '../../src/routing/route/route.ts';
import { Spool } from '../../src/routing/spool/spool.ts';
import { drainLimits, type DrainLimits } from '../../src/routing/spool/spool-drain.ts';
import type { Store } from '../../src/store/store.ts';
import { keptLog } from '../helpers.ts';
import { randomFrom } from '../store/random.ts';
import { folderFor, message, numberOf, openStore } from '../store/support.ts';
import { until } from '../until.ts';
import { gateway, route } from './support.ts';

const unbounded: SpoolSettings = {
  maxBytes: 2 ** 40,
  maxMessages: undefined,
  maxAge: undefined,
  full: 'block',
};

interface Setup {
  readonly settings?: Partial<SpoolSettings>;
  readonly limits?: Partial<DrainLimits>;
  readonly over?: Partial<ResolvedRoute>;
}

/** A route from `source` through its spool to the sinks; not started. */
function spooling(
  t: TestContext,
  store: Store,
  sinks: Record<string, Sink>,
  { settings, limits, over }: Setup = {},
) {
  const spoolSettings = { ...unbounded, ...settings };
  const plain = route(
    'r',
    ['source', '#'],
    Object.keys(sinks).map((name) => [name, 'x']),
  );
  const retry = retryPolicy([{ backoff: { from: 10, to: 40 } }], true);
  const spooled = {
    ...plain,
    to: plain.to.map((to) => ({ ...to, retry })),
    spool: spoolSettings,
    deadLetter: 'store' as const,
    ...over,
  };
  const { dispatcher, log } = gateway([spooled], sinks, {
    store: store.deadLetters,
    spoolOf: (): Spool => spool,
  });
  const spool = new Spool(store.spool('r'), spoolSettings, dispatcher.handover('r'), keptLog(), {
    ...drainLimits,
    ...limits,
  });
  t.after(() => spool.stop());
  return { dispatcher, spool, intake: dispatcher.intakeOf('source'), log };
}

const keyed = (number: number, key: string, init: Partial<Envelope> = {}): Envelope =>
  message(number, { key, ...init });

/** Takes messages, unless `refuses` says otherwise. */
class Taker implements Sink {
  readonly taken: Envelope[] = [];
  refuses: (envelope: Envelope) => boolean = () => false;
  async send(envelope: Envelope): Promise<void> {
    await new Promise((resume) => setImmediate(resume));
    if (this.refuses(envelope)) throw new JunctionError('unavailable', 'away');
    this.taken.push(envelope);
  }
  get numbers(): number[] {
    return this.taken.map(numberOf);
  }
}

/** A connection that breaks now and then: all that is under way fails at once, and all that is sent for a while. */
class Flaky extends Taker {
  readonly #underWay = new Set<() => void>();
  #down = false;
  readonly #random: () => number;
  constructor(random: () => number) {
    super();
    this.#random = random;
  }
  override async send(envelope: Envelope): Promise<void> {
    if (!this.#down && this.#random() < 0.003) this.#break();
    if (this.#down) throw new JunctionError('unavailable', 'away');
    let lost: (() => void) | undefined;
    const broken = new Promise<never>((_, reject) => {
      lost = () => reject(new JunctionError('timeout', 'the connection broke'));
      this.#underWay.add(lost);
    });
    const answered = new Promise<void>((resolve) => setImmediate(resolve));
    await Promise.race([answered, broken]);
    this.#underWay.delete(lost!);
    this.taken.push(envelope);
  }
  #break(): void {
    this.#down = true;
    for (const lost of this.#underWay) lost();
    this.#underWay.clear();
    setTimeout(() => (this.#down = false), this.#random() * 10);
  }
}

const setup = async (t: TestContext): Promise<Store> => openStore(t, await folderFor(t));
const deadline = { timeout: 300_000 };

test('a message is accepted once it is on the disk, delivered, and removed', async (t) => {
  const store = await setup(t);
  const target = new Taker();
  const { intake, spool } = spooling(t, store, { target });
  const outcome = await intake.deliver(message(1));
  assert.equal(outcome.state, 'accepted');
  assert.equal(target.taken.length, 0);
  assert.equal(store.spool('r').read(0, 9, Infinity).length, 1);
  spool.start();
  await until(() => spool.counts.messages === 0);
  assert.deepEqual(target.numbers, [1]);
  await spool.stop();
});

for (const seed of [1, 2, 3])
  test(
    `order per key holds, and nothing is lost or doubled, while the target breaks at random (seed ${seed})`,
    deadline,
    async (t) => {
      const store = await setup(t);
      const random = randomFrom(seed);
      const target = new Flaky(random);
      const { intake, spool } = spooling(t, store, { target }, { limits: { window: 200 } });
      spool.start();
      const keyOf = Array.from({ length: 6000 }, () => `k${Math.floor(random() * 30)}`);
      for (let i = 0; i < keyOf.length; i += 500)
        await Promise.all(keyOf.slice(i, i + 500).map((key, j) => intake.deliver(keyed(i + j, key))));
      await until(() => spool.counts.messages === 0, undefined, 50_000);
      assert.equal(target.taken.length, keyOf.length);
      assert.equal(new Set(target.numbers).size, keyOf.length);
      const last = new Map<string, number>();
      for (const each of target.taken) {
        assert.ok(numberOf(each) > (last.get(each.key!) ?? -1), `${each.key} ${numberOf(each)}`);
        last.set(each.key!, numberOf(each));
      }
      await spool.stop();
    },
  );

test(
  'a lane in trouble holds no other: 100,000 of its messages stay on the disk, and come in order later',
  deadline,
  async (t) => {
    const store = await setup(t);
    const target = new Taker();
    target.refuses = ({ key }) => key === 'stuck';
    const { intake, spool } = spooling(t, store, { target }, { limits: { window: 500 } });
    spool.start();
    const body = Buffer.alloc(1000, 1);
    const stuck = 100_000;
    for (let i = 0; i < stuck; i += 2000) {
      await Promise.all(
        Array.from({ length: 2000 }, (_, j) =>
          intake.deliver(keyed(0, 'stuck', { body, headers: [['n', i + j]] })),
        ),
      );
      await intake.deliver(keyed(i, 'free'));
    }
    await until(() => target.taken.length === stuck / 2000, undefined, 30_000);
    await until(() => spool.counts.parked >= stuck - 1, undefined, 30_000);
    await until(() => spool.counts.underWay === 1, 'nothing of it is in memory but its first message');
    assert.equal(spool.counts.messages, stuck);
    target.taken.length = 0;
    target.refuses = () => false;
    await until(() => spool.counts.messages === 0, undefined, 50_000);
    assert.deepEqual(
      target.taken.map(({ headers }) => headers[0]![1]),
      Array.from({ length: stuck }, (_, i) => i),
    );
    await spool.stop();
  },
);

test('many lanes in trouble are more than the window, and still hold no other', deadline, async (t) => {
  const store = await setup(t);
  const target = new Taker();
  target.refuses = ({ key }) => key!.startsWith('stuck');
  const { intake, spool } = spooling(t, store, { target }, { limits: { window: 50 } });
  spool.start();
  for (let i = 0; i < 20; i++)
    await Promise.all([
      ...Array.from({ length: 50 }, (_, j) => intake.deliver(keyed(j, `stuck-${i}-${j}`))),
      intake.deliver(keyed(i, 'free')),
    ]);
  await until(() => target.taken.length === 20, undefined, 20_000);
  target.refuses = () => false;
  await until(() => spool.counts.messages === 0, undefined, 20_000);
  await spool.stop();
});

test(
  'of two targets each is served alone, and what one has it does not get again after a restart',
  deadline,
  async (t) => {
    const folder = await folderFor(t);
    const first = await openStore(t, folder);
    const [up, down] = [new Taker(), new Taker()];
    down.refuses = () => true;
    const { intake, spool } = spooling(t, first, { up, down }, { limits: { window: 100 } });
    spool.start();
    for (let i = 0; i < 2000; i += 500)
      await Promise.all(Array.from({ length: 500 }, (_, j) => intake.deliver(keyed(i + j, `k${j % 7}`))));
    await until(() => up.taken.length === 2000 && spool.counts.parked >= 2000 - 7, undefined, 20_000);
    assert.equal(spool.counts.messages, 2000);
    await spool.stop();
    await first.close();

    const second = await openStore(t, folder);
    const [upAgain, downAgain] = [new Taker(), new Taker()];
    const again = spooling(t, second, { up: upAgain, down: downAgain });
    again.spool.start();
    await until(() => again.spool.counts.messages === 0, undefined, 20_000);
    assert.equal(new Set(downAgain.numbers).size, 2000);
    // at most those that were under way at the stop
    assert.ok(upAgain.taken.length <= 100, `${upAgain.taken.length}`);
    await again.spool.stop();
  },
);

test('a full spool makes sources wait, in order', async (t) => {
  const store = await setup(t);
  const target = new Taker();
  const { intake, spool } = spooling(t, store, { target }, { settings: { maxMessages: 10 } });
  const outcomes = Array.from({ length: 25 }, (_, i) => intake.deliver(message(i)));
  await until(() => spool.counts.messages === 10);
  assert.equal(spool.counts.waiting, 15);
  spool.start();
  for (const outcome of await Promise.all(outcomes)) assert.equal(outcome.state, 'accepted');
  await until(() => spool.counts.messages === 0);
  assert.deepEqual(
    target.numbers,
    Array.from({ length: 25 }, (_, i) => i),
  );
  await spool.stop();
});

test('sources that wait at a full spool are told when the gateway stops', async (t) => {
  const store = await setup(t);
  const { intake, spool } = spooling(t, store, { target: new Taker() }, { settings: { maxMessages: 1 } });
  const outcomes = [intake.deliver(message(1)), intake.deliver(message(2))];
  await spool.stop();
  assert.deepEqual(
    (await Promise.all(outcomes)).map(({ state }) => state),
    ['accepted', 'released'],
  );
});

test('a full spool refuses, by bytes', async (t) => {
  const store = await setup(t);
  const { intake, spool } = spooling(
    t,
    store,
    { target: new Taker() },
    { settings: { maxBytes: 5000, full: 'reject' } },
  );
  const body = Buffer.alloc(2000);
  const outcomes = await Promise.all([1, 2, 3, 4].map((i) => intake.deliver(message(i, { body }))));
  assert.deepEqual(
    outcomes.map(({ state }) => state),
    ['accepted', 'accepted', 'accepted', 'released'],
  );
  const last = outcomes[3]!;
  assert.ok(last.state === 'released' && last.error.code === 'busy');
  assert.match(last.error.message, /the spool of route "r" is full: 3 messages/);
  await spool.stop();
});

test('a full spool makes dead letters', async (t) => {
  const store = await setup(t);
  const { intake, spool } = spooling(
    t,
    store,
    { target: new Taker() },
    { settings: { maxMessages: 1, full: 'dead-letter' } },
  );
  assert.equal((await intake.deliver(message(1))).state, 'accepted');
  assert.equal((await intake.deliver(message(2))).state, 'accepted');
  const letters = await store.deadLetters.list({}, { limit: 9 });
  assert.deepEqual(
    letters.map(({ code, message: { address } }) => [code, address]),
    [['busy', 'numbers/2']],
  );
  await spool.stop();
});

test('what is older than max_age becomes a dead letter of each target that has it not', async (t) => {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  await Promise.all([1, 2].map((i) => store.spool('r').append(message(i))));
  const target = new Taker();
  const { intake, spool } = spooling(t, store, { target }, { settings: { maxAge: 200 } });
  const { at } = store.spool('r').read(0, 1, 1)[0]!;
  await until(() => Date.now() >= at + 300);
  await intake.deliver(message(3));
  spool.start();
  await until(() => spool.counts.messages === 0);
  assert.deepEqual(target.numbers, [3]);
  const letters = await store.deadLetters.list({ code: 'expired' }, { limit: 9 });
  assert.equal(letters.length, 2);
  await spool.stop();
});

test('a message that its target refuses for good becomes a dead letter, and its lane goes on', async (t) => {
  const store = await setup(t);
  const target = new Taker();
  const poison: Sink = {
    send: (envelope) =>
      numberOf(envelope) === 2
        ? Promise.reject(new JunctionError('refused', 'poison'))
        : target.send(envelope),
  };
  const { intake, spool } = spooling(t, store, { poison });
  spool.start();
  await Promise.all([1, 2, 3].map((i) => intake.deliver(keyed(i, 'k'))));
  await until(() => spool.counts.messages === 0);
  assert.deepEqual(target.numbers, [1, 3]);
  assert.equal((await store.deadLetters.list({ code: 'refused' }, { limit: 9 })).length, 1);
  await spool.stop();
});

test(
  'a message stays in the spool while neither its target nor its dead-letter target takes it',
  deadline,
  async (t) => {
    const store = await setup(t);
    const target: Sink = { send: () => Promise.reject(new JunctionError('refused', 'poison')) };
    const grave = new Taker();
    grave.refuses = () => true;
    const setupRoute = spooling(
      t,
      store,
      { target, grave },
      {
        over: { deadLetter: { endpoint: 'grave', address: 'dead' } },
      },
    );
    // the second target of the helper is the grave itself, which refuses too
    setupRoute.spool.start();
    await setupRoute.intake.deliver(message(1));
    await until(() => setupRoute.spool.counts.parked > 0);
    assert.equal(setupRoute.spool.counts.messages, 1);
    grave.refuses = () => false;
    await until(() => setupRoute.spool.counts.messages === 0, undefined, 20_000);
    assert.equal(grave.taken.length, 2);
    await setupRoute.spool.stop();
  },
);

test('a message whose route does not read its address any more becomes a dead letter', async (t) => {
  const store = await setup(t);
  await store.spool('r').append(message(1));
  const { spool } = spooling(
    t,
    store,
    { target: new Taker() },
    {
      over: { from: route('r', ['source', 'other'], [['target', 'x']]).from },
    },
  );
  spool.start();
  await until(() => spool.counts.messages === 0);
  assert.equal((await store.deadLetters.list({ code: 'no-route' }, { limit: 9 })).length, 1);
  await spool.stop();
});

test('a message that has expired ends, and is counted', async (t) => {
  const store = await setup(t);
  await store.spool('r').append(message(1, { expiresAt: Date.now() - 1 }));
  const target = new Taker();
  const { spool, dispatcher } = spooling(t, store, { target });
  spool.start();
  await until(() => spool.counts.messages === 0);
  assert.equal(target.taken.length, 0);
  assert.equal(dispatcher.counters.dropped, 1);
  await spool.stop();
});

test('max_age ends the tries of the first message of a lane too, and what waits behind it', async (t) => {
  const store = await setup(t);
  const target = new Taker();
  target.refuses = () => true;
  const { intake, spool } = spooling(t, store, { target }, { settings: { maxAge: 300 } });
  spool.start();
  await Promise.all([1, 2, 3].map((i) => intake.deliver(keyed(i, 'k'))));
  await until(() => spool.counts.messages === 0);
  const letters = await store.deadLetters.list({}, { limit: 9 });
  assert.deepEqual(letters.map(({ code }) => code).toSorted(), ['expired', 'expired', 'unavailable']);
  assert.equal(target.taken.length, 0);
});
