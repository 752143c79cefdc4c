import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import type { Subscription } from '../../src/broker/delivery.ts';
import { accepted } from '../../src/core/outcome.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { isPending, message } from '../helpers.ts';
import { closeExchanges, exchangeWith, rejected, released, Taker } from './support.ts';

describe('a shared subscription', () => {
  afterEach(closeExchanges);

  /** A member of the group `g` on the topic `t`. */
  function joined(
    exchange: ReturnType<typeof exchangeWith>,
    taker: Taker,
    address = 't',
  ): Taker & { hold: Subscription } {
    return Object.assign(taker, { hold: exchange.subscribe(address, 'topic', taker, 'g') });
  }
  const publish = (exchange: ReturnType<typeof exchangeWith>, body: string | number): Promise<Outcome> =>
    exchange.publish(message('t', body), 'topic', 'client');

  it('gives each message to one member, in turns; other subscribers and groups get their own', async () => {
    const exchange = exchangeWith();
    const [a, b] = [joined(exchange, new Taker()), joined(exchange, new Taker())];
    const [other, plain] = [new Taker(100, accepted), new Taker(100, accepted)];
    exchange.subscribe('t', 'topic', other, 'another group');
    exchange.subscribe('#', 'topic', plain);
    const outcomes = [1, 2, 3, 4].map((n) => publish(exchange, n));
    assert.deepEqual([a.texts().length, b.texts().length], [2, 2]);
    assert.deepEqual([...a.texts(), ...b.texts()].sort(), ['1', '2', '3', '4']);
    assert.deepEqual(other.texts(), ['1', '2', '3', '4']);
    assert.deepEqual(plain.texts(), ['1', '2', '3', '4']);
    assert.ok(await isPending(outcomes[0]!));
    for (const delivery of [...a.got, ...b.got]) delivery.settle(accepted);
    for (const outcome of outcomes) assert.equal((await outcome).state, 'accepted');
  });

  it('passes over members without credit, and keeps what no member has credit for', () => {
    const exchange = exchangeWith();
    const [a, b] = [joined(exchange, new Taker(1)), joined(exchange, new Taker(3))];
    for (let n = 1; n <= 6; n++) void publish(exchange, n);
    assert.deepEqual([a.got.length, b.got.length], [1, 3]);
    a.open = 5;
    a.hold.pump();
    assert.deepEqual(a.texts().slice(1), ['5', '6']);
    const late = joined(exchange, new Taker());
    void publish(exchange, 7);
    void publish(exchange, 8);
    void publish(exchange, 9);
    assert.ok(late.got.length > 0);
  });

  it('gives what a member releases to another, or back to it if it is the only one that has credit', () => {
    const exchange = exchangeWith();
    const [a, b] = [joined(exchange, new Taker()), joined(exchange, new Taker())];
    void publish(exchange, 1);
    const [holder, other] = a.got.length > 0 ? [a, b] : [b, a];
    void publish(exchange, 2); // so that it is the holder's turn again
    assert.deepEqual(other.texts(), ['2']);
    holder.got[0]!.settle(released);
    assert.deepEqual(other.texts(), ['2', '1']);
    assert.equal(other.got[1]!.deliveryCount, 1);
    holder.open = 0;
    other.got[1]!.settle(released, false);
    assert.deepEqual(other.texts(), ['2', '1', '1']);
    assert.equal(other.got[2]!.deliveryCount, 1);
  });

  it('gives what a member leaves unsettled to the others, in order and counted as tried', async () => {
    const exchange = exchangeWith();
    const a = joined(exchange, new Taker(3));
    const outcomes = [1, 2, 3, 4].map((n) => publish(exchange, n));
    const b = joined(exchange, new Taker(0));
    a.got[1]!.settle(accepted);
    a.hold.cancel();
    a.hold.cancel();
    a.got[0]!.settle(rejected); // too late
    b.open = 100;
    b.hold.pump();
    assert.deepEqual(b.texts(), ['1', '3', '4']);
    assert.deepEqual(
      b.got.map((delivery) => delivery.deliveryCount),
      [1, 1, 0],
    );
    assert.equal((await outcomes[1])!.state, 'accepted');
    assert.ok(await isPending(outcomes[0]!));
    for (const delivery of b.got) delivery.settle(accepted);
    await Promise.all(outcomes);
  });

  it('ends with its last member: publishers wait no more, and a new one begins afresh', async () => {
    const exchange = exchangeWith({ unrouted: 'reject' });
    const [a, b] = [joined(exchange, new Taker(1)), joined(exchange, new Taker(1))];
    const outcomes = [1, 2, 3].map((n) => publish(exchange, n));
    a.hold.cancel();
    assert.ok(await isPending(outcomes[2]!));
    b.hold.cancel();
    for (const outcome of outcomes) assert.equal((await outcome).state, 'accepted'); // as for any subscriber who leaves
    assert.equal((await publish(exchange, 4)).state, 'rejected'); // nobody subscribes any more
    const c = joined(exchange, new Taker(), 'u.*');
    void exchange.publish(message('u.1', 'new'), 'topic', 'client');
    assert.deepEqual(c.texts(), ['new']);
  });

  it('has one address: the same name for another is refused while it lives', () => {
    const exchange = exchangeWith();
    const a = joined(exchange, new Taker());
    assert.throws(() => joined(exchange, new Taker(), 'u'), /shared subscription of this name is one to t/);
    a.hold.cancel();
    joined(exchange, new Taker(), 'u');
  });

  it('refuses as one subscriber: what a member refuses is not offered to another', async () => {
    const exchange = exchangeWith();
    const [a, b] = [joined(exchange, new Taker(10, rejected)), joined(exchange, new Taker(10, rejected))];
    assert.equal((await publish(exchange, 1)).state, 'rejected');
    assert.equal(a.got.length + b.got.length, 1);
  });

  it('lags as one subscriber while a member does not settle, and goes on receiving', async () => {
    const exchange = exchangeWith({ grace: 500 });
    const stuck = joined(exchange, new Taker(1));
    const first = publish(exchange, 1);
    assert.deepEqual(stuck.texts(), ['1']);
    const healthy = joined(exchange, new Taker(100, accepted));
    assert.ok(await isPending(first));
    assert.equal((await first).state, 'accepted'); // after the grace
    for (let n = 2; n <= 4; n++) assert.equal((await publish(exchange, n)).state, 'accepted');
    assert.deepEqual(healthy.texts(), ['2', '3', '4']);
  });

  it('is cut off with all its members when more waits than its bound', async () => {
    const exchange = exchangeWith({ backlog: 2 });
    const [a, b] = [joined(exchange, new Taker(0)), joined(exchange, new Taker(0))];
    const outcomes = [1, 2, 3].map((n) => publish(exchange, n));
    assert.ok(a.overflowed && b.overflowed);
    for (const outcome of outcomes) assert.equal((await outcome).state, 'accepted');
    a.hold.cancel();
    b.hold.cancel();
    const c = joined(exchange, new Taker());
    void publish(exchange, 4);
    assert.deepEqual(c.texts(), ['4']);
  });

  it('hands each message over once where members release it while they are given it', async () => {
    const exchange = exchangeWith();
    let refusals = 2;
    class Fickle extends Taker {
      override deliver(delivery: Parameters<Taker['deliver']>[0]): void {
        super.deliver(delivery);
        delivery.settle(refusals-- > 0 ? released : accepted);
      }
    }
    const members = [joined(exchange, new Fickle(0)), joined(exchange, new Fickle(0))];
    const outcomes = [1, 2, 3].map((n) => publish(exchange, n));
    for (const member of members) member.open = 10;
    members[0]!.hold.pump();
    for (const outcome of outcomes) assert.equal((await outcome).state, 'accepted');
    assert.equal(members[0]!.got.length + members[1]!.got.length, 3 + 2);
  });
});
