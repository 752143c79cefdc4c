import assert from 'node:assert/strict';
import { afterEach, describe, it, type TestContext } from 'node:test';
import type { Exchange, ExchangeOptions } from '../../src/broker/exchange.ts';
import { accepted, type Outcome } from '../../src/core/outcome.ts';
import type { Store } from '../../src/store/store.ts';
import { isPending, message, textOf, until } from '../helpers.ts';
import { heldBuffers } from '../memory.ts';
import { folderFor, openStore } from '../store/support.ts';
import { closeExchanges, exchangeWith, rejected, released, Taker } from './support.ts';

afterEach(closeExchanges);

const plenty = { messages: 1e6, bytes: 2 ** 40 };

const over = (store: Store, options: Partial<ExchangeOptions> = {}, limits = plenty) => ({
  ...options,
  durability: {
    storage: store.endpoint('e'),
    limits,
    isTemporary: (address: string) => address.startsWith('temp'),
  },
});

async function begin(t: TestContext, options?: Partial<ExchangeOptions>, limits = plenty) {
  const folder = await folderFor(t);
  const store = await openStore(t, folder);
  return { folder, store, exchange: exchangeWith(over(store, options, limits)) };
}

/** Another life of the gateway: nothing of the first is told that it ends. */
async function restart(t: TestContext, old: { folder: string; store: Store; exchange: Exchange }) {
  await old.store.close();
  const store = await openStore(t, old.folder);
  return { folder: old.folder, store, exchange: exchangeWith(over(store)) };
}

/** How many messages of the queue are on the disk. */
const stored = (store: Store): number => store.endpoint('e').queues().get('queue/q')?.messages ?? 0;

const publish = (exchange: Exchange, numbers: readonly number[]): Promise<Outcome>[] =>
  numbers.map((n) => exchange.publish(message('q', n), 'queue', 'client'));

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const allAccepted = async (outcomes: Promise<Outcome>[]): Promise<void> =>
  assert.deepEqual(new Set((await Promise.all(outcomes)).map(({ state }) => state)), new Set(['accepted']));

