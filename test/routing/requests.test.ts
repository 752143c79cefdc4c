import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Uuid, type Envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import { accepted } from '../../src/core/outcome.ts';
import { RateLimitedLog } from '../../src/core/rate-limited-log.ts';
import { AllowedReplies } from '../../src/routing/route/allowed-replies.ts';
import { Requests } from '../../src/routing/plan/requests.ts';
import { placeOf, type ReplySettings, type ResolvedRoute } from '../../src/routing/route/route.ts';
import { keptLog, message } from '../helpers.ts';
import { gateway, MemoryStore, Recorder, route, slash } from './support.ts';

const reply = (over: Partial<ReplySettings> = {}): ReplySettings => ({
  address: 'replies',
  allowed: new AllowedReplies(['inbox/#'], slash, (address) => address.startsWith('temp:')),
  timeout: 1000,
  max: 3,
  answers: 'first',
  ...over,
});

const place = placeOf('amqp', 'replies');
const failure = { state: 'released', error: new JunctionError('unavailable', 'away') } as const;

/** A table whose clock the test moves. */
function table() {
  const log = keptLog();
  const clock = { now: 5000 };
  const requests = new Requests(new RateLimitedLog(log), () => clock.now);
  return {
    log,
    clock,
    requests,
    ask: (over: Partial<Envelope>, settings = reply(), name = 'r') => {
      const came = message('ask', 1, { replyTo: 'inbox/1', ...over });
      return requests.ask(name, 'amqp', settings, came, came);
    },
    answer: (correlationId: Envelope['correlationId'], name = 'r', at = place) =>
      requests.answerTo(name, at, true, message('replies', 1, { correlationId })),
    /** Takes an answer all the way. */
    take(correlationId: Envelope['correlationId']) {
      const answer = this.answer(correlationId)!;
      const came = message('replies', 1, { correlationId });
      const sent = answer.finish(came, came) as Envelope;
      answer.settled(accepted);
      return [answer.address, sent.correlationId];
    },
  };
}

const thrown = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof JunctionError && error.code === code && words.test(error.message);

