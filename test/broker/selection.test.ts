import assert from 'node:assert/strict';
import { afterEach, describe, it, type TestContext } from 'node:test';
import type { Exchange } from '../../src/broker/exchange.ts';
import type { Selection } from '../../src/broker/selection.ts';
import { accepted, type Outcome } from '../../src/core/outcome.ts';
import { compileSelector } from '../../src/filter/selector.ts';
import { isPending, message, settleDown, textOf, until } from '../helpers.ts';
import { folderFor, openStore } from '../store/support.ts';
import { closeExchanges, exchangeWith, released, Taker } from './support.ts';

afterEach(closeExchanges);

const that = (selector: string, notFrom?: string): Selection => ({
  condition: compileSelector(selector),
  notFrom,
});

/** Message n has the header n, and is even or odd. */
const numbered = (n: number) =>
  message('q', n, {
    headers: [
      ['n', n, 'int'],
      ['even', n % 2 === 0],
    ],
  });
const publish = (exchange: Exchange, ...numbers: number[]): Promise<Outcome>[] =>
  numbers.map((n) => exchange.publish(numbered(n), 'queue', 'client'));
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);
const numbersOf = (taker: Taker): number[] => taker.texts().map(Number);

async function stored(t: TestContext, limit = 1e6): Promise<Exchange> {
  const store = await openStore(t, await folderFor(t));
  const limits = { messages: limit, bytes: 2 ** 40 };
  return exchangeWith({
    durability: { storage: store.endpoint('e'), limits, isTemporary: () => false },
  });
}

