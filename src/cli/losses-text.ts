import type { DeclaredLoss } from '../config/check-losses.ts';
import type { Configuration } from '../config/load.ts';
import { lossesOfOlder, lossesOfRoute, toldAs } from '../config/told-losses.ts';
import { lossWords } from '../core/losses.ts';

/** What messages of each route may lose at each target and as dead letters, allowed or not; a line for each loss. */
export function lossesText(configuration: Configuration): string {
  const lines: string[] = [];
  for (const route of configuration.routes) {
    const { name, from, to, deadLetter } = route;
    const { targets, letters } = lossesOfRoute(configuration, route);
    for (const [n, target] of to.entries()) {
      lines.push(`${name}: ${from.endpoint} → ${target.endpoint} ${target.template.text}`);
      const further = lossesOfOlder(configuration, route, target);
      lines.push(...targets[n]!.map(lossLine));
      if (further)
        lines.push(
          `  to peers with ${further.version} also: ${further.losses.map((each) => each.name).join(', ')}`,
        );
      if (targets[n]!.length === 0 && !further) lines.push('  nothing');
    }
    if (typeof deadLetter !== 'object' || route.answers) continue;
    lines.push(`${name}: dead letters → ${deadLetter.endpoint} ${deadLetter.address}`);
    lines.push(...(letters.length === 0 ? ['  nothing'] : letters.map(lossLine)));
  }
  return lines.map((line) => `${line}\n`).join('');
}

const lossLine = (each: DeclaredLoss): string =>
  `  ${toldAs(each).padEnd('accepted'.length)}  ${each.name.padEnd(width)}  ${each.what}`;

const width = Math.max(...Object.keys(lossWords).map((name) => name.length));
