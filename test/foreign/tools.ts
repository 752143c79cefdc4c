import { spawn, spawnSync } from 'node:child_process';

/**
 * Whether a tool is there, as a reason to skip or `false`. In CI nothing is skipped: a missing tool fails the tests
 * that need it.
 */
export function missing(name: string, command: string, ...args: string[]): string | false {
  if (process.env.CI === 'true') return false;
  const tried = spawnSync(command, args, { stdio: 'ignore', timeout: 60_000 });
  return tried.status === 0 ? false : `${name} is not installed`;
}

/** Runs a program to its end; its output, or an error that holds it. */
export function run(
  command: string,
  args: readonly string[],
  cwd?: string,
  deadline = 120_000,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), deadline);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(out);
      else reject(new Error(`${command} ended with ${code ?? signal}\n${out}\n${err.slice(-6000)}`));
    });
  });
}
