import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Envelope } from '../../src/core/envelope.ts';
import { JunctionError } from '../../src/core/errors.ts';
import type { Transform } from '../../src/core/transform.ts';
import { parseTemplate } from '../../src/core/template.ts';
import { parseValueTemplate } from '../../src/core/value-template.ts';
import { Step, When } from '../../src/routing/route/compiled.ts';
import type { Edits } from '../../src/routing/route/edits.ts';
import type { ResolvedRoute, RouteTarget } from '../../src/routing/route/route.ts';
import { isPending, message, textOf, until } from '../helpers.ts';
import { gateway, MemoryStore, Recorder, route } from './support.ts';

const json = (value: unknown): Partial<Envelope> => ({ body: Buffer.from(JSON.stringify(value)) });
const addresses = ({ sent }: Recorder): string[] => sent.map(([address]) => address);

/** A condition on the first header. */
const header = (name: string, wanted: string, negated = false): When =>
  new When(
    {
      text: `${name} = '${wanted}'`,
      matches: ({ headers }) => headers.some(([each, value]) => each === name && value === wanted),
    },
    negated,
  );

const failing = new When({
  text: 'fails',
  matches: () => {
    throw new JunctionError('invalid-message', 'it cannot be judged');
  },
});

const step = <Made extends Envelope | Promise<Envelope>>(apply: Transform<Made>['apply']): Step<Made> =>
  new Step({ identity: 'test', apply });

/** The targets of a route, each changed. */
const withTargets = (base: ResolvedRoute, ...over: Partial<RouteTarget>[]): ResolvedRoute => ({
  ...base,
  to: base.to.map((to, n) => ({ ...to, ...over[n] })),
});

const eu = [['region', 'eu']] as const;
const us = [['region', 'us']] as const;

