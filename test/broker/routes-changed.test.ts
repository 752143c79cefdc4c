import assert from 'node:assert/strict';
import { afterEach, describe, it, type TestContext } from 'node:test';
import type { AddressPattern } from '../../src/core/address.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import type { JunctionError } from '../../src/core/errors.ts';
import { accepted, type Outcome } from '../../src/core/outcome.ts';
import type { Intake } from '../../src/core/protocol.ts';
import { message, settleDown, textOf, until } from '../helpers.ts';
import { folderFor, openStore } from '../store/support.ts';
import { closeExchanges, exchangeWith, rejected, released, Taker } from './support.ts';

afterEach(closeExchanges);

/** Routes that may come to read an address, or no longer. */
class Routes implements Intake {
  readonly patterns: readonly AddressPattern[] = [];
  readonly reads = new Set<string>();
  readonly got: Envelope[] = [];
  decide: (envelope: Envelope) => Promise<Outcome> = () => Promise.resolve(accepted);

  readerOf(address: string): string | undefined {
    return this.reads.has(address) ? 'the-route' : undefined;
  }

  deliver(envelope: Envelope): Promise<Outcome> {
    this.got.push(envelope);
    return this.decide(envelope);
  }

  numbers(): number[] {
    return this.got.map(({ body }) => Number(textOf(body)));
  }
}

/** One that remembers why it was ended. */
class Ended extends Taker {
  why: JunctionError | undefined;
  then: () => void = () => undefined;
  dismissed(error: JunctionError): void {
    this.why = error;
    this.then();
  }
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i);

const states = async (outcomes: Promise<Outcome>[]): Promise<string[]> =>
  (await Promise.all(outcomes)).map(({ state }) => state);

function inMemory() {
  const routes = new Routes();
  const exchange = exchangeWith({ backlog: 1000 }, {}, routes);
  const publish = (from: number, to = from, address = 'q') =>
    range(from, to).map((n) => exchange.publish(message(address, n), 'queue', 'client'));
  const read = (address: string) => {
    routes.reads.add(address);
    exchange.routesChanged();
  };
  return { routes, exchange, publish, read };
}

describe('a queue that a route begins to read', () => {
  it('gives the route what waits and what is unsettled, in order, before anything new', async () => {
    const { routes, exchange, publish, read } = inMemory();
    const takers = [new Ended(2), new Ended(1)];
    for (const taker of takers) exchange.subscribe('q', 'queue', taker);
    const outcomes = publish(1, 6);
    takers[0]!.got[1]!.settle(accepted); // the third one
    read('q');
    outcomes.push(...publish(7));
    assert.deepEqual(routes.numbers(), [1, 2, 4, 5, 6, 7]);
    assert.deepEqual(await states(outcomes), Array(7).fill('accepted'));
    assert.deepEqual(
      routes.got.map(({ deliveryCount }) => deliveryCount),
      [1, 1, 0, 0, 0, 0],
      'what a consumer had may have been seen by it',
    );
  });

  it('tells its consumers why they are ended, and takes neither their answers nor them', async () => {
    const { routes, exchange, publish, read } = inMemory();
    const taker = new Ended();
    let again: unknown;
    taker.then = () => {
      try {
        exchange.subscribe('q', 'queue', taker);
      } catch (error) {
        again = error;
      }
    };
    const subscription = exchange.subscribe('q', 'queue', taker);
    const outcomes = publish(1, 2);
    read('q');
    assert.equal(taker.why?.code, 'refused');
    assert.match(taker.why.message, /queue q is consumed by route "the-route"/);
    assert.equal(again instanceof Error && again.message, taker.why.message);
    for (const delivery of taker.got) delivery.settle(rejected);
    subscription.pump();
    subscription.cancel();
    assert.deepEqual(await states(outcomes), ['accepted', 'accepted']);
    assert.deepEqual(routes.numbers(), [1, 2]);
  });

  it('tells each publisher what the route said of its message', async () => {
    const { routes, publish, read } = inMemory();
    const said = [accepted, rejected, released];
    routes.decide = ({ body }) => Promise.resolve(said[Number(textOf(body)) - 1]!);
    const outcomes = publish(1, 3);
    read('q');
    assert.deepEqual(await Promise.all(outcomes), said);
  });

  it('leaves other queues, topics and their consumers alone', async () => {
    const { routes, exchange, publish, read } = inMemory();
    const [other, topic] = [new Ended(100, accepted), new Ended(100, accepted)];
    exchange.subscribe('other', 'queue', other);
    exchange.subscribe('q', 'topic', topic);
    read('q');
    await states([...publish(1, 2, 'other'), exchange.publish(message('q', 3), 'topic', 'client')]);
    assert.deepEqual(other.texts(), ['1', '2']);
    assert.deepEqual(topic.texts(), ['3']);
    assert.deepEqual(routes.numbers(), [3]);
    assert.deepEqual([other.why, topic.why], [undefined, undefined]);
  });

  it('is its clients’ again when the route goes', async () => {
    const { routes, exchange, publish, read } = inMemory();
    read('q');
    await states(publish(1));
    routes.reads.clear();
    exchange.routesChanged();
    const taker = new Ended(100, accepted);
    exchange.subscribe('q', 'queue', taker);
    await states(publish(2));
    assert.deepEqual([routes.numbers(), taker.texts()], [[1], ['2']]);
  });
});

