import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JunctionError, type ErrorCode } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { defaultBackoff, defaultDeadline, retryPolicy } from '../../src/routing/route/retry.ts';
import { isPending, message, textOf, until } from '../helpers.ts';
import { gateway, MemoryStore, Recorder, route } from './support.ts';

const quick = { from: 1, to: 2 };
const fails = (code: ErrorCode) => Promise.reject(new JunctionError(code, 'no'));

/** Fails so many times with each code in turn, and then confirms. */
function failing(times: number, ...codes: ErrorCode[]): Recorder {
  let count = 0;
  return new Recorder(() => (count < times ? fails(codes[count++ % codes.length]!) : Promise.resolve()));
}

describe('retryPolicy', () => {
  it('is 30 s of trying, after which the source is told, where nothing is written', () => {
    const { permanent, ...policy } = retryPolicy([undefined], false)!;
    assert.deepEqual(policy, {
      attempts: Infinity,
      deadline: defaultDeadline,
      over: 'release',
      ...defaultBackoff,
    });
    assert.equal(permanent.size, 0);
    assert.equal(retryPolicy([], true)!.deadline, Infinity, 'nobody waits for what is spooled');
  });

  it('takes each key from the closest level that has it', () => {
    const policy = retryPolicy(
      [{ attempts: 5, backoff: { from: 1, to: 50 }, permanent: ['busy'] }, undefined, { backoff: { to: 9 } }],
      false,
    )!;
    assert.deepEqual([policy.attempts, policy.from, policy.to, policy.over], [5, 1, 9, 'dead']);
    assert.deepEqual([...policy.permanent], ['busy']);
    assert.equal(policy.deadline, Infinity, 'a number of attempts is bound enough');
    assert.equal(retryPolicy([{ attempts: 5 }, false], false), undefined);
    assert.equal(retryPolicy([false, { deadline: 7 }], false)!.deadline, 7);
    assert.equal(retryPolicy([{ attempts: 5 }, false, { deadline: 7 }], false)!.attempts, Infinity);
  });
});

describe('a target that does not take a message', () => {
  it('is sent it again until it does, and its sender is not told before', async () => {
    const sink = failing(3, 'unavailable', 'timeout', 'busy');
    const { dispatcher, log } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', { backoff: quick }]])], {
      x: sink,
    });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    assert.equal(sink.sent.length, 4);
    assert.deepEqual(
      log.lines.map(({ fields }) => fields),
      ['unavailable', 'timeout', 'busy'].map((code) => ({
        route: 'r',
        endpoint: 'x',
        code,
        outcome: 'retried',
      })),
    );
  });

  it('is the only one of a fan-out that is sent it again', async () => {
    const [good, bad] = [new Recorder(), failing(3, 'unavailable')];
    const backoff = quick;
    const { dispatcher } = gateway(
      [
        route(
          'r',
          ['mqtt', 'a'],
          [
            ['good', 'x', { backoff }],
            ['bad', 'y', { backoff }],
            ['good', 'z', { backoff }],
          ],
        ),
      ],
      { good, bad },
    );
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    assert.deepEqual(
      good.sent.map(([address]) => address),
      ['x', 'z'],
    );
    assert.equal(bad.sent.length, 4);
  });

  it('holds no other key', async () => {
    let up = false;
    const sink = new Recorder(({ key }) =>
      key === 'stuck' && !up ? fails('unavailable') : Promise.resolve(),
    );
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', { backoff: quick }]])], {
      x: sink,
    });
    const intake = dispatcher.intakeOf('mqtt');
    const stuck = [1, 2, 3].map((n) => intake.deliver(message('a', n, { key: 'stuck' })));
    for (let n = 0; n < 20; n++)
      assert.equal((await intake.deliver(message('a', n, { key: `free ${n}` }))).state, 'accepted');
    const later = intake.deliver(message('a', 4, { key: 'stuck' }));
    for (const each of [...stuck, later]) assert.ok(await isPending(each));
    up = true;
    const before = sink.sent.length;
    assert.deepEqual(
      (await Promise.all([...stuck, later])).map(({ state }) => state),
      Array(4).fill('accepted'),
    );
    const last = sink.sent.slice(before).map(([, { body }]) => textOf(body));
    assert.deepEqual(last.slice(-4), ['1', '2', '3', '4']);
  });

  it('is not tried while it has not answered for those of the lane that were under way before', async () => {
    const answers: (() => void)[] = [];
    const sink = new Recorder(({ key, body }) => {
      if (key === 'clock') return fails('unavailable');
      if (textOf(body) === '1' && answers.length < 2) return fails('unavailable');
      return new Promise((resolve) => answers.push(resolve));
    });
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', { backoff: quick }]])], {
      x: sink,
    });
    const intake = dispatcher.intakeOf('mqtt');
    const [one, two] = [1, 2].map((n) => intake.deliver(message('a', n, { key: 'lane' })));
    const clock = intake.deliver(message('a', 3, { key: 'clock' }));
    const attempts = (n: number): number =>
      sink.sent.filter(([, { body }]) => textOf(body) === String(n)).length;
    await until(() => attempts(3) >= 5); // it has come round often enough for 1 to be due as well
    assert.equal(attempts(1), 1);
    answers[0]!();
    assert.equal((await two!).state, 'accepted');
    await until(() => attempts(1) > 1);
    answers.push(() => undefined);
    await until(() => answers.length === 3);
    answers[2]!();
    assert.equal((await one!).state, 'accepted');
    dispatcher.stop();
    assert.equal((await clock).state, 'released');
  });

  it('drops what expires while it waits, and counts it', async () => {
    const sink = new Recorder(() => fails('unavailable'));
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', { backoff: quick }]])], {
      x: sink,
    });
    const outcome = await dispatcher
      .intakeOf('mqtt')
      .deliver(message('a', 1, { expiresAt: Date.now() + 30 }));
    assert.equal(outcome.state, 'accepted');
    assert.equal(dispatcher.counters.dropped, 1);
  });
});