describe('consumers of a queue that take only some messages', () => {
  for (const kind of ['in memory', 'stored'] as const) {
    const begin = async (t: TestContext): Promise<Exchange> =>
      kind === 'stored' ? stored(t) : exchangeWith({ backlog: 20 });

    it(`pass over the others, which wait for another consumer; each gets its own in order: ${kind}`, async (t) => {
      const exchange = await begin(t);
      void publish(exchange, ...range(1, 6));
      const [even, odd, any] = [new Taker(), new Taker(), new Taker()];
      exchange.subscribe('q', 'queue', even, undefined, that('even'));
      assert.deepEqual(numbersOf(even), [2, 4, 6]);
      exchange.subscribe('q', 'queue', odd, undefined, that('NOT even AND n > 2'));
      assert.deepEqual(numbersOf(odd), [3, 5]);
      exchange.subscribe('q', 'queue', any);
      assert.deepEqual(numbersOf(any), [1]);
      void publish(exchange, 7, 8);
      const all = [even, odd, any].flatMap(numbersOf).sort((a, b) => a - b);
      assert.deepEqual(all, range(1, 8));
      assert.ok(numbersOf(even).every((n) => n % 2 === 0));
    });

    it(`are given in their place what another one gives back: ${kind}`, async (t) => {
      const exchange = await begin(t);
      const any = new Taker(3);
      exchange.subscribe('q', 'queue', any);
      void publish(exchange, ...range(1, 6));
      const even = new Taker();
      exchange.subscribe('q', 'queue', even, undefined, that('even'));
      assert.deepEqual(numbersOf(even), [4, 6]);
      any.got[0]!.settle(released);
      any.got[1]!.settle(released);
      assert.deepEqual(numbersOf(even), [4, 6, 2]);
      assert.equal(even.got[2]!.deliveryCount, 1);
      const again = new Taker();
      exchange.subscribe('q', 'queue', again, undefined, that('JMSXDeliveryCount = 2'));
      assert.deepEqual(numbersOf(again), [1], 'a condition sees how often a message was delivered');
    });

    it(`leave to the next consumer what they leave: ${kind}`, async (t) => {
      const exchange = await begin(t);
      const even = new Taker(2);
      const hold = exchange.subscribe('q', 'queue', even, undefined, that('even'));
      void publish(exchange, ...range(1, 6));
      assert.deepEqual(numbersOf(even), [2, 4]);
      const other = new Taker();
      exchange.subscribe('q', 'queue', other, undefined, that('even'));
      assert.deepEqual(numbersOf(other), [6]);
      hold.cancel();
      assert.deepEqual(numbersOf(other), [6, 2, 4]);
    });
  }

  it('take theirs though the queue is full of what others want', async () => {
    const exchange = exchangeWith({ backlog: 3 });
    const even = new Taker(2, accepted);
    exchange.subscribe('q', 'queue', even, undefined, that('even'));
    const waiting = publish(exchange, 1, 3, 5);
    assert.equal((await publish(exchange, 2)[0]!).state, 'accepted');
    assert.equal((await publish(exchange, 7)[0]!).state, 'released');
    assert.equal((await publish(exchange, 4)[0]!).state, 'accepted');
    assert.equal((await publish(exchange, 6)[0]!).state, 'released', 'it has no credit');
    for (const each of waiting) assert.ok(await isPending(each));
    const odd = new Taker(9, accepted);
    exchange.subscribe('q', 'queue', odd);
    assert.deepEqual(numbersOf(odd), [1, 3, 5]);
  });

  it('find theirs on the disk behind all that others want', async (t) => {
    const exchange = await stored(t);
    await Promise.all(publish(exchange, ...range(1, 5000)));
    const few = new Taker(2);
    const hold = exchange.subscribe('q', 'queue', few, undefined, that('n > 3000 AND n < 3010'));
    await until(() => few.got.length === 2, 'two are found');
    assert.deepEqual(numbersOf(few), [3001, 3002]);
    few.got[0]!.settle(released);
    few.open = 1;
    hold.pump();
    await until(() => few.got.length === 3, 'it comes again');
    assert.equal(numbersOf(few)[2], 3001, 'in its place');
    few.got[2]!.settle(accepted);
    few.open = 100;
    hold.pump();
    await until(() => few.got.length === 10, 'the others are found');
    assert.deepEqual(numbersOf(few).slice(3), range(3003, 3009));
    void publish(exchange, 3005);
    await until(() => few.got.length === 11, 'also what comes later');
    for (const n of [5, 6]) few.got[n]!.settle(accepted);
    few.open = 0;
    const rest = new Taker(10_000, accepted);
    exchange.subscribe('q', 'queue', rest);
    await until(() => rest.got.length === 4990 + 1, 'another one gets all else');
    assert.deepEqual(
      numbersOf(rest),
      range(1, 5000).filter((n) => n <= 3000 || n >= 3010),
    );
    assert.equal(few.got.length, 11);
  });

  it('lose nothing, repeat nothing and keep their order, whoever comes and goes', async (t) => {
    const exchange = await stored(t);
    let seed = 7;
    const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
    const settled: number[] = [];
    const takers: { taker: Taker; leave: () => void }[] = [];
    const open = (selector: string | undefined, credit: number): void => {
      const taker = new Taker(credit);
      const hold = exchange.subscribe(
        'q',
        'queue',
        taker,
        undefined,
        selector === undefined ? undefined : that(selector),
      );
      takers.push({
        taker,
        leave() {
          const fresh = taker.got.filter(({ deliveryCount }) => deliveryCount === 0);
          const numbers = fresh.map(({ envelope }) => Number(textOf(envelope.body)));
          assert.deepEqual(
            numbers,
            numbers.toSorted((a, b) => a - b),
            'in order',
          );
          for (const delivery of taker.got.splice(0)) {
            const n = Number(textOf(delivery.envelope.body));
            if (random(4) > 0) {
              settled.push(n);
              delivery.settle(accepted);
            }
          }
          hold.cancel();
        },
      });
    };
    const far = ['n > 1500', 'n BETWEEN 1300 AND 1350', 'n > 1200 AND even'];
    const selectors = ['even', 'NOT even', 'n < 300', undefined, ...far, ...far];
    let sent = 1400; // what is beyond 1000 is on the disk alone
    await Promise.all(publish(exchange, ...range(1, sent)));
    for (let round = 0; round < 120; round++) {
      void publish(exchange, ...range(sent + 1, (sent += random(30))));
      open(selectors[random(selectors.length)], 1 + random(30));
      if (takers.length > 3) takers.splice(random(takers.length), 1)[0]!.leave();
      if (random(5) === 0) await settleDown();
    }
    for (const { leave } of takers.splice(0)) leave();
    const rest = new Taker(1e6, accepted);
    exchange.subscribe('q', 'queue', rest);
    await until(() => settled.length + rest.got.length >= sent, 'nothing is lost');
    await settleDown();
    const all = [...settled, ...numbersOf(rest)].sort((a, b) => a - b);
    assert.deepEqual(all, range(1, sent));
    assert.deepEqual(
      numbersOf(rest),
      numbersOf(rest).toSorted((a, b) => a - b),
    );
  });
});

