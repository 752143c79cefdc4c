// Runs every test file (or those whose path contains an argument, and none whose path contains one after `!`) under
// node's own test runner.
// Node 20 does not expand globs for --test, hence this file.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const words = process.argv.slice(2);
const wanted = words.filter((word) => !word.startsWith('!'));
const unwanted = words.filter((word) => word.startsWith('!')).map((word) => word.slice(1));
const files = readdirSync(here, { recursive: true })
  .map((name) => join('test', String(name)))
  .filter(
    (name) =>
      name.endsWith('.test.ts') &&
      (wanted.length === 0 || wanted.some((word) => name.includes(word))) &&
      !unwanted.some((word) => name.includes(word)),
  )
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
// The spec reporter also where the output is a file: it says at its end once more what failed, and a log of CI is
// read from its end.
// Tests of brokers mostly wait for them, so that three files at a time suit two cores.
const options = ['--test', '--test-concurrency=3', '--test-timeout=600000', '--test-reporter=spec'];
const args = ['--import', 'tsx', ...options, ...files];
spawn(process.execPath, args, { cwd: join(here, '..'), stdio: 'inherit' }).on('exit', (code) =>
  process.exit(code ?? 1),
);
