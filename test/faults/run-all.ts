import type { Built } from './build.ts';
import type { Path } from './path.ts';
import { planOf, type Plan } from './plan.ts';
import { describe, runOne } from './run-one.ts';

export interface Job {
  readonly seed: number;
  readonly path: Path;
}

export interface Sum {
  runs: number;
  acknowledged: number;
  lost: number;
  duplicated: number;
  deadLettered: number;
  /** What is stuck in spools. */
  spooled: number;
  /** Runs with anything wrong. */
  problems: number;
  /** Ms of all runs together, without the brokers' starts. */
  took: number;
}

export interface AllOptions {
  /** How many paths are tried side by side. */
  readonly lanes: number;
  readonly long: boolean;
  readonly say: (line: string) => void;
}

const zero = (): Sum => ({
  runs: 0,
  acknowledged: 0,
  lost: 0,
  duplicated: 0,
  deadLettered: 0,
  spooled: 0,
  problems: 0,
  took: 0,
});

/** Runs jobs, those of one path one after another at one broker, which is started once. */
export async function runAll(jobs: readonly Job[], built: Built, options: AllOptions): Promise<Sum> {
  const { lanes, long, say } = options;
  const byPath = new Map<Path, Job[]>();
  for (const job of jobs) byPath.set(job.path, [...(byPath.get(job.path) ?? []), job]);
  const open = [...byPath];
  const all = zero();
  const lane = async (): Promise<void> => {
    for (let next = open.shift(); next; next = open.shift()) {
      const [path, mine] = next;
      const sum = zero();
      const running = await path.start();
      const one = async (plan: Plan): Promise<void> => {
        const { seed } = plan;
        const result = await runOne(path, running, built, plan);
        const { acknowledged, lost, duplicated, deadLettered, spooled, took, problems, folder } = result;
        for (const each of [all, sum]) {
          each.runs++;
          each.acknowledged += acknowledged;
          each.lost += lost;
          each.duplicated += duplicated;
          each.deadLettered += deadLettered;
          each.spooled += spooled;
          each.took += took;
          if (problems.length > 0) each.problems++;
        }
        const route = Object.keys(plan.route).filter((key) => plan.route[key] !== undefined);
        const faults = plan.faults.map(describe).join(', ');
        const figures = `acknowledged=${acknowledged} lost=${lost} duplicated=${duplicated} dead-lettered=${deadLettered}${spooled > 0 ? ` spooled=${spooled}` : ''}`;
        say(
          `seed=${seed} ${path.name} ${figures} ${(took / 1000).toFixed(1)}s [${route.join(' ')}${plan.poison > 0 ? ' poison' : ''}${plan.targets > 1 ? ' two targets' : ''}] ${faults}`,
        );
        if (problems.length === 0) return;
        for (const problem of problems) say(`  ! ${problem}`);
        say(
          `  ! its log and store: ${folder}; again: npm run faults -- --runs 1 --seed ${seed} --path ${path.name}`,
        );
      };
      try {
        const planned = mine.map(({ seed }) => planOf(seed, path, long));
        const ends = planned.filter(endsBroker);
        const others = planned.filter((plan) => !endsBroker(plan));
        await Promise.all(
          Array.from({ length: path.width ?? 1 }, async () => {
            for (let plan = others.shift(); plan; plan = others.shift()) await one(plan);
          }),
        );
        for (const plan of ends) await one(plan);
      } finally {
        await running.stop();
      }
      say(
        `${path.name}: runs=${sum.runs} acknowledged=${sum.acknowledged} lost=${sum.lost} duplicated=${sum.duplicated} dead-lettered=${sum.deadLettered} spooled=${sum.spooled} wrong=${sum.problems} ${(sum.took / 1000 / sum.runs).toFixed(1)}s each`,
      );
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return all;
}

const endsBroker = ({ faults }: Plan): boolean =>
  faults.some(({ kind }) => kind === 'broker ends' || kind === 'broker stands still');