describe('subscribers of a topic that want only some messages', () => {
  const say = (exchange: Exchange, n: number, publisher?: string): Promise<Outcome> =>
    exchange.publish({ ...numbered(n), address: 't.x' }, 'topic', 'client', publisher);

  it('are offered nothing else, and nobody waits for them', async () => {
    const exchange = exchangeWith({ unrouted: 'reject' });
    const even = new Taker(9, accepted);
    const slow = new Taker(0);
    exchange.subscribe('t.*', 'topic', even, undefined, that('even'));
    exchange.subscribe('t.x', 'topic', slow, undefined, that('n = 3'));
    assert.equal((await say(exchange, 2)).state, 'accepted');
    assert.equal((await say(exchange, 1)).state, 'rejected', 'nobody takes it');
    assert.ok(await isPending(say(exchange, 3)), 'a slow one waits for it');
    assert.deepEqual(numbersOf(even), [2]);
  });

  it('may do without what they send themselves', async () => {
    const exchange = exchangeWith();
    const [mine, others] = [new Taker(9, accepted), new Taker(9, accepted)];
    exchange.subscribe('t.x', 'topic', mine, undefined, { condition: undefined, notFrom: 'me' });
    exchange.subscribe('t.x', 'topic', others, undefined, that('even', 'you'));
    await Promise.all([
      say(exchange, 1, 'me'),
      say(exchange, 2, 'me'),
      say(exchange, 4, 'you'),
      say(exchange, 5),
    ]);
    assert.deepEqual([numbersOf(mine), numbersOf(others)], [[4, 5], [2]]);
  });

  it('share a subscription only if they want the same', () => {
    const exchange = exchangeWith();
    exchange.subscribe('t.x', 'topic', new Taker(), 'share', that('even'));
    exchange.subscribe('t.x', 'topic', new Taker(), 'share', that('even'));
    for (const other of [undefined, that('n = 1')])
      assert.throws(
        () => exchange.subscribe('t.x', 'topic', new Taker(), 'share', other),
        /with the selector even/,
      );
  });

  it('that are durable store only these, also after a restart; another selector makes another subscription', async (t) => {
    const folder = await folderFor(t);
    const limits = { messages: 1e6, bytes: 2 ** 40 };
    const first = await openStore(t, folder);
    const options = { limits, isTemporary: () => false };
    let exchange = exchangeWith({ durability: { storage: first.endpoint('e'), ...options } });
    const terms = { address: 't.x', shared: false, selector: 'even', notFrom: 'me' };
    await exchange.durable!.declare('s', terms);
    await say(exchange, 1);
    await say(exchange, 2);
    await say(exchange, 4, 'me');
    await first.close();
    const second = await openStore(t, folder);
    exchange = exchangeWith({ durability: { storage: second.endpoint('e'), ...options } });
    await say(exchange, 5);
    await say(exchange, 6);
    const taker = new Taker();
    const subscription = await exchange.durable!.declare('s', terms);
    const hold = subscription.subscribe(taker);
    await until(() => taker.got.length === 2, 'both are there');
    assert.deepEqual(numbersOf(taker), [2, 6]);
    const other = { ...terms, selector: 'NOT even' };
    await assert.rejects(exchange.durable!.declare('s', other), /with the selector even, and it is in use/);
    hold.cancel();
    const replaced = await exchange.durable!.declare('s', other);
    await say(exchange, 7);
    const late = new Taker();
    replaced.subscribe(late);
    await until(() => late.got.length > 0, 'it stores by the new selector');
    assert.deepEqual(numbersOf(late), [7]);
  });
});