describe('the end of trying', () => {
  it('comes at once with retry: false, and a retryable failure is no death', async () => {
    const [sink, store] = [failing(1, 'unavailable'), new MemoryStore()];
    const { dispatcher } = gateway(
      [route('r', ['mqtt', 'a'], [['x', 'b', false]], { deadLetter: 'store' })],
      { x: sink },
      { store },
    );
    const intake = dispatcher.intakeOf('mqtt');
    assert.equal((await intake.deliver(message('a'))).state, 'released');
    assert.deepEqual([sink.sent.length, store.letters.size], [1, 0]);
  });

  it('comes after the attempts that are written, and its lane goes on', async () => {
    const sink = new Recorder(({ body }) =>
      textOf(body) === 'poison' ? fails('unavailable') : Promise.resolve(),
    );
    const store = new MemoryStore();
    const { dispatcher } = gateway(
      [route('r', ['mqtt', 'a'], [['x', 'b', { attempts: 3, backoff: quick }]], { deadLetter: 'store' })],
      { x: sink },
      { store },
    );
    const intake = dispatcher.intakeOf('mqtt');
    const poison = intake.deliver(message('a', 'poison', { key: 'k' }));
    const after = intake.deliver(message('a', 'next', { key: 'k' }));
    assert.equal((await poison).state, 'accepted');
    assert.equal((await after).state, 'accepted');
    const sent = (text: string): number => sink.sent.filter(([, { body }]) => textOf(body) === text).length;
    assert.deepEqual([sent('poison'), sent('next')], [3, 1]);
    const [letter] = store.letters.values();
    assert.deepEqual(
      [letter!.attempts, letter!.code, textOf(letter!.message.body)],
      [3, 'unavailable', 'poison'],
    );
    assert.ok(letter!.firstAt <= letter!.lastAt && letter!.lastAt <= Date.now());
  });

  it('comes at the deadline that is written', async () => {
    const [sink, store] = [new Recorder(() => fails('unavailable')), new MemoryStore()];
    const { dispatcher } = gateway(
      [route('r', ['mqtt', 'a'], [['x', 'b', { deadline: 40, backoff: quick }]], { deadLetter: 'store' })],
      { x: sink },
      { store },
    );
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    const [letter] = store.letters.values();
    assert.ok(
      letter!.attempts > 1 && letter!.lastAt - letter!.firstAt >= 39,
      `${letter!.lastAt - letter!.firstAt} ms`,
    );
  });

  it('gives a whole lane back, in order, where the source is to send again', async () => {
    const sink = new Recorder(() => fails('unavailable'));
    const { dispatcher } = gateway(
      [route('r', ['mqtt', 'a'], [['x', 'b', { deadline: 20, backoff: quick }]])],
      { x: sink },
    );
    const intake = dispatcher.intakeOf('mqtt');
    const given: string[] = [];
    const outcomes = ['1', '2', '3'].map((text) =>
      intake.deliver(message('a', text)).then((outcome) => {
        given.push(text);
        return outcome.state;
      }),
    );
    assert.deepEqual(await Promise.all(outcomes), ['released', 'released', 'released']);
    assert.deepEqual(given, ['1', '2', '3']);
  });

  it('comes at once for the codes that are named permanent', async () => {
    const sink = new Recorder(() => fails('timeout'));
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', { permanent: ['timeout'] }]])], {
      x: sink,
    });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'rejected');
    assert.equal(sink.sent.length, 1);
  });

  it('comes for all that waits when the gateway stops, and what is under way is answered by its target', async () => {
    let confirm!: () => void;
    const sink = new Recorder(({ key }) =>
      key === 'slow' ? new Promise((resolve) => (confirm = resolve)) : fails('unavailable'),
    );
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', {}]])], { x: sink });
    const intake = dispatcher.intakeOf('mqtt');
    const waiting = [1, 2, 3].map((n) => intake.deliver(message('a', n)));
    const slow = intake.deliver(message('a', 4, { key: 'slow' }));
    for (const each of waiting) assert.ok(await isPending(each));
    dispatcher.stop();
    for (const each of waiting) assert.equal((await each).state, 'released');
    assert.ok(await isPending(slow));
    confirm();
    assert.equal((await slow).state, 'accepted');
    assert.equal((await intake.deliver(message('a'))).state, 'released', 'nothing is tried again any more');
  });

  it('is the same for a sink that throws at once', async () => {
    const sink: Sink = {
      send() {
        throw new JunctionError('refused', 'no');
      },
    };
    const { dispatcher } = gateway([route('r', ['mqtt', 'a'], [['x', 'b', {}]])], { x: sink });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'rejected');
  });
});
