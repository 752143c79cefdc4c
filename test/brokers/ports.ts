import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A file for each port that somebody has, with its process in it. */
const folder = join(tmpdir(), 'junction-test-ports');
const mine = new Set<string>();

/**
 * A free port below the range from which the system gives out ports, and which is ours until this process ends: no
 * other test takes it while the broker or the gateway at it restarts, and no client that reconnects meanwhile can
 * connect to itself.
 */
export async function freePort(): Promise<number> {
  mkdirSync(folder, { recursive: true });
  for (let tries = 0; tries < 100; tries++) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (take(join(folder, String(port))) && (await isFree(port))) return port;
  }
  throw new Error('no free port between 20000 and 32000');
}

/** Whether the file is ours now; what a process has left that is gone counts for nothing. */
function take(file: string): boolean {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
  } catch {
    if (!isLeft(file)) return false;
    writeFileSync(file, String(process.pid));
  }
  if (mine.size === 0) process.once('exit', giveBack);
  mine.add(file);
  return true;
}

function isLeft(file: string): boolean {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

function giveBack(): void {
  for (const file of mine) rmSync(file, { force: true });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
