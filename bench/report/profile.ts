import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { align } from './table.ts';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  /** µs before each sample. */
  readonly timeDeltas: readonly number[];
}

/** The functions of a `--cpu-prof` folder with the most time of their own; idle time is left out. */
export function topFunctions(folder: string, count: number): string {
  const own = new Map<string, number>();
  let total = 0;
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as CpuProfile;
    const labels = new Map(profile.nodes.map((node) => [node.id, label(node.callFrame)]));
    profile.samples.forEach((id, index) => {
      const at = labels.get(id)!;
      const micros = profile.timeDeltas[index]!;
      if (at === '(idle)') return;
      total += micros;
      own.set(at, (own.get(at) ?? 0) + micros);
    });
  }
  const top = [...own].sort((a, b) => b[1] - a[1]).slice(0, count);
  const lines = top.map(([name, micros]) => [name, `${((100 * micros) / total).toFixed(1)} %`]);
  return align([['own time, of all that is not idle', 'share'], ...lines]);
}

/** `name path:line`, the path from `dist/`, `node_modules/` or `node:` on. */
function label({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  if (url === '') return name;
  const path = url.replace(/^.*\/(dist|node_modules)\//, '$1/').replace(/^node_modules\//, '');
  return `${name} ${path}:${lineNumber + 1}`;
}
