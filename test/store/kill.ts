/**
 * Kills a process again and again while it takes and delivers messages through a spool, each time at a random moment.
 * node --import tsx test/store/kill.ts --runs 500 --seed 7
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { judge, type Result } from './kill-oracle.ts';
import { randomFrom } from './random.ts';

function start(folder: string, seed: number, mode: 'work' | 'drain'): ChildProcess {
  return fork(fileURLToPath(new URL('./kill-child.ts', import.meta.url)), [folder, String(seed), mode], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

/** Several kills on one store, then all that is left is drained and judged. The moments depend on the seed and the machine. */
export async function killRun(kills: number, seed: number): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'junction-kill-'));
  const random = randomFrom(seed);
  try {
    for (let i = 0; i < kills; i++) {
      const child = start(folder, seed * 1000 + i, 'work');
      const ended = once(child, 'exit');
      // One in ten dies while it opens the store.
      if (random() < 0.1) await pause(random() * 400);
      else {
        await Promise.race([once(child, 'message'), ended]);
        await pause(random() * 250);
      }
      if (child.exitCode !== null)
        throw new Error(`the process ended by itself with ${child.exitCode} (seed ${seed})`);
      child.kill('SIGKILL');
      await ended;
    }
    const last = start(folder, seed, 'drain');
    const [code] = (await once(last, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`what is left could not be drained: ${code} (seed ${seed})`);
    return judge(folder, kills);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { runs: { type: 'string', default: '100' }, seed: { type: 'string', default: '1' } },
  });
  const perStore = 10;
  const sum = { runs: 0, acknowledged: 0, doubled: 0 };
  for (let seed = Number(values.seed); sum.runs < Number(values.runs); seed++) {
    const kills = Math.min(perStore, Number(values.runs) - sum.runs);
    const result = await killRun(kills, seed);
    sum.runs += kills;
    sum.acknowledged += result.acknowledged;
    sum.doubled += result.doubled;
    console.log(
      `seed=${seed} kills=${kills} acknowledged=${result.acknowledged} duplicated=${result.doubled}`,
    );
  }
  console.log(`runs=${sum.runs} acknowledged=${sum.acknowledged} lost=0 duplicated=${sum.doubled}`);
}
