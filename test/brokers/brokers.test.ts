import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startMosquitto, unavailable } from './index.ts';
import { until } from '../until.ts';

const run = promisify(execFile);

void test(
  'a broker keeps its port and data over a restart',
  { skip: await unavailable('mosquitto') },
  async () => {
    const broker = await startMosquitto();
    try {
      const port = String(broker.port);
      await run('mosquitto_pub', ['-p', port, '-t', 'kept', '-m', 'it', '-r', '-q', '1']);
      const before = broker.pid;
      await broker.restart('SIGTERM');
      assert.notEqual(broker.pid, before);
      const { stdout } = await run('mosquitto_sub', ['-p', port, '-t', 'kept', '-C', '1', '-W', '10']);
      assert.equal(stdout.trim(), 'it');
    } finally {
      await broker.stop();
    }
    assert.equal(existsSync(broker.folder), false);
  },
);

void test(
  'a broker ends with the process that started it, even if that is killed',
  { skip: await unavailable('mosquitto') },
  async () => {
    const module = fileURLToPath(new URL('index.ts', import.meta.url));
    const script = `import { startMosquitto } from ${JSON.stringify(module)};
    const broker = await startMosquitto();
    console.log(JSON.stringify([broker.pid, broker.folder]));`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(owner.stdout), 'line')) as [string];
    const [pid, folder] = JSON.parse(line) as [number, string];
    assert.ok(alive(pid));
    owner.kill('SIGKILL');
    await until(() => !alive(pid) && !existsSync(folder));
  },
);

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
