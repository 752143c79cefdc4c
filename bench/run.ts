/** `npm run bench`: see docs/benchmarks.md, or --help. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { matcherTable, measureMatcher } from './matcher.ts';
import { help, readOptions } from './options.ts';
import { measurePath } from './path.ts';
import { prove } from './prove.ts';
import { machine } from './report/machine.ts';

const options = readOptions(process.argv.slice(2));
if (!options) {
  process.stdout.write(help);
  process.exit(0);
}
const command = `npm run bench -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, '');
const about = machine();
process.stdout.write(`${command}\n${about}\n\n`);
const needsBuild = options.build && options.paths.length > 0;
if (needsBuild && spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' }).status !== 0) {
  process.stderr.write('the build failed; --no-build measures dist/ as it is\n');
  process.exit(1);
}

const started = new Date();
const results: object[] = [];
if (options.prove) {
  results.push(...(await prove(options)));
} else {
  for (const path of options.paths) results.push(...(await measurePath(path, options)));
  if (options.matcher) {
    const matcher = measureMatcher(options.rounds ?? 5);
    process.stdout.write(
      `matcher: the routing table's lookup by the number of routes\n\n${matcherTable(matcher)}\n`,
    );
    results.push({ path: 'matcher', matcher });
  }
}
const folder = fileURLToPath(new URL('results/', import.meta.url));
const file = options.json ?? `${folder}${started.toISOString().replaceAll(':', '').slice(0, 17)}.json`;
mkdirSync(dirname(file), { recursive: true });
writeFileSync(file, `${JSON.stringify({ command, machine: about, started, results }, undefined, 2)}\n`);
process.stdout.write(`\nresults: ${file}\n`);
process.exit();