describe('conditions', () => {
  it('let a route have only the messages it wants; the others are accepted, counted, and no loop', async () => {
    const amqp = new Recorder();
    const base = route('r', ['mqtt', 'a/#'], [['amqp', 'x']]);
    const { dispatcher } = gateway([{ ...base, when: header('region', 'eu') }], { amqp });
    const intake = dispatcher.intakeOf('mqtt');
    assert.equal((await intake.deliver(message('a/1', 1, { headers: eu }))).state, 'accepted');
    assert.equal((await intake.deliver(message('a/1', 2, { headers: us, via: ['z'] }))).state, 'accepted');
    assert.equal(amqp.sent.length, 1);
    assert.deepEqual(amqp.sent[0]![1].via, ['r']);
    assert.equal(dispatcher.counters.filtered, 1);
    assert.equal(dispatcher.counters.dropped, 0);
  });

  it('name in `via` only the routes that took the message', async () => {
    const [amqp, kafka] = [new Recorder(), new Recorder()];
    const { dispatcher } = gateway(
      [
        { ...route('eu', ['mqtt', 'a/#'], [['amqp', 'x']]), when: header('region', 'eu') },
        route('all', ['mqtt', 'a/#'], [['kafka', 'x']]),
      ],
      { amqp, kafka },
    );
    await dispatcher.intakeOf('mqtt').deliver(message('a/1', 1, { headers: us }));
    assert.equal(amqp.sent.length, 0);
    assert.deepEqual(kafka.sent[0]![1].via, ['all']);
  });

  it('choose among targets, as a switch does', async () => {
    const [amqp, kafka] = [new Recorder(), new Recorder()];
    const base = route('r', ['mqtt', 'a'], [['amqp', 'eu'], ['kafka', 'others']]); // prettier-ignore
    const { dispatcher } = gateway(
      [
        withTargets(
          base,
          { when: [header('region', 'eu')] },
          { when: [header('region', 'eu', true), header('test', 'yes', true)] },
        ),
      ],
      { amqp, kafka },
    );
    const intake = dispatcher.intakeOf('mqtt');
    await intake.deliver(message('a', 1, { headers: eu }));
    await intake.deliver(message('a', 2, { headers: us }));
    await intake.deliver(message('a', 3, { headers: [...us, ['test', 'yes']] }));
    assert.deepEqual([addresses(amqp), addresses(kafka)], [['eu'], ['others']]);
    assert.equal(dispatcher.counters.filtered, 1);
  });

  it('that cannot judge a message make a dead letter of it, or tell its sender', async () => {
    const amqp = new Recorder();
    const store = new MemoryStore();
    const base = route('r', ['mqtt', 'a'], [['amqp', 'x']]);
    const kept = gateway([{ ...base, when: failing, deadLetter: 'store' }], { amqp }, { store });
    assert.equal((await kept.dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    assert.match([...store.letters.values()][0]!.reason, /route "r": it cannot be judged/);
    const told = gateway([{ ...base, when: failing }], { amqp });
    assert.equal((await told.dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'rejected');
    assert.equal(amqp.sent.length, 0);
  });
});

describe('addresses made of messages', () => {
  const dynamic = (text: string): ResolvedRoute => {
    const base = route('r', ['mqtt', 'a/{b}'], [['amqp', 'x']]);
    return withTargets(base, { template: parseTemplate(text, ['b']) });
  };

  it('take captures, headers, and places in JSON bodies, with whole numbers of any size', async () => {
    const amqp = new Recorder();
    const { dispatcher } = gateway([dynamic('t.{b}.{header.region}.{body./order/id}')], { amqp });
    const body = Buffer.from('{"order":{"id":9007199254740993}}');
    await dispatcher.intakeOf('mqtt').deliver(message('a/1', 1, { headers: eu, body }));
    assert.deepEqual(addresses(amqp), ['t.1.eu.9007199254740993']);
  });

  for (const [what, init] of [
    ['lacks a value', json({ c: 1 })],
    ['holds a separator', json({ x: 'a.b' })],
    ['is no JSON', { body: Buffer.from('{') }],
  ] as const)
    it(`refuse a message that ${what}, and nothing else`, async () => {
      const amqp = new Recorder();
      const { dispatcher } = gateway([dynamic('t.{body./x}')], { amqp });
      const intake = dispatcher.intakeOf('mqtt');
      const outcome = await intake.deliver(message('a/1', 1, init));
      assert.equal(outcome.state, 'rejected');
      assert.equal((await intake.deliver(message('a/1', 2, json({ x: 'y' })))).state, 'accepted');
      assert.deepEqual(addresses(amqp), ['t.y']);
    });
});

describe('changes at a target', () => {
  const none: Edits = {
    remove: [],
    rename: new Map(),
    set: [],
    contentType: undefined,
    subject: undefined,
    correlationId: undefined,
    replyTo: undefined,
    priority: undefined,
    ttl: undefined,
    durable: undefined,
  };
  const base = route('r', ['mqtt', 'a/{b}'], [['amqp', 'x']]);

  it('set, take out and rename headers, in their order, and leave the message itself as it was', async () => {
    const amqp = new Recorder();
    const value = (text: string) => parseValueTemplate(text, ['b']);
    const edits: Edits = {
      ...none,
      remove: ['gone', 'x-*'],
      rename: new Map([['old', 'new']]),
      set: [
        { name: 'shop', value: value('{b}/{header.old}') },
        { name: 'count', value: [5n] },
        { name: 'kept', value: value('{header.absent}') },
      ],
      subject: value('s-{b}'),
      priority: 7,
      ttl: 60_000,
    };
    const { dispatcher } = gateway([withTargets(base, { edits })], { amqp });
    const headers = [
      ['gone', '1'],
      ['old', 1, 'int'],
      ['x-a', '1'],
      ['kept', 'k'],
      ['old', 2, 'int'],
    ] as const;
    const sent = message('a/1', 1, { headers });
    await dispatcher.intakeOf('mqtt').deliver(sent);
    const out = amqp.sent[0]![1];
    assert.deepEqual(out.headers, [
      ['new', 1, 'int'],
      ['kept', 'k'],
      ['new', 2, 'int'],
      ['shop', '1/1'],
      ['count', 5n],
    ]);
    assert.deepEqual([out.subject, out.priority], ['s-1', 7]);
    assert.ok(out.expiresAt! > Date.now());
    assert.deepEqual(sent.headers, headers);
  });

  it('keep the order of messages where they take time, also for messages that are changed at once', async () => {
    const amqp = new Recorder();
    const waiting: (() => void)[] = [];
    const steps = [
      step((each) =>
        textOf(each.body).startsWith('slow')
          ? new Promise<Envelope>((done) => waiting.push(() => done({ ...each, body: Buffer.from('done') })))
          : each,
      ),
    ];
    const { dispatcher } = gateway([withTargets(base, { steps })], { amqp });
    const intake = dispatcher.intakeOf('mqtt');
    const outcomes = ['slow 1', 'fast', 'slow 2', 'fast again'].map((body) =>
      intake.deliver(message('a/1', body)),
    );
    waiting[1]!();
    assert.ok(await isPending(outcomes[3]!));
    assert.equal(amqp.sent.length, 0);
    waiting[0]!();
    for (const outcome of outcomes) assert.equal((await outcome).state, 'accepted');
    assert.deepEqual(
      amqp.sent.map(([, { body }]) => textOf(body)),
      ['done', 'fast', 'done', 'fast again'],
    );
  });

  it('are not made again for a message that is tried again; a failing one makes a dead letter of the message as it came', async () => {
    let made = 0;
    let away = true;
    const amqp = new Recorder(async () => {
      if (away) throw new JunctionError('unavailable', 'away');
    });
    const steps = [
      step(async (each) => {
        made++;
        if (textOf(each.body) === 'bad') throw new JunctionError('invalid-message', 'it cannot be changed');
        return { ...each, body: Buffer.from('changed') };
      }),
    ];
    const store = new MemoryStore();
    const retried = route('r', ['mqtt', 'a/{b}'], [['amqp', 'x', { backoff: { from: 1, to: 1 } }]]);
    const { dispatcher } = gateway(
      [{ ...withTargets(retried, { steps }), deadLetter: 'store' }],
      { amqp },
      { store },
    );
    const intake = dispatcher.intakeOf('mqtt');
    const good = intake.deliver(message('a/1', 'good'));
    while (amqp.sent.length < 3) await isPending(good);
    const bad = intake.deliver(message('a/2', 'bad'));
    away = false;
    assert.deepEqual([(await good).state, (await bad).state], ['accepted', 'accepted']);
    assert.equal(made, 2);
    const [letter] = [...store.letters.values()];
    assert.deepEqual([letter!.code, textOf(letter!.message.body)], ['invalid-message', 'bad']);
    assert.equal(textOf(amqp.sent.at(-1)![1].body), 'changed');
  });
});

describe('a route that decodes', () => {
  it('lets its conditions, templates and targets see what it made of the message, and keeps the original in a dead letter', async () => {
    const amqp = new Recorder(async ({ headers }) => {
      if (headers.some(([name]) => name === 'refuse')) throw new JunctionError('refused', 'no');
    });
    const store = new MemoryStore();
    const decode = step((each): Envelope => {
      if (textOf(each.body) === 'bad') throw new JunctionError('invalid-message', 'it is no event');
      return { ...each, headers: [...each.headers, ['region', 'eu']] };
    });
    const base = route('r', ['mqtt', 'a'], [['amqp', 'x']]);
    const { dispatcher } = gateway(
      [
        {
          ...withTargets(base, { template: parseTemplate('t.{header.region}', []) }),
          from: { ...base.from, decode },
          when: header('region', 'eu'),
          deadLetter: 'store',
        },
      ],
      { amqp },
      { store },
    );
    const intake = dispatcher.intakeOf('mqtt');
    await intake.deliver(message('a', 'good'));
    await intake.deliver(message('a', 'bad'));
    await intake.deliver(message('a', 'refused', { headers: [['refuse', '1']] }));
    assert.deepEqual(addresses(amqp), ['t.eu', 't.eu']);
    assert.deepEqual(amqp.sent[0]![1].via, ['r']);
    assert.deepEqual(
      [...store.letters.values()].map(({ code, message: { body, headers } }) => [
        code,
        textOf(body),
        headers,
      ]),
      [
        ['invalid-message', 'bad', []],
        ['refused', 'refused', [['refuse', '1']]],
      ],
    );
  });
});

describe('groups of targets', () => {
  const away = () => new Recorder(async () => Promise.reject(new JunctionError('unavailable', 'away')));
  const refusing = () => new Recorder(async () => Promise.reject(new JunctionError('refused', 'no')));
  const grouped = (mode: 'any' | 'failover', over: Partial<ResolvedRoute> = {}): ResolvedRoute => ({
    ...withTargets(
      route('r', ['mqtt', 'a'], [['one', 'x'], ['two', 'x'], ['beside', 'x']]), // prettier-ignore
      { group: { mode, number: 0 } },
      { group: { mode, number: 0 } },
    ),
    ...over,
  });

  it('failover: the second gets only what the first does not take', async () => {
    const sinks = { one: new Recorder(), two: new Recorder(), beside: new Recorder() };
    const { dispatcher } = gateway([grouped('failover')], sinks);
    await dispatcher.intakeOf('mqtt').deliver(message('a'));
    assert.deepEqual([sinks.one.sent.length, sinks.two.sent.length, sinks.beside.sent.length], [1, 0, 1]);
    const broken = { one: away(), two: new Recorder(), beside: new Recorder() };
    const other = gateway([grouped('failover')], broken);
    assert.equal((await other.dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    assert.deepEqual([broken.one.sent.length, broken.two.sent.length, broken.beside.sent.length], [1, 1, 1]);
  });

  it('any: the first that confirms is enough', async () => {
    const slow = new Recorder(() => new Promise(() => undefined));
    const { dispatcher } = gateway([grouped('any')], {
      one: slow,
      two: new Recorder(),
      beside: new Recorder(),
    });
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    assert.equal(slow.sent.length, 1);
  });

  for (const mode of ['any', 'failover'] as const) {
    it(`${mode}: one that may take it later is reason to send it again`, async () => {
      const { dispatcher } = gateway([grouped(mode)], {
        one: away(),
        two: refusing(),
        beside: new Recorder(),
      });
      assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'released');
    });

    it(`${mode}: what none ever takes is one dead letter`, async () => {
      const store = new MemoryStore();
      const { dispatcher } = gateway(
        [grouped(mode, { deadLetter: 'store' })],
        { one: refusing(), two: refusing(), beside: new Recorder() },
        { store },
      );
      assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
      assert.deepEqual(
        [...store.letters.values()].map(({ code, endpoint, reason }) => [code, endpoint, reason]),
        [['refused', 'two', 'none of one, two took it: no']],
      );
    });
  }
});

describe('a mirror', () => {
  const mirrored = (share: number): ResolvedRoute =>
    withTargets(route('r', ['mqtt', 'a'], [['main', 'x'], ['mirror', 'x']]), {}, { mirror: share }); // prettier-ignore

  it('gets copies that nobody waits for, and up to a bound only', async () => {
    const sinks = { main: new Recorder(), mirror: new Recorder(() => new Promise(() => undefined)) };
    const { dispatcher } = gateway([{ ...mirrored(1), deadLetter: 'store' }], sinks, {
      store: new MemoryStore(),
    });
    for (let n = 0; n < 1100; n++)
      assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a', n))).state, 'accepted');
    assert.deepEqual([sinks.main.sent.length, sinks.mirror.sent.length], [1100, 1000]);
    assert.equal(dispatcher.counters.unmirrored, 100);
  });

  it('may fail without a dead letter', async () => {
    const store = new MemoryStore();
    const mirror = new Recorder(async () => Promise.reject(new JunctionError('refused', 'no')));
    const { dispatcher } = gateway(
      [{ ...mirrored(1), deadLetter: 'store' }],
      { main: new Recorder(), mirror },
      { store },
    );
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, 'accepted');
    await until(() => dispatcher.counters.unmirrored === 1);
    assert.equal(store.letters.size, 0);
  });

  it('gets its share, the same messages whenever they come', async () => {
    const mirror = new Recorder();
    const { dispatcher } = gateway([mirrored(0.1)], { main: new Recorder(), mirror });
    const intake = dispatcher.intakeOf('mqtt');
    const sendAll = async (): Promise<string[]> => {
      const before = mirror.sent.length;
      for (let n = 0; n < 5000; n++) await intake.deliver(message('a', n, { id: `message ${n}` }));
      return mirror.sent.slice(before).map(([, { body }]) => textOf(body));
    };
    const first = await sendAll();
    assert.ok(first.length > 400 && first.length < 600, `${first.length} of 5000`);
    assert.deepEqual(await sendAll(), first);
  });
});
