import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { DiskReport } from './disk-child.ts';
import { folderFor, message, numberOf, openStore } from './support.ts';

const run = promisify(execFile);
const script = fileURLToPath(new URL('./disk-child.ts', import.meta.url));

/** Fills the disk of a folder in a process of its own. @param before what the shell does first */
function fill(folder: string, before = ':'): Promise<DiskReport> {
  const child = spawn(
    'sh',
    ['-c', `${before}; exec "$0" --import tsx "$1" "$2"`, process.execPath, script, folder],
    { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] },
  );
  return new Promise((done, fail) => {
    child.once('message', (report) => done(report as DiskReport));
    child.once('exit', (code, signal) => fail(new Error(`it ended without a report: ${code ?? signal}`)));
  });
}

async function check(t: TestContext, folder: string, report: DiskReport): Promise<void> {
  assert.ok(report.acknowledged.length > 0);
  assert.equal(report.error.code, 'unavailable');
  assert.match(report.error.message, /the store could not write to its disk/);
  // nothing is written any more, even if it fitted
  assert.deepEqual(report.later, ['unavailable', 'unavailable', 'unavailable']);
  assert.equal(report.status, 'failing');
  assert.match(report.reason, /could not write to its disk \(.+\).*free space/);
  assert.equal(report.log.filter((line) => line.includes('could not write')).length, 1);

  const queue = (await openStore(t, folder)).spool('r');
  const there = queue.read(0, 1e6, Infinity).map((each) => numberOf(each.message));
  const present = new Set(there);
  assert.deepEqual(
    report.acknowledged.filter((each) => !present.has(each)),
    [],
  );
  assert.equal(queue.messages, there.length);
  await queue.append(message(1_000_000));
  assert.equal(numberOf(queue.read(0, 1e6, Infinity).at(-1)!.message), 1_000_000);
}

test('a full disk: nothing is acknowledged, the store says why, and after a restart with space nothing is lost', async (t) => {
  const folder = join(await folderFor(t), 'disk');
  await mkdir(folder);
  try {
    await run('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'junction-test', folder]);
  } catch {
    t.skip('a small disk can only be mounted by root; the next test does the same with a limit on the file');
    return;
  }
  try {
    const report = await fill(folder);
    await run('mount', ['-o', 'remount,size=32m', folder]);
    await t.test('what was acknowledged is there', (inner) => check(inner, folder, report));
  } finally {
    await run('umount', [folder]);
  }
});

test('a file that may not grow: the same', async (t) => {
  const folder = await folderFor(t);
  const report = await fill(folder, 'trap "" XFSZ; ulimit -f 8192');
  await check(t, folder, report);
});
