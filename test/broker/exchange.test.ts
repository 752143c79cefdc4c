import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { accepted, type Outcome } from '../../src/core/outcome.ts';
import { isPending, message, settleDown, until } from '../helpers.ts';
import { closeExchanges, exchangeWith, rejected, released, Taker } from './support.ts';

afterEach(closeExchanges);

describe('a queue', () => {
  it('keeps messages unacknowledged, in order, until a consumer comes and settles', async () => {
    const exchange = exchangeWith();
    const outcomes = [1, 2, 3].map((n) => exchange.publish(message('q', n), 'queue', 'client'));
    assert.ok(await isPending(outcomes[0]!));
    const taker = new Taker();
    exchange.subscribe('q', 'queue', taker);
    assert.deepEqual(taker.texts(), ['1', '2', '3']);
    assert.ok(await isPending(outcomes[0]!));
    taker.got[1]!.settle(rejected);
    assert.equal(await outcomes[1], rejected);
    assert.ok(await isPending(outcomes[0]!));
    taker.got[0]!.settle(accepted);
    taker.got[0]!.settle(rejected);
    assert.equal((await outcomes[0])!.state, 'accepted');
  });

  it('gives each message to one consumer, in turns, within its credit', () => {
    const exchange = exchangeWith();
    const [a, b] = [new Taker(2), new Taker(1)];
    const hold = exchange.subscribe('q', 'queue', a);
    exchange.subscribe('q', 'queue', b);
    for (let n = 1; n <= 5; n++) void exchange.publish(message('q', n), 'queue', 'client');
    assert.equal(a.got.length, 2);
    assert.equal(b.got.length, 1);
    assert.deepEqual([...a.texts(), ...b.texts()].sort(), ['1', '2', '3']);
    a.open = 1;
    hold.pump();
    assert.deepEqual(a.texts().at(-1), '4');
  });

  it('takes back what is released or left unsettled, in its old place, and counts the delivery', async () => {
    const exchange = exchangeWith();
    const first = new Taker(3);
    const subscription = exchange.subscribe('q', 'queue', first);
    const outcomes = [1, 2, 3, 4].map((n) => exchange.publish(message('q', n), 'queue', 'client'));
    subscription.cancel();
    first.got[0]!.settle(accepted); // too late: it was given back
    const second = new Taker(100);
    exchange.subscribe('q', 'queue', second);
    assert.deepEqual(second.texts(), ['1', '2', '3', '4']);
    assert.deepEqual(
      second.got.map((d) => d.deliveryCount),
      [1, 1, 1, 0],
    );
    second.got[3]!.settle(released);
    assert.deepEqual(second.texts(), ['1', '2', '3', '4', '4']);
    for (const delivery of second.got) delivery.settle(accepted);
    assert.deepEqual(new Set((await Promise.all(outcomes)).map((o) => o.state)), new Set(['accepted']));
  });

  it('holds no more than its backlog', async () => {
    const exchange = exchangeWith({ backlog: 2 });
    for (let n = 0; n < 2; n++) void exchange.publish(message('q', n), 'queue', 'client');
    const outcome = await exchange.publish(message('q', 3), 'queue', 'client');
    assert.ok(outcome.state === 'released' && outcome.error.code === 'busy');
  });

  it('shares its memory with the other queues of the listener, and gives it back', async () => {
    const exchange = exchangeWith({ queue_memory: 3000 });
    const big = (address: string) => exchange.publish(message(address, 'x'.repeat(1500)), 'queue', 'client');
    const first = big('q1');
    const second = await big('q2');
    assert.ok(second.state === 'released' && second.error.code === 'busy');
    exchange.subscribe('q1', 'queue', new Taker(1, accepted));
    assert.equal((await first).state, 'accepted');
    assert.ok(await isPending(big('q2')));
  });

  it('belongs to the route that reads it', async () => {
    const exchange = exchangeWith({}, { q: () => Promise.resolve(accepted) });
    assert.throws(() => exchange.subscribe('q', 'queue', new Taker()), /consumed by route "the-route"/);
    assert.equal((await exchange.publish(message('q'), 'queue', 'client')).state, 'accepted');
  });

  it('gives back what waits when the listener stops, also what a consumer releases afterwards', async () => {
    const exchange = exchangeWith();
    const taker = new Taker(1);
    exchange.subscribe('q', 'queue', taker);
    const outcomes = [1, 2].map((n) => exchange.publish(message('q', n), 'queue', 'client'));
    exchange.stop();
    assert.equal((await outcomes[1])!.state, 'released');
    assert.ok(await isPending(outcomes[0]!));
    taker.got[0]!.settle(released);
    assert.equal((await outcomes[0])!.state, 'released');
    assert.equal((await exchange.publish(message('q'), 'queue', 'client')).state, 'released');
  });
});

