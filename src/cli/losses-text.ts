import type { Configuration } from '../config/load.ts';
import { traitsIn } from '../config/endpoints.ts';
import { lossWords } from '../core/losses.ts';
import { lossesOf } from '../routing/route/losses.ts';

/** What messages of each route may lose at each target, allowed or not; a line for each loss. */
export function lossesText({ routes, endpoints }: Configuration): string {
  const lines: string[] = [];
  for (const { name, from, to } of routes) {
    const source = endpoints.get(from.endpoint)!;
    for (const target of to) {
      const there = endpoints.get(target.endpoint)!;
      const losses = lossesOf(traitsIn(source), traitsIn(there), target);
      lines.push(`${name}: ${from.endpoint} → ${target.endpoint} ${target.template.text}`);
      for (const each of losses) lines.push(`  ${each.name.padEnd(width)}  ${each.what}`);
      const { older } = there.definition;
      const known = new Set(losses.map((each) => each.name));
      const more = older ? lossesOf(traitsIn(source), older.traits, target) : [];
      const further = more.filter((each) => !known.has(each.name)).map((each) => each.name);
      if (older && further.length > 0)
        lines.push(`  to peers with ${older.version} also: ${further.join(', ')}`);
      if (losses.length + further.length === 0) lines.push('  nothing');
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

const width = Math.max(...Object.keys(lossWords).map((name) => name.length));