describe('a stored queue', () => {
  it('accepts what finds no consumer once it is stored, and delivers it in order after a restart', async (t) => {
    const first = await begin(t);
    await allAccepted(publish(first.exchange, range(1, 5000)));
    const second = await restart(t, first);
    await allAccepted(publish(second.exchange, range(5001, 5100)));
    const taker = new Taker(10_000, accepted);
    second.exchange.subscribe('q', 'queue', taker);
    await until(() => taker.got.length === 5100, 'all are there');
    assert.deepEqual(taker.texts().map(Number), range(1, 5100));
    await until(() => stored(second.store) === 0, 'all are removed');
    const third = await restart(t, second);
    const none = new Taker();
    third.exchange.subscribe('q', 'queue', none);
    assert.equal(stored(third.store), 0);
    assert.equal(none.got.length, 0);
  });

  it('writes nothing for what a consumer settles at once', async (t) => {
    const { exchange, store } = await begin(t);
    exchange.subscribe('q', 'queue', new Taker(1000, accepted));
    await allAccepted(publish(exchange, range(1, 100)));
    assert.equal(store.endpoint('e').queues().size, 0);
  });

  it('stores what its consumers leave waiting or unsettled, so that a publisher does not wait for itself', async (t) => {
    const first = await begin(t);
    const slow = new Taker(2);
    first.exchange.subscribe('q', 'queue', slow);
    await allAccepted(publish(first.exchange, range(1, 4)));
    assert.deepEqual(slow.texts(), ['1', '2']);
    slow.got[0]!.settle(accepted);
    await until(() => stored(first.store) === 3, '1 is removed');
    const second = await restart(t, first);
    const taker = new Taker();
    second.exchange.subscribe('q', 'queue', taker);
    assert.deepEqual(taker.texts(), ['2', '3', '4']);
  });

  it('keeps the order of what is released, stored early and stored late', async (t) => {
    const first = await begin(t);
    const slow = new Taker(3);
    const hold = first.exchange.subscribe('q', 'queue', slow);
    const outcomes = publish(first.exchange, range(1, 3));
    hold.cancel();
    outcomes.push(...publish(first.exchange, range(4, 6)));
    await allAccepted(outcomes);
    const again = new Taker(2);
    first.exchange.subscribe('q', 'queue', again);
    assert.deepEqual(
      again.got.map(({ deliveryCount, envelope }) => [textOf(envelope.body), deliveryCount]),
      [
        ['1', 1],
        ['2', 1],
      ],
    );
    again.got[0]!.settle(accepted);
    again.got[1]!.settle(released);
    const second = await restart(t, first);
    const taker = new Taker();
    second.exchange.subscribe('q', 'queue', taker);
    assert.deepEqual(taker.texts(), ['2', '3', '4', '5', '6']);
  });

  it('makes a dead letter of what a consumer refuses after its publisher was accepted, and tells the publisher before', async (t) => {
    const { exchange, store } = await begin(t);
    await allAccepted(publish(exchange, [1]));
    const taker = new Taker();
    exchange.subscribe('q', 'queue', taker);
    const [told] = publish(exchange, [2]);
    taker.got[1]!.settle(rejected);
    assert.equal(await told, rejected);
    taker.got[0]!.settle(rejected);
    let letters = await store.deadLetters.list({}, { limit: 9 });
    await until(
      async () => (letters = await store.deadLetters.list({}, { limit: 9 })).length > 0,
      'a letter',
    );
    assert.equal(letters.length, 1);
    const { address, endpoint, source, route, code, attempts } = letters[0]!;
    assert.deepEqual(
      { address, endpoint, source, route, code, attempts },
      { address: 'q', endpoint: 'e', source: 'e', route: undefined, code: 'refused', attempts: 1 },
    );
    assert.equal(textOf((await store.deadLetters.get(letters[0]!.id))!.message.body), '1');
  });

  it('drops what expires while it waits', async (t) => {
    const { exchange, store } = await begin(t);
    const late = { ...message('q', 1), expiresAt: Date.now() - 1 };
    await allAccepted([exchange.publish(late, 'queue', 'client'), ...publish(exchange, [2])]);
    const taker = new Taker(9, accepted);
    exchange.subscribe('q', 'queue', taker);
    assert.deepEqual(taker.texts(), ['2']);
    assert.deepEqual(await store.deadLetters.list({}, { limit: 9 }), []);
  });

  it('has bounds on the disk, and takes more when there is room', async (t) => {
    const { exchange } = await begin(t, {}, { messages: 3, bytes: 1e6 });
    const outcomes = await Promise.all(publish(exchange, range(1, 4)));
    assert.deepEqual(
      outcomes.map((o) => (o.state === 'accepted' ? o.state : o.error.code)),
      ['accepted', 'accepted', 'accepted', 'busy'],
    );
    const taker = new Taker(1, accepted);
    const hold = exchange.subscribe('q', 'queue', taker);
    assert.deepEqual(taker.texts(), ['1']);
    hold.cancel();
    await allAccepted(publish(exchange, [5]));
  });

  it('holds a bounded part of a long queue in memory, and hands all of it out in order', async (t) => {
    const { exchange } = await begin(t, { queue_memory: 4e6 });
    const body = Buffer.alloc(800, 'x');
    const before = heldBuffers();
    for (let n = 0; n < 100_000; n += 1000)
      await allAccepted(
        range(n, n + 999).map((id) =>
          exchange.publish({ ...message('q', ''), id: String(id), body }, 'queue', 'client'),
        ),
      );
    assert.ok(heldBuffers() - before < 20e6, '80 MB of bodies are on the disk');
    const seen: string[] = [];
    const hold = exchange.subscribe('q', 'queue', {
      name: 'fast',
      credit: () => 1,
      deliver(delivery) {
        seen.push(String(delivery.envelope.id));
        delivery.settle(accepted);
      },
      overflow() {},
    });
    await until(() => seen.length === 100_000, 'all have come');
    assert.deepEqual(seen.map(Number), range(0, 99_999));
    hold.cancel();
  });

  it('keeps the order while it is filled and drained at once, and returns to memory', async (t) => {
    const { exchange, store } = await begin(t, { queue_memory: 2e5 });
    const waiting: Promise<Outcome>[] = publish(exchange, range(1, 3000));
    const taker = new Taker(1e6, accepted);
    exchange.subscribe('q', 'queue', taker);
    for (let n = 3001; n <= 9000; n += 100) {
      waiting.push(...publish(exchange, range(n, n + 99)));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await allAccepted(waiting);
    await until(() => taker.got.length === 9000, 'all have come');
    assert.deepEqual(taker.texts().map(Number), range(1, 9000));
    await until(() => stored(store) === 0, 'the disk is empty');
    const last = publish(exchange, [9001]);
    assert.equal(taker.got.length, 9001, 'it is handed over in the same tick');
    await allAccepted(last);
  });

  it('gives what is stored to a route that reads the queue now, in order and before what is new', async (t) => {
    const first = await begin(t);
    await allAccepted(publish(first.exchange, range(1, 600)));
    await first.store.close();
    const store = await openStore(t, first.folder);
    const got: string[] = [];
    const exchange = exchangeWith(
      over(store),
      {},
      {
        patterns: [],
        readerOf: () => 'the-route',
        deliver: async (envelope) => {
          got.push(textOf(envelope.body));
          return got.length === 300 ? released : accepted;
        },
      },
    );
    await allAccepted(publish(exchange, range(601, 700)));
    await until(() => new Set(got).size === 700, 'all have come');
    assert.equal(got.filter((each, i) => got.indexOf(each) === i).at(-1), '700');
    await until(() => store.endpoint('e').queues().size === 0, 'nothing is stored any more');
    await allAccepted(publish(exchange, [701]));
    assert.equal(got.at(-1), '701');
    assert.equal(store.endpoint('e').queues().size, 0, 'it went past the disk');
  });

  it('leaves what is stored when the listener stops, and gives back the rest', async (t) => {
    const first = await begin(t);
    await allAccepted(publish(first.exchange, [1]));
    const taker = new Taker(1);
    first.exchange.subscribe('q', 'queue', taker);
    const [second] = publish(first.exchange, [2]);
    assert.ok(await isPending(second!));
    first.exchange.stop();
    assert.equal((await second!).state, 'released');
    taker.got[0]!.settle(released);
    const again = await restart(t, first);
    const other = new Taker();
    again.exchange.subscribe('q', 'queue', other);
    assert.deepEqual(other.texts(), ['1']);
  });

  it('stores no temporary queue', async (t) => {
    const { exchange, store } = await begin(t);
    const outcome = exchange.publish(message('temp-1', 1), 'queue', 'client');
    assert.ok(await isPending(outcome));
    assert.equal(store.endpoint('e').queues().size, 0);
    exchange.deleteQueue('temp-1');
    assert.equal((await outcome).state, 'rejected');
  });

  it('gives back what it cannot store', async (t) => {
    const { exchange, store } = await begin(t);
    await allAccepted(publish(exchange, [1]));
    await store.close();
    const outcome = await publish(exchange, [2])[0]!;
    assert.equal(outcome.state, 'released');
  });
});

describe('a durable subscription', () => {
  const terms = { address: 't.*', shared: false };
  const to = (exchange: Exchange, n: number) => exchange.publish(message('t.a', n), 'topic', 'client');

  it('keeps what is published while nobody uses it, also over a restart, until it is ended', async (t) => {
    const first = await begin(t);
    await first.exchange.durable!.declare('s', terms);
    await allAccepted([to(first.exchange, 1), to(first.exchange, 2)]);
    const second = await restart(t, first);
    await allAccepted([to(second.exchange, 3)]);
    const taker = new Taker(9, accepted);
    const hold = second.exchange.durable!.find('s')!.subscribe(taker);
    await until(() => taker.got.length === 3, 'all have come');
    assert.deepEqual(taker.texts(), ['1', '2', '3']);
    await second.exchange.durable!.delete('s');
    assert.ok(second.exchange.durable!.find('s'), 'it is in use');
    hold.cancel();
    await second.exchange.durable!.delete('s');
    const third = await restart(t, second);
    assert.equal(third.exchange.durable!.find('s'), undefined);
    assert.equal(third.store.endpoint('e').queues().size, 0);
  });

  it('is replaced by one of another address, unless it is in use', async (t) => {
    const { exchange } = await begin(t);
    const durable = exchange.durable!;
    const hold = (await durable.declare('s', terms)).subscribe(new Taker(0));
    await assert.rejects(durable.declare('s', terms), { code: 'refused' });
    await assert.rejects(durable.declare('s', { ...terms, address: 'u' }), { code: 'refused' });
    await allAccepted([to(exchange, 1)]);
    hold.cancel();
    await durable.declare('s', { ...terms, address: 'u' });
    const taker = new Taker();
    durable.find('s')!.subscribe(taker);
    await allAccepted([to(exchange, 2)]);
    assert.deepEqual(taker.texts(), []);
  });

  it('must have a message, whatever other subscribers say', async (t) => {
    const { exchange } = await begin(t, {}, { messages: 1, bytes: 1e6 });
    await exchange.durable!.declare('s', terms);
    const other = new Taker(9, accepted);
    exchange.subscribe('t.a', 'topic', other);
    await allAccepted([to(exchange, 1)]);
    assert.equal((await to(exchange, 2)).state, 'released');
    assert.equal(other.got.length, 2);
  });
});
