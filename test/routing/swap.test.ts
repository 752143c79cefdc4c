import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { JunctionError } from '../../src/core/errors.ts';
import type { Envelope } from '../../src/core/envelope.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import type { Sink } from '../../src/core/protocol.ts';
import { Dispatcher } from '../../src/routing/dispatch.ts';
import type { ResolvedRoute } from '../../src/routing/route/route.ts';
import { RoutingTable } from '../../src/routing/plan/table.ts';
import { isPending, keptLog, message, settleDown, textOf, until } from '../helpers.ts';
import { randomFrom } from '../store/random.ts';
import { route, syntaxOf } from './support.ts';

/** Tried for ever, and soon. */
const retry = { attempts: 1e9, backoff: { from: 1, to: 3 } };

/** An endpoint that can be away; what it takes it confirms some turns later, in any order. */
class Target implements Sink {
  /** By address, the bodies in the order in which they came. */
  readonly taken: Map<string, string[]>;
  away = false;
  /** Whether it was replaced: then it must not be sent anything. */
  gone = false;
  /** For how many turns the next confirmation waits; Infinity: until `confirm`. */
  delay: () => number = () => 0;
  readonly #unconfirmed: (() => void)[] = [];

  constructor(taken = new Map<string, string[]>()) {
    this.taken = taken;
  }

  at(address: string): string[] {
    return this.taken.get(address) ?? [];
  }