describe('a topic', () => {
  it('reaches every subscriber that matches, and resolves when the last has settled', async () => {
    const exchange = exchangeWith();
    const takers = ['t.*', 't.#', 't.a', 'u.a'].map((pattern) => {
      const taker = new Taker();
      exchange.subscribe(pattern, 'topic', taker);
      return taker;
    });
    const outcome = exchange.publish(message('t.a'), 'topic', 'client');
    assert.deepEqual(
      takers.map((t) => t.got.length),
      [1, 1, 1, 0],
    );
    takers[0]!.got[0]!.settle(accepted);
    takers[1]!.got[0]!.settle(rejected);
    assert.ok(await isPending(outcome));
    takers[2]!.got[0]!.settle(accepted);
    assert.equal((await outcome).state, 'accepted');
  });

  it('is refused only where every subscriber refuses', async () => {
    const exchange = exchangeWith();
    exchange.subscribe('t', 'topic', new Taker(10, rejected));
    assert.equal((await exchange.publish(message('t'), 'topic', 'client')).state, 'rejected');
    exchange.subscribe('t', 'topic', new Taker(10, accepted));
    assert.equal((await exchange.publish(message('t'), 'topic', 'client')).state, 'accepted');
  });

  it('waits for the routes as well, and reports their refusal', async () => {
    let decide!: (outcome: Outcome) => void;
    const exchange = exchangeWith({}, { t: () => new Promise((resolve) => (decide = resolve)) });
    exchange.subscribe('t', 'topic', new Taker(10, accepted));
    const outcome = exchange.publish(message('t'), 'topic', 'client');
    assert.ok(await isPending(outcome));
    decide(rejected);
    assert.equal((await outcome).state, 'rejected');
  });

  it('delivers again, to the same subscriber, what it released', async () => {
    const exchange = exchangeWith();
    const taker = new Taker();
    exchange.subscribe('t', 'topic', taker);
    const outcome = exchange.publish(message('t'), 'topic', 'client');
    taker.got[0]!.settle(released);
    assert.equal(taker.got[1]!.deliveryCount, 1);
    assert.ok(await isPending(outcome));
    taker.got[1]!.settle(accepted);
    assert.equal((await outcome).state, 'accepted');
  });

  it('keeps the order of released messages, and counts only deliveries that were tried', async () => {
    const exchange = exchangeWith();
    const taker = new Taker(3);
    const subscription = exchange.subscribe('t', 'topic', taker);
    for (const n of [1, 2, 3]) void exchange.publish(message('t', n), 'topic', 'client');
    const first = taker.got.splice(0);
    taker.open = 0;
    first.forEach((delivery, i) => delivery.settle(released, i === 1));
    taker.open = 3;
    subscription.pump();
    assert.deepEqual(taker.texts(), ['1', '2', '3']);
    assert.deepEqual(
      taker.got.map((delivery) => delivery.deliveryCount),
      [0, 1, 0],
    );
  });

  it('is refused where one subscriber refuses and nobody waits for the other any more', async () => {
    const exchange = exchangeWith({ grace: 500, backlog: 100 });
    exchange.subscribe('t', 'topic', new Taker(1)); // takes one and never settles
    exchange.subscribe('t', 'topic', new Taker(100, rejected));
    assert.equal((await exchange.publish(message('t'), 'topic', 'client')).state, 'rejected');
    assert.equal((await exchange.publish(message('t'), 'topic', 'client')).state, 'rejected');
  });

  it('does not wait for a subscriber that left', async () => {
    const exchange = exchangeWith();
    const subscription = exchange.subscribe('t', 'topic', new Taker());
    const outcome = exchange.publish(message('t'), 'topic', 'client');
    assert.ok(await isPending(outcome));
    subscription.cancel();
    assert.equal((await outcome).state, 'accepted');
  });

  it('stops waiting for a subscriber that does not settle, until it has caught up', async () => {
    const exchange = exchangeWith({ grace: 500, backlog: 100 });
    const [stuck, healthy] = [new Taker(1), new Taker(100, accepted)];
    const subscription = exchange.subscribe('t', 'topic', stuck);
    exchange.subscribe('t', 'topic', healthy);
    const first = exchange.publish(message('t', 1), 'topic', 'client');
    assert.ok(await isPending(first));
    assert.equal((await first).state, 'accepted'); // after the grace
    for (let n = 2; n <= 10; n++)
      assert.equal((await exchange.publish(message('t', n), 'topic', 'client')).state, 'accepted');
    assert.equal(healthy.got.length, 10);
    stuck.open = 100;
    subscription.pump();
    assert.deepEqual(stuck.texts(), ['1', '2', '3', '4', '5', '6', '7', '8', '9', '10']);
    for (const delivery of stuck.got) delivery.settle(accepted);
    const next = exchange.publish(message('t', 11), 'topic', 'client');
    assert.ok(await isPending(next)); // it counts again
    stuck.got.at(-1)!.settle(accepted);
    assert.equal((await next).state, 'accepted');
  });

  it('cuts off a subscriber whose backlog is over its bound', async () => {
    const exchange = exchangeWith({ backlog: 3 });
    const stuck = new Taker(0);
    exchange.subscribe('t', 'topic', stuck);
    const outcomes = [1, 2, 3, 4].map((n) => exchange.publish(message('t', n), 'topic', 'client'));
    assert.ok(stuck.overflowed);
    await until(async () => (await Promise.all(outcomes)).every((o) => o.state === 'accepted'));
    await settleDown();
    assert.equal(stuck.got.length, 0);
  });
});

describe('a message that nobody takes', () => {
  it('is counted, and refused where the listener says so, but never to a route', async () => {
    const exchange = exchangeWith({ unrouted: 'reject' });
    const outcome = await exchange.publish(message('t'), 'topic', 'client');
    assert.ok(outcome.state === 'rejected' && outcome.error.code === 'no-route');
    assert.equal((await exchange.publish(message('t'), 'topic', 'route')).state, 'accepted');
    assert.equal(exchange.unrouted, 2);
  });

  it('stays apart from local subscribers where `local` is off, unless a route sent it', async () => {
    const exchange = exchangeWith({ local: false });
    const taker = new Taker(10, accepted);
    exchange.subscribe('t', 'topic', taker);
    await exchange.publish(message('t', 'from a client'), 'topic', 'client');
    await exchange.publish(message('t', 'from a route'), 'topic', 'route');
    assert.deepEqual(taker.texts(), ['from a route']);
  });
});
