import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { unavailable } from '../brokers/index.ts';
import { build, type Built } from './build.ts';
import type { Path, RunningPath } from './path.ts';
import { paths } from './paths/index.ts';
import { planOf, type Plan } from './plan.ts';
import { describe as inWords, runOne } from './run-one.ts';

const spooled = { spool: true, retry: { backoff: { from: '20ms', to: '500ms' } } };
const calm = {
  seed: 0,
  keys: 8,
  count: 60,
  clients: 2,
  window: 4,
  size: 200,
  pace: 1,
  targets: 1,
  poison: 0,
  replay: false,
};

/** A short fixed set; as many more as one likes by `npm run faults`. */
const fixed: Readonly<Record<string, readonly (number | Plan)[]>> = {
  'mqtt-kafka': [
    { ...calm, route: spooled, faults: [{ kind: 'power loss', at: 200, keep: 0.5 }] },
    { ...calm, route: spooled, faults: [{ kind: 'disk full', at: 150, kill: false }] },
    { ...calm, route: spooled, faults: [{ kind: 'sync', at: 0, point: 'meta-before:20' }] },
    { ...calm, route: {}, faults: [{ kind: 'crash', at: 0, point: 'confirmed:150' }] },
    {
      ...calm,
      route: {},
      faults: [
        { kind: 'kill', at: 100 },
        { kind: 'clock', at: 200, by: 3_600_000 },
      ],
    },
    {
      ...calm,
      route: { dead_letter: 'store', retry: { attempts: 2 } },
      poison: 20,
      faults: [{ kind: 'crash', at: 0, point: 'burying:3' }],
    },
  ],
  'amqp-rabbitmq': [
    { ...calm, route: spooled, faults: [{ kind: 'crash', at: 0, point: 'removing:100' }] },
    {
      ...calm,
      route: {},
      targets: 2,
      faults: [{ kind: 'line', at: 100, side: 'broker', fault: 'half-open', for: 1000 }],
    },
    { ...calm, route: {}, faults: [{ kind: 'line', at: 100, side: 'client', fault: 'cut', for: 0 }] },
  ],
};

for (const [name, plans] of Object.entries(fixed)) {
  const path: Path = paths.find((each) => each.name === name)!;
  describe(`what goes wrong from ${name}`, { skip: await unavailable(path.broker) }, () => {
    let built: Built;
    let running: RunningPath;
    before(async () => {
      built = await build();
      running = await path.start();
    });
    after(async () => {
      await running?.stop();
      await built?.remove();
    });
    for (const each of plans) {
      const plan = typeof each === 'number' ? planOf(each, path) : each;
      it(
        `loses nothing over ${plan.faults.map(inWords).join(', ')}${plan.route['spool'] === undefined ? '' : ', with a spool'}`,
        { timeout: 400_000 },
        async (t) => {
          const { problems, folder, ...figures } = await runOne(path, running, built, plan);
          t.diagnostic(JSON.stringify(figures));
          assert.deepEqual(problems, [], `see ${folder}`);
          assert.equal(figures.acknowledged, plan.keys * plan.count);
        },
      );
    }
  });
}
