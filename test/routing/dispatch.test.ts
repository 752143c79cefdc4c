import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JunctionError } from '../../src/core/errors.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { parseValueTemplate } from '../../src/core/value-template.ts';
import { RoutingTable } from '../../src/routing/plan/table.ts';
import { isPending, message } from '../helpers.ts';
import { gateway, Recorder, route, syntaxOf } from './support.ts';

describe('dispatch', () => {
  it('sends to every target of every matching route, with captures filled in', async () => {
    const [amqp, kafka] = [new Recorder(), new Recorder()];
    const { dispatcher } = gateway(
      [
        route(
          'one',
          ['mqtt', 'plants/{plant}/telemetry'],
          [
            ['amqp', 'telemetry.{plant}'],
            ['kafka', 'all'],
          ],
        ),
        route('two', ['mqtt', 'plants/#'], [['kafka', 'plants']]),
        route('three', ['amqp', 'plants.#'], [['kafka', 'never']]),
      ],
      { amqp, kafka },
    );
    const intake = dispatcher.intakeOf('mqtt');
    assert.deepEqual(
      intake.patterns.map((p) => p.text),
      ['plants/{plant}/telemetry', 'plants/#'],
    );
    assert.equal(intake.readerOf('elsewhere'), undefined);
    assert.ok(intake.readerOf('plants/p1'));
    const sent = message('plants/p1/telemetry');
    assert.equal((await intake.deliver(sent)).state, 'accepted');
    assert.deepEqual(
      amqp.sent.map(([address]) => address),
      ['telemetry.p1'],
    );
    assert.deepEqual(kafka.sent.map(([address]) => address).sort(), ['all', 'plants']);
    assert.deepEqual(amqp.sent[0]![1], { ...sent, hops: 1, via: ['one', 'two'] });
  });

  it('gives a target the key its template makes, and leaves the message its own where a part is missing', async () => {
    const [keyed, plain] = [new Recorder(), new Recorder()];
    const base = route(
      'one',
      ['mqtt', 'plants/{plant}'],
      [
        ['keyed', 'all'],
        ['plain', 'all'],
      ],
    );
    const key = parseValueTemplate('{plant}/{header.machine}', ['plant']);
    const { dispatcher } = gateway([{ ...base, to: [{ ...base.to[0]!, key }, base.to[1]!] }], {
      keyed,
      plain,
    });
    const intake = dispatcher.intakeOf('mqtt');
    await intake.deliver(message('plants/p1', 1, { key: 'own', headers: [['machine', 7, 'int']] }));
    await intake.deliver(message('plants/p1', 2, { key: 'own' }));
    assert.deepEqual(
      keyed.sent.map(([, { key }]) => key),
      ['p1/7', 'own'],
    );
    assert.deepEqual(
      plain.sent.map(([, { key }]) => key),
      ['own', 'own'],
    );
  });

  it('accepts only after the last target has confirmed', async () => {
    let confirm!: () => void;
    const slow = new Recorder(() => new Promise((resolve) => (confirm = resolve)));
    const { dispatcher } = gateway(
      [
        route(
          'r',
          ['mqtt', 'a'],
          [
            ['fast', 'x'],
            ['slow', 'y'],
          ],
        ),
      ],
      {
        fast: new Recorder(),
        slow,
      },
    );
    const outcome = dispatcher.intakeOf('mqtt').deliver(message('a'));
    assert.ok(await isPending(outcome));
    confirm();
    assert.equal((await outcome).state, 'accepted');
  });

  for (const [code, state] of [
    ['unavailable', 'released'],
    ['refused', 'rejected'],
  ] as const)
    it(`turns a target's ${code} into ${state}, also beside a target that accepts`, async () => {
      const bad = new Recorder(() => Promise.reject(new JunctionError(code, 'no')));
      const { dispatcher, log } = gateway(
        [
          route(
            'r',
            ['mqtt', 'a'],
            [
              ['good', 'x'],
              ['bad', 'y'],
            ],
          ),
        ],
        {
          good: new Recorder(),
          bad,
        },
      );
      for (let n = 0; n < 3; n++)
        assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a'))).state, state);
      assert.equal(log.lines.length, 1, 'one line, not one a message');
    });

  it('ends a message that has passed too many routes, or has expired, and counts it', async () => {
    const sink = new Recorder();
    const { dispatcher, log } = gateway([route('r', ['mqtt', 'a'], [['x', 'b']])], { x: sink });
    const intake = dispatcher.intakeOf('mqtt');
    await intake.deliver(message('a', 1, { hops: 8 }));
    await intake.deliver(message('a', 1, { expiresAt: Date.now() - 1 }));
    assert.equal(sink.sent.length, 0);
    assert.equal(dispatcher.counters.dropped, 2);
    assert.deepEqual(
      log.lines.map((line) => (line.fields as { code: string }).code),
      ['loop', 'expired'],
    );
  });

  it('takes a message through each route once, however the routes feed each other', async () => {
    // each target is a source again, as a listener's address is
    const again: Sink = {
      send: async (envelope, address) => {
        sent.push(address);
        await dispatcher.intakeOf('mqtt').deliver({ ...envelope, address });
      },
    };
    const sent: string[] = [];
    const { dispatcher } = gateway(
      [
        route(
          'one',
          ['mqtt', 'a/{x}'],
          [
            ['mqtt', 'a/{x}'],
            ['mqtt', 'a/1{x}'],
            ['mqtt', 'b/{x}'],
          ],
        ),
        route(
          'two',
          ['mqtt', 'b/{x}'],
          [
            ['mqtt', 'a/{x}'],
            ['mqtt', 'c/{x}'],
          ],
        ),
      ],
      { mqtt: again },
    );
    assert.equal((await dispatcher.intakeOf('mqtt').deliver(message('a/x'))).state, 'accepted');
    assert.deepEqual(sent.sort(), ['a/1x', 'a/x', 'a/x', 'b/x', 'c/x']);
  });

  it('refuses a captured value that would name another address, and sends nothing anywhere', async () => {
    const sink = new Recorder();
    const { dispatcher } = gateway(
      [
        route(
          'r',
          ['mqtt', 'p/{x}'],
          [
            ['kafka', 'all'],
            ['amqp', 't.{x}'],
          ],
        ),
      ],
      {
        amqp: sink,
        kafka: sink,
      },
    );
    const outcome = await dispatcher.intakeOf('mqtt').deliver(message('p/a.b'));
    assert.ok(outcome.state === 'rejected' && /\{x\} holds "a\.b"/.test(outcome.error.message));
    assert.equal(sink.sent.length, 0);
  });
});

describe('the routing table', () => {
  it('finds one of ten thousand routes and stays right when more addresses come than it keeps', () => {
    const routes = Array.from({ length: 10_000 }, (_, n) =>
      route(`r${n}`, ['mqtt', `plants/${n}/{what}`], [['amqp', `t.${n}.{what}`]]),
    );
    const table = new RoutingTable(routes, syntaxOf);
    for (let n = 0; n < 25_000; n++) {
      const plan = table.plan('mqtt', `plants/${n}/x`);
      assert.deepEqual(
        plan?.targets.flatMap((one) => one.targets.map((t) => t.address)),
        n < 10_000 ? [`t.${n}.x`] : undefined,
      );
    }
    assert.equal(table.plan('amqp', 'plants/1/x'), undefined);
  });
});