describe('a request at its target', () => {
  it('has the reply address there, a token that nobody can guess, and its own id', (t) => {
    const { requests, ask } = table();
    t.after(() => requests.stop());
    const tokens = new Set<unknown>();
    for (let n = 0; n < 1000; n++) {
      const sent = ask({ id: `m${n}`, correlationId: 'mine' }, reply({ max: 1000 }));
      assert.equal(sent.replyTo, 'replies');
      assert.equal(sent.id, `m${n}`);
      assert.match(String(sent.correlationId), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      tokens.add(sent.correlationId);
    }
    assert.equal(tokens.size, 1000);
    const without = ask({}, reply({ max: 1001 }));
    assert.equal(without.id, without.correlationId);
  });

  it('is as it was where it wants no answer', (t) => {
    const { requests, ask } = table();
    t.after(() => requests.stop());
    for (const replyTo of [undefined, '']) {
      const sent = ask({ replyTo, correlationId: 'mine' });
      assert.deepEqual([sent.replyTo, sent.correlationId], [replyTo, 'mine']);
    }
    assert.equal(requests.waiting('r'), 0);
  });

  it('is refused where answers may not go', (t) => {
    const { requests, ask } = table();
    t.after(() => requests.stop());
    for (const hostile of ['inboxes/1', 'other', '$SYS/x', 'temp', 'ask', '__proto__', ' inbox/1'])
      assert.throws(() => ask({ replyTo: hostile }), thrown('invalid-message', /none that the route allows/));
    for (const wrong of ['inbox/\u0000', 'inbox/\n', 'inbox/\u0085', `inbox/${'x'.repeat(200)}`])
      assert.throws(() => ask({ replyTo: wrong }), thrown('invalid-message', /cannot be sent to/));
    const long = 'y'.repeat(100_000);
    assert.throws(
      () => ask({ replyTo: long }),
      (error: Error) => error.message.length < 1000,
    );
    assert.equal(requests.waiting('r'), 0);
    assert.equal(ask({ replyTo: 'temp:1' }).replyTo, 'replies');
  });

  it('is refused for now where as many wait as may, until one is answered or its time is over', (t) => {
    const bench = table();
    const { requests, ask, clock } = bench;
    t.after(() => requests.stop());
    const sent = ['a', 'b', 'c'].map((id) => ask({ id }));
    assert.throws(() => ask({ id: 'd' }), thrown('busy', /3 requests wait/));
    bench.take(sent[0]!.correlationId);
    ask({ id: 'd' });
    assert.throws(() => ask({ id: 'e' }), thrown('busy', /3 requests wait/));
    clock.now += 1001;
    ask({ id: 'e' });
    assert.equal(requests.waiting('r'), 1);
    assert.equal(requests.counters.unanswered, 3);
  });

  it('that comes again is the same one, and others of its id are not', (t) => {
    const bench = table();
    t.after(() => bench.requests.stop());
    const first = bench.ask({ id: 'm', correlationId: 'c' });
    bench.clock.now += 900;
    assert.equal(bench.ask({ id: 'm', correlationId: 'c' }).correlationId, first.correlationId);
    bench.clock.now += 900; // its time began anew
    assert.ok(bench.answer(first.correlationId));
    const other = bench.ask({ id: 'm', correlationId: 'c', replyTo: 'inbox/2' });
    assert.notEqual(other.correlationId, first.correlationId);
    assert.equal(bench.requests.waiting('r'), 2);
  });
});

describe('an answer', () => {
  it('has the correlation of its request, type and bytes, by token or by message id', (t) => {
    const bench = table();
    t.after(() => bench.requests.stop());
    const settings = reply({ max: 100 });
    const ids = ['text', 7n, new Uuid('00112233-4455-6677-8899-aabbccddeeff'), new Uint8Array([0, 255])];
    for (const id of ids) {
      const sent = bench.ask({ id: `id-${String(id)}`, correlationId: id }, settings);
      assert.deepEqual(bench.take(sent.correlationId), ['inbox/1', id]);
    }
    for (const id of ids) {
      bench.ask({ id }, settings);
      assert.deepEqual(bench.take(id), ['inbox/1', id]);
    }
    const bytes = bench.ask({ id: 'as-bytes' }, settings);
    assert.deepEqual(bench.take(Buffer.from(String(bytes.correlationId))), ['inbox/1', 'as-bytes']);
    bench.ask({ id: 'both', correlationId: 'mine' }, settings);
    assert.deepEqual(bench.take('both'), ['inbox/1', 'mine']);
    bench.ask({ id: 'plain' }, settings);
    assert.deepEqual(
      bench.take('ID:plain'),
      ['inbox/1', 'plain'],
      'as JMS clients of ActiveMQ Classic see it',
    );
    bench.ask({ id: 'ID:jms' }, settings);
    assert.deepEqual(bench.take('ID:jms'), ['inbox/1', 'ID:jms']);
    assert.throws(() => bench.answer('jms'), thrown('no-route', /no request/));
    const neither = bench.ask({}, settings);
    assert.deepEqual(bench.take(neither.correlationId), ['inbox/1', undefined]);
  });

  it('is nobody’s where it names no request, one of another place, one of two, or one that is over', (t) => {
    const bench = table();
    t.after(() => bench.requests.stop());
    const stray = thrown('no-route', /no request|no correlation/);
    for (const nobody of [undefined, 'x', '', '__proto__', 'constructor'])
      assert.throws(() => bench.answer(nobody), stray);
    const sent = bench.ask({ id: 'm' });
    assert.throws(() => bench.answer(sent.correlationId, 'r', placeOf('amqp', 'other')), stray);
    bench.ask({ id: 'm', replyTo: 'inbox/2' });
    assert.throws(() => bench.answer('m'), stray);
    assert.equal(bench.answer(sent.correlationId, 'another route'), undefined);
    bench.clock.now += 1000;
    assert.throws(() => bench.answer(sent.correlationId), stray);
    assert.equal(bench.requests.counters.strays, 8);
    bench.requests.sweep();
    assert.equal(bench.requests.counters.unanswered, 2);
    assert.ok(bench.log.lines.some(({ message: text }) => text === 'requests had no answer in time'));
  });

  it('is the only one, unless it does not come through or all are wanted', (t) => {
    const bench = table();
    t.after(() => bench.requests.stop());
    const { correlationId } = bench.ask({ id: 'm' });
    const came = message('replies', 1, { correlationId });
    const [first, second] = [bench.answer(correlationId)!, bench.answer(correlationId)!];
    void first.finish(came, came);
    const again = thrown('expired', /has one already/);
    assert.throws(() => second.finish(came, came), again);
    second.settled(accepted); // its end is none of the request's
    first.settled(failure);
    bench.clock.now += 500;
    const third = bench.answer(correlationId)!;
    void third.finish(came, came);
    bench.clock.now += 600;
    bench.requests.sweep(); // while it is on its way
    assert.equal(bench.requests.counters.unanswered, 0);
    third.settled(accepted);
    assert.throws(() => third.finish(came, came), again);
    const every = bench.ask({ id: 'n' }, reply({ answers: 'all' }));
    for (let n = 0; n < 3; n++) assert.deepEqual(bench.take(every.correlationId), ['inbox/1', 'n']);
    bench.clock.now += 2000;
    bench.requests.sweep();
    assert.equal(bench.requests.counters.unanswered, 0);
  });

  it('is not waited for by a route that is gone', (t) => {
    const bench = table();
    t.after(() => bench.requests.stop());
    const [kept, lost] = [bench.ask({ id: 'a' }), bench.ask({ id: 'b' }, reply(), 'gone')];
    bench.requests.keep(new Set(['r']));
    assert.ok(bench.answer(kept.correlationId));
    assert.throws(() => bench.answer(lost.correlationId, 'gone'), thrown('no-route', /no request/));
  });
});

describe('the way back of routes', () => {
  /** Two routes whose answers come to one address. */
  const routes = (over: Partial<ResolvedRoute> = {}): ResolvedRoute[] =>
    ['a', 'b'].flatMap((name, n): ResolvedRoute[] => {
      const there = route(name, ['mqtt', `ask/${name}`], [['amqp', 'work']]);
      const back = route(`${name}.reply@amqp`, ['amqp', 'replies'], [['mqtt', 'unused']]);
      return [
        { ...there, to: there.to.map((to) => ({ ...to, reply: reply() })) },
        { ...back, ...over, answers: { route: name, strays: n === 0 } },
      ];
    });

  it('takes each answer to the one who asked, and one dead letter of what is nobody’s', async (t) => {
    const store = new MemoryStore();
    const [mqtt, amqp] = [new Recorder(), new Recorder()];
    const bench = gateway(routes({ deadLetter: 'store' }), { mqtt, amqp }, { store });
    t.after(() => bench.dispatcher.stop());
    for (const name of ['a', 'b'])
      await bench.dispatcher
        .intakeOf('mqtt')
        .deliver(message(`ask/${name}`, 1, { replyTo: `inbox/${name}`, correlationId: name }));
    for (const [, { correlationId }] of [...amqp.sent].reverse())
      assert.equal(
        (await bench.dispatcher.intakeOf('amqp').deliver(message('replies', 1, { correlationId }))).state,
        'accepted',
      );
    assert.deepEqual(
      mqtt.sent.map(([address, { correlationId, hops, via }]) => [address, correlationId, hops, via]),
      [
        ['inbox/b', 'b', 1, ['b.reply@amqp']],
        ['inbox/a', 'a', 1, ['a.reply@amqp']],
      ],
    );
    const stray = await bench.dispatcher
      .intakeOf('amqp')
      .deliver(message('replies', 1, { correlationId: 'x' }));
    assert.equal(stray.state, 'accepted');
    assert.deepEqual(
      [...store.letters.values()].map(({ route: name, code }) => [name, code]),
      [['a.reply@amqp', 'no-route']],
    );
    assert.equal(bench.dispatcher.counters.strays, 1);
  });

  it('ends what comes twice, and tells the answerer of a stray where there are no dead letters', async (t) => {
    const [mqtt, amqp] = [new Recorder(), new Recorder()];
    const bench = gateway(routes(), { mqtt, amqp });
    t.after(() => bench.dispatcher.stop());
    await bench.dispatcher.intakeOf('mqtt').deliver(message('ask/a', 1, { replyTo: 'inbox/a' }));
    const { correlationId } = amqp.sent[0]![1];
    const answers = bench.dispatcher.intakeOf('amqp');
    for (let n = 0; n < 2; n++)
      assert.equal((await answers.deliver(message('replies', n, { correlationId }))).state, 'accepted');
    assert.equal(mqtt.sent.length, 1);
    assert.equal(bench.dispatcher.counters.dropped, 1);
    assert.equal((await answers.deliver(message('replies', 1))).state, 'rejected');
    const refused = await bench.dispatcher
      .intakeOf('mqtt')
      .deliver(message('ask/a', 1, { replyTo: 'other' }));
    assert.equal(refused.state, 'rejected');
    assert.equal(amqp.sent.length, 1);
  });

  it('keeps a request that its answer did not reach, for when the answer comes again', async (t) => {
    let away = true;
    const mqtt = new Recorder(() =>
      away ? Promise.reject(new JunctionError('unavailable', 'away')) : Promise.resolve(),
    );
    const amqp = new Recorder();
    const bench = gateway(routes(), { mqtt, amqp });
    t.after(() => bench.dispatcher.stop());
    await bench.dispatcher.intakeOf('mqtt').deliver(message('ask/a', 1, { replyTo: 'inbox/a' }));
    const answer = message('replies', 1, { correlationId: amqp.sent[0]![1].correlationId });
    const answers = bench.dispatcher.intakeOf('amqp');
    assert.equal((await answers.deliver(answer)).state, 'released');
    away = false;
    assert.equal((await answers.deliver(answer)).state, 'accepted');
    assert.equal(mqtt.sent.length, 2);
    assert.equal(bench.dispatcher.counters.dropped, 0);
  });
});
