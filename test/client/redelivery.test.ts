import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redelivery } from '../../src/client/redelivery.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import { accepted, type Outcome } from '../../src/core/outcome.ts';
import type { Intake } from '../../src/core/protocol.ts';
import { isPending, keptLog, message, until } from '../helpers.ts';
import { rejected, released } from '../contract/intake.ts';

const connected = (): AbortSignal => new AbortController().signal;

/** An intake that gives these answers in turn, the last one for ever; a promise holds a delivery. */
function intake(...answers: (Outcome | Promise<Outcome>)[]): Intake & { readonly taken: Envelope[] } {
  const taken: Envelope[] = [];
  return {
    taken,
    patterns: [],
    readerOf: () => 'a-route',
    deliver(envelope) {
      taken.push(envelope);
      return Promise.resolve(answers[Math.min(taken.length, answers.length) - 1]!);
    },
  };
}

describe('redelivery', () => {
  it('passes on what is accepted, and what is rejected, after one attempt', async () => {
    for (const outcome of [accepted, rejected]) {
      const routes = intake(outcome);
      const log = keptLog();
      const redelivery = new Redelivery(routes, log);
      assert.equal(await redelivery.deliver(message('a'), connected()), outcome);
      assert.equal(routes.taken.length, 1);
      assert.equal(log.lines.length, outcome === rejected ? 1 : 0);
      assert.equal(redelivery.trouble, undefined);
    }
  });

  it('tries a released message again, counting, until it is settled', async () => {
    for (const last of [accepted, rejected]) {
      const routes = intake(released, released, last);
      const redelivery = new Redelivery(routes, keptLog());
      assert.equal(await redelivery.deliver(message('a', 1, { deliveryCount: 2 }), connected()), last);
      assert.deepEqual(
        routes.taken.map(({ deliveryCount }) => deliveryCount),
        [2, 3, 4],
      );
      assert.equal(redelivery.trouble, undefined);
    }
  });

  it('says why a message is held, from its first failure until it is settled', async () => {
    let settle!: (outcome: Outcome) => void;
    const second = new Promise<Outcome>((resolve) => (settle = resolve));
    const routes = intake(released, second);
    const redelivery = new Redelivery(routes, keptLog());
    const outcome = redelivery.deliver(message('orders'), connected());
    await until(() => redelivery.trouble !== undefined, 'it is held');
    await until(() => routes.taken.length === 2, 'it is tried again');
    assert.match(
      redelivery.trouble ?? '',
      /orders is held: the target is away/,
      'while it is being tried, too',
    );
    settle(accepted);
    assert.equal(await outcome, accepted);
    assert.equal(redelivery.trouble, undefined);
  });

  it('gives a held message back when the connection that it came by is lost', async () => {
    const routes = intake(released);
    const redelivery = new Redelivery(routes, keptLog());
    const lost = new AbortController();
    const outcome = redelivery.deliver(message('a'), lost.signal);
    await until(() => redelivery.trouble !== undefined, 'it is held');
    lost.abort();
    assert.equal((await outcome).state, 'released');
    assert.equal(redelivery.trouble, undefined);
    const tries = routes.taken.length;
    assert.equal((await redelivery.deliver(message('a'), lost.signal)).state, 'released');
    assert.equal(routes.taken.length, tries + 1, 'nothing is held for a connection that is gone');
  });

  it('stops with what is held given back, and only after each caller knows its outcome', async () => {
    let settle!: (outcome: Outcome) => void;
    const slow = new Promise<Outcome>((resolve) => (settle = resolve));
    const routes = intake(released, slow);
    const redelivery = new Redelivery(routes, keptLog());
    const order: string[] = [];
    const first = redelivery.deliver(message('a', 1), connected()).then(({ state }) => order.push(state));
    await until(() => redelivery.trouble !== undefined, 'the first is held');
    const second = redelivery.deliver(message('a', 2), connected()).then(({ state }) => order.push(state));
    const stopped = redelivery.stop().then(() => order.push('stopped'));
    await first;
    assert.ok(await isPending(stopped), 'stopped while a message was being delivered');
    settle(accepted);
    await Promise.all([second, stopped]);
    assert.deepEqual(order, ['released', 'accepted', 'stopped']);
  });

  it('stops only after callers know what was settled at this very moment', async () => {
    const redelivery = new Redelivery(intake(accepted), keptLog());
    const order: string[] = [];
    const one = redelivery.deliver(message('a'), connected()).then(() => order.push('settled'));
    await redelivery.stop();
    order.push('stopped');
    await one;
    assert.deepEqual(order, ['settled', 'stopped']);
  });

  it('does not try again what a target released while it stopped', async () => {
    let settle!: (outcome: Outcome) => void;
    const routes = intake(new Promise<Outcome>((resolve) => (settle = resolve)));
    const redelivery = new Redelivery(routes, keptLog());
    const outcome = redelivery.deliver(message('a'), connected());
    const stopped = redelivery.stop();
    settle(released);
    assert.equal((await outcome).state, 'released');
    await stopped;
    assert.equal(routes.taken.length, 1);
  });

  it('holds hundreds at once with one log line and no warning of the process', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const log = keptLog();
    const redelivery = new Redelivery(intake(released), log);
    const signal = connected();
    const outcomes = Array.from({ length: 300 }, (_, n) => redelivery.deliver(message('a', n), signal));
    await until(() => redelivery.trouble !== undefined, 'they are held');
    await redelivery.stop();
    for (const { state } of await Promise.all(outcomes)) assert.equal(state, 'released');
    process.off('warning', onWarning);
    assert.equal(log.lines.length, 1);
    assert.deepEqual(warnings, []);
  });
});