  confirm(): void {
    for (const confirm of this.#unconfirmed.splice(0)) confirm();
  }

  async send({ body }: Envelope, address: string): Promise<void> {
    assert.equal(this.gone, false, 'the endpoint was replaced');
    if (this.away) throw new JunctionError('unavailable', 'away');
    const there = this.taken.get(address);
    if (there) there.push(textOf(body));
    else this.taken.set(address, [textOf(body)]);
    const delay = this.delay();
    if (delay === Infinity) return new Promise((resolve) => this.#unconfirmed.push(resolve));
    for (let i = 0; i < delay; i++) await turn();
  }
}

function begin(routes: ResolvedRoute[], names = ['out']) {
  const targets = new Map(names.map((name) => [name, new Target()]));
  const dispatcher = new Dispatcher(new RoutingTable(routes, syntaxOf), targets, keptLog());
  const intake = dispatcher.intakeOf('mqtt');
  return {
    dispatcher,
    targets,
    out: targets.get('out')!,
    send: (n: number, address = 'in/a'): Promise<Outcome> => intake.deliver(message(address, n)),
    swap: (...next: ResolvedRoute[]) => dispatcher.swap(next, syntaxOf),
  };
}

const whole = (name: string): ResolvedRoute =>
  route(name, ['mqtt', 'in/{key}'], [['out', 'out.{key}', retry]]);

const accepts = async (outcomes: Promise<Outcome>[]): Promise<void> =>
  assert.deepEqual(new Set((await Promise.all(outcomes)).map(({ state }) => state)), new Set(['accepted']));

describe('a swap of the routes', { timeout: 60_000 }, () => {
  it('keeps what waits in its place where the flow stays, though the route has another name', async () => {
    const { out, send, swap } = begin([whole('one')]);
    out.away = true;
    const outcomes = [send(1), send(2)];
    assert.ok(await isPending(outcomes[0]!));
    swap(whole('two'));
    outcomes.push(send(3));
    await settleDown();
    out.away = false;
    await accepts(outcomes);
    assert.deepEqual(out.at('out.a'), ['1', '2', '3']);
  });

  it('goes on by the new rules with what waits: once where nothing is tried again', async () => {
    const { out, send, swap } = begin([whole('one')]);
    out.away = true;
    const outcome = send(1);
    await settleDown();
    swap(route('one', ['mqtt', 'in/{key}'], [['out', 'out.{key}', false]]));
    const { state } = await outcome;
    assert.equal(state, 'released');
  });

  it('lets what another flow has for the same key go first, and other keys pass', async () => {
    const { out, send, swap } = begin([whole('one')]);
    out.away = true;
    const outcomes = [send(1), send(2)];
    await settleDown();
    swap(
      route('a', ['mqtt', 'in/a'], [['out', 'out.a', retry]]),
      route('b', ['mqtt', 'in/b'], [['out', 'out.b', retry]]),
    );
    outcomes.push(send(3), send(4, 'in/b'));
    await settleDown();
    out.away = false;
    await accepts(outcomes);
    assert.deepEqual(out.at('out.a'), ['1', '2', '3']);
    assert.deepEqual(out.at('out.b'), ['4']);
  });

  it('makes a new flow wait for what is under way in the old one, key by key', async () => {
    const { out, send, swap } = begin([whole('one')]);
    out.delay = () => Infinity;
    const outcomes = [send(1)];
    swap(route('a', ['mqtt', 'in/+'], [['out', 'out.a', retry]]));
    outcomes.push(send(2));
    await settleDown();
    assert.deepEqual(out.at('out.a'), ['1'], 'the target may still refuse the first one');
    out.delay = () => 0;
    out.confirm();
    await accepts(outcomes);
    assert.deepEqual(out.at('out.a'), ['1', '2']);
  });

  it('lets a flow that stays, and tries a message just then, wait for one that is gone before it sends more', async () => {
    const sent: string[] = [];
    const answers = new Map<string, () => void>();
    const out: Sink = {
      send({ body }) {
        const text = textOf(body);
        sent.push(text);
        if (text === '2' && sent.filter((each) => each === text).length === 1)
          return Promise.reject(new JunctionError('unavailable', 'away'));
        return new Promise((resolve) => answers.set(text, resolve));
      },
    };
    const stays = route('stays', ['mqtt', 'other/{key}'], [['out', 'out.{key}', retry]]);
    const table = new RoutingTable([whole('goes'), stays], syntaxOf);
    const dispatcher = new Dispatcher(table, new Map([['out', out]]), keptLog());
    const intake = dispatcher.intakeOf('mqtt');
    const outcomes = [intake.deliver(message('in/a', 1)), intake.deliver(message('other/a', 2))];
    await until(() => sent.length === 3, 'the second is tried again, alone');
    dispatcher.swap([stays], syntaxOf);
    outcomes.push(intake.deliver(message('other/a', 3)));
    answers.get('2')!();
    await settleDown();
    assert.deepEqual(sent, ['1', '2', '2'], 'the target may still refuse the first one');
    answers.get('1')!();
    await until(() => answers.has('3'), 'what waited is sent');
    answers.get('3')!();
    await accepts(outcomes);
  });

  it('is told when what a route that is gone has taken is answered for', async () => {
    const { dispatcher, out, send, swap } = begin([whole('one')]);
    out.away = true;
    const outcome = send(1);
    await settleDown();
    swap();
    const retired = dispatcher.retired('out');
    assert.ok(await isPending(retired));
    assert.equal((await send(2)).state, 'accepted', 'nothing reads it any more');
    out.away = false;
    await retired;
    await accepts([outcome]);
    assert.deepEqual(out.at('out.a'), ['1']);
  });

  it('gives up what a route that is gone has, when its endpoint is stopped', async () => {
    const { dispatcher, out, send, swap } = begin([whole('one')]);
    out.away = true;
    const outcome = send(1);
    await settleDown();
    swap();
    dispatcher.stop('out');
    assert.equal((await outcome).state, 'released');
    await dispatcher.retired('out');
  });

  it('sends what was held to the endpoint that has come in place of another, in order', async () => {
    const { dispatcher, targets, out, send, swap } = begin([whole('one')]);
    out.delay = () => Infinity;
    const outcomes = [send(1)];
    const held = dispatcher.hold('out');
    outcomes.push(send(2));
    assert.ok(await isPending(held.quiet), 'the first is under way');
    out.confirm();
    await held.quiet;
    out.gone = true;
    const successor = new Target();
    targets.set('out', successor);
    swap(route('a', ['mqtt', 'in/+'], [['out', 'out.a', retry]]));
    outcomes.push(send(3));
    await settleDown();
    assert.deepEqual(successor.at('out.a'), []);
    held.resume(successor);
    await accepts(outcomes);
    assert.deepEqual([out.at('out.a'), successor.at('out.a')], [['1'], ['2', '3']]);
  });
});

const keys = ['a', 'b', 'c', 'd'];

/** Routes that bring in/K to out.K, however they are cut, and perhaps to side.K as well. */
function drawRoutes(random: () => number): ResolvedRoute[] {
  const side = random() < 0.3;
  const name = Math.floor(random() * 3);
  const rules = random() < 0.5 ? retry : { ...retry, backoff: { from: 1, to: 2 } };
  const cut = keys.filter(() => random() < 0.3);
  const to = (key: string): [string, string, typeof retry][] => [
    ['out', `out.${key}`, rules],
    ...(side ? [['side', `side.${key}`, rules] as [string, string, typeof retry]] : []),
  ];
  // A pattern that is cut out is read by both routes: the whole one stands only where nothing is cut.
  return cut.length === 0
    ? [route(`whole-${name}`, ['mqtt', 'in/{key}'], to('{key}'))]
    : keys.map((key) => route(`${key}-${name}`, ['mqtt', `in/${key}`], to(key)));
}

describe('random swaps under random failures', { timeout: 240_000 }, () => {
  for (let seed = 1; seed <= 20; seed++)
    it(`keep the order of each key, and lose and double nothing (seed ${seed})`, async () => {
      const random = randomFrom(seed);
      const { dispatcher, targets, send, swap } = begin(drawRoutes(random), ['out', 'side']);
      const slow = (): number => (random() < 0.5 ? 0 : Math.floor(random() * 6));
      for (const target of targets.values()) target.delay = slow;
      const outcomes: Promise<Outcome>[] = [];
      const sent = new Map(keys.map((key) => [key, [] as string[]]));
      const publish = (): void => {
        for (let i = Math.floor(random() * 5); i >= 0; i--) {
          const key = keys[Math.floor(random() * keys.length)]!;
          outcomes.push(send(outcomes.length, `in/${key}`));
          sent.get(key)!.push(String(outcomes.length - 1));
        }
      };
      /** As a reload does it: the routes are swapped while the endpoint is being replaced. */
      const replace = async (name: string): Promise<void> => {
        const held = dispatcher.hold(name);
        publish();
        await held.quiet;
        const old = targets.get(name)!;
        old.gone = true;
        publish();
        const successor = new Target(old.taken);
        successor.delay = slow;
        targets.set(name, successor);
        swap(...drawRoutes(random));
        publish();
        if (random() < 0.5) await turn();
        held.resume(successor);
      };
      for (let step = 0; step < 300; step++) {
        const what = random();
        if (what < 0.55) publish();
        else if (what < 0.7) swap(...drawRoutes(random));
        // Whatever has failed has been told by the time it is back: what is sent then overtakes nothing.
        else if (what < 0.85) for (const target of targets.values()) target.away = random() < 0.4;
        else if (what < 0.88) await replace(random() < 0.5 ? 'out' : 'side');
        if (random() < 0.7) await turn();
        if (what >= 0.7 && what < 0.85) await settleDown();
      }
      for (const target of targets.values()) target.away = false;
      await accepts(outcomes);
      for (const [key, numbers] of sent) {
        assert.deepEqual(targets.get('out')!.at(`out.${key}`), numbers);
        const side = targets.get('side')!.at(`side.${key}`).map(Number);
        assert.deepEqual(
          side,
          [...new Set(side)].sort((a, b) => a - b),
        );
      }
      await until(async () => !(await isPending(dispatcher.retired('out'))), 'nothing is left behind');
    });
});