describe('a stored queue that a route begins to read', () => {
  async function begin(t: TestContext) {
    const store = await openStore(t, await folderFor(t));
    const routes = new Routes();
    const storage = store.endpoint('e');
    const limits = { messages: 1e6, bytes: 2 ** 40 };
    const exchange = exchangeWith({ durability: { storage, limits, isTemporary: () => false } }, {}, routes);
    const publish = (from: number, to = from) =>
      range(from, to).map((n) => exchange.publish(message('q', n), 'queue', 'client'));
    const stored = () => storage.queues().get('queue/q')?.messages ?? 0;
    return { routes, exchange, publish, stored };
  }

  it('gives the route what is on the disk, then what its consumer had, then what is new', async (t) => {
    const { routes, exchange, publish, stored } = await begin(t);
    await states(publish(1, 3000));
    const taker = new Ended(20);
    exchange.subscribe('q', 'queue', taker);
    await until(() => taker.got.length === 20, 'a consumer has the first');
    const last = publish(3001, 3010);
    routes.reads.add('q');
    exchange.routesChanged();
    assert.match(taker.why!.message, /consumed by route "the-route"/);
    last.push(...publish(3011, 3020));
    for (const delivery of taker.got) delivery.settle(accepted); // too late
    assert.deepEqual(new Set(await states(last)), new Set(['accepted']));
    await until(() => routes.got.length >= 3020, 'all has come to the route');
    await until(() => stored() === 0, 'nothing is left on the disk');
    await states(publish(3021, 3030));
    await until(() => routes.got.length >= 3030, 'and what came later');
    await settleDown();
    assert.deepEqual(routes.numbers(), range(1, 3030));
    assert.deepEqual(
      new Set(routes.got.slice(0, 20).map(({ deliveryCount }) => deliveryCount)),
      new Set([1]),
    );
  });

  it('keeps what the route gives back, and hands it over again', async (t) => {
    const { routes, exchange, publish, stored } = await begin(t);
    await states(publish(1, 5));
    let away = true;
    routes.decide = () => Promise.resolve(away ? released : accepted);
    routes.reads.add('q');
    exchange.routesChanged();
    await until(() => routes.got.length === 5, 'it was tried');
    await settleDown();
    assert.equal(stored(), 5);
    routes.got.length = 0;
    away = false;
    await until(() => stored() === 0, 'it was handed over again', 60_000);
    assert.deepEqual(routes.numbers(), [1, 2, 3, 4, 5]);
  });

  it('gives the rest to its clients where the route goes before all is handed over', async (t) => {
    const { routes, exchange, publish, stored } = await begin(t);
    await states(publish(1, 1000));
    const waiting: ((outcome: Outcome) => void)[] = [];
    routes.decide = () => new Promise((resolve) => waiting.push(resolve));
    routes.reads.add('q');
    exchange.routesChanged();
    await until(() => waiting.length > 0, 'the route has some');
    const had = routes.got.length;
    assert.ok(had < 1000, 'within its window');
    routes.reads.clear();
    exchange.routesChanged();
    const taker = new Ended(10_000, accepted);
    exchange.subscribe('q', 'queue', taker);
    for (const answer of waiting.splice(0)) answer(accepted);
    await until(() => taker.got.length >= 1000 - had, 'the rest is its consumer’s');
    await until(() => stored() === 0, 'nothing is left on the disk');
    assert.deepEqual(routes.numbers(), range(1, had));
    assert.deepEqual(taker.texts().map(Number), range(had + 1, 1000));
  });
});
