import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../store/random.ts';

const kills = 12;

function start(folder: string, seed: number, mode: 'work' | 'drain'): ChildProcess {
  const script = fileURLToPath(new URL('./dedup-kill-child.ts', import.meta.url));
  return fork(script, [folder, String(seed), mode], {
    execArgv: ['--import', 'tsx'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

async function killAgainAndAgain(folder: string, seed: number): Promise<string[]> {
  const random = randomFrom(seed);
  for (let n = 0; n < kills; n++) {
    const child = start(folder, seed * 1000 + n, 'work');
    const ended = once(child, 'exit');
    await Promise.race([once(child, 'message'), ended]);
    await pause(random() * 250);
    assert.equal(child.exitCode, null, 'it ends only when it is killed');
    child.kill('SIGKILL');
    await ended;
  }
  const [code] = (await once(start(folder, seed, 'drain'), 'exit')) as [number | null];
  assert.equal(code, 0, 'what is left is drained');
  return (await readFile(join(folder, 'events'), 'utf8')).split('\n').slice(0, -1);
}

test('a repeat of an acknowledged message is never delivered again, whenever the gateway was killed', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'junction-dedup-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const acknowledged = new Set<string>();
  const delivered = new Map<string, number>();
  let begun = 0;
  let repeats = 0;
  let doubled = 0;
  for (const line of await killAgainAndAgain(folder, 1)) {
    const [what, name, id] = line.split(' ') as [string, string, string];
    const message = `${name} ${id}`;
    if (what === 'begun') begun++;
    else if (what === 'acknowledged') {
      if (acknowledged.has(message)) repeats++;
      acknowledged.add(message);
    } else {
      delivered.set(message, (delivered.get(message) ?? 0) + 1);
      if (delivered.get(message)! > 1) doubled++;
      if (name === 'plain')
        assert.ok(!acknowledged.has(message), `${message} was delivered after its acknowledgement`);
    }
  }
  t.diagnostic(`messages=${begun} repeats=${repeats} kills=${kills} duplicated=${doubled}`);
  assert.ok(begun > 100 && repeats > begun, `${begun} messages, ${repeats} repeats`);
  assert.equal(acknowledged.size, 2 * begun);
  assert.equal(delivered.size, 2 * begun, 'nothing is lost');
  for (const [message, times] of delivered) {
    // The spool has a message and what tells it apart in one transaction. A target may have one that was never marked,
    // since the gateway was killed in between: once for each kill at most.
    if (message.startsWith('spooled')) assert.equal(times, 1, message);
    else assert.ok(times <= 1 + kills, message);
  }
  // At most those of one batch were between their delivery and their mark.
  assert.ok(doubled <= 20 * kills, `${doubled} came twice`);
});
