/**
 * Runs messages through a gateway while things go wrong, and judges what has become of them.
 * npm run faults -- --runs 500 --seed 1 [--path mqtt-kafka,amqp-rabbitmq] [--lanes 2] [--long]
 */
import { parseArgs } from 'node:util';
import { missing } from '../brokers/index.ts';
import { build } from './build.ts';
import { runAll, type Job } from './run-all.ts';
import type { Path } from './path.ts';
import { paths } from './paths/index.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    path: { type: 'string' },
    lanes: { type: 'string', default: '2' },
    /** Standing still lasts a minute rather than seconds. */
    long: { type: 'boolean', default: false },
    /** A gateway that is built already, its main.js. */
    main: { type: 'string' },
  },
});

const wanted = values.path?.split(',');
const selected = paths.filter(({ name }) => !wanted || wanted.includes(name));
for (const name of wanted ?? [])
  if (!paths.some((path) => path.name === name))
    throw new Error(`there is no path ${name}: ${paths.map((path) => path.name).join(', ')}`);
const able: Path[] = [];
for (const path of selected) {
  const reason = await missing(path.broker);
  if (reason === undefined) able.push(path);
  else console.log(`${path.name} is left out: ${reason}`);
}
if (able.length === 0) process.exit(1);

const first = Number(values.seed);
const jobs: Job[] = Array.from({ length: Number(values.runs) }, (_, i) => ({
  seed: first + i,
  // a seed keeps its path whatever else runs
  path: wanted ? able[(first + i) % able.length]! : paths[(first + i) % paths.length]!,
})).filter(({ path }) => able.includes(path));

const built = await build(values.main);
try {
  const sum = await runAll(jobs, built, { lanes: Number(values.lanes), long: values.long, say: console.log });
  if (sum.problems > 0) process.exitCode = 1;
  console.log(
    `runs=${sum.runs} lost=${sum.lost} duplicated=${sum.duplicated} dead-lettered=${sum.deadLettered} spooled=${sum.spooled}`,
  );
} finally {
  await built.remove();
}
