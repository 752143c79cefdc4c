import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../helpers.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** A gateway in a process of its own. */
export interface RunningGateway {
  readonly child: ChildProcess;
  /** What it has printed. */
  readonly output: () => string;
  /** The port of an endpoint, or of `admin`. */
  port(endpoint: string): number;
  /** Ends it and resolves with its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Every port is chosen by the system. */
const anyPort = {
  JUNCTION_MQTT_PORT: '0',
  JUNCTION_AMQP_PORT: '0',
  JUNCTION_STOMP_PORT: '0',
  JUNCTION_ADMIN_PORT: '0',
};

/**
 * Starts `junction run` from the sources, in a working directory of its own, so that it shares no store with another
 * one; resolves once it says that it is up.
 */
export async function startGateway(
  options: { readonly config?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<RunningGateway> {
  const args = [
    '--import',
    import.meta.resolve('tsx'),
    join(root, 'src/main.ts'),
    'run',
    ...(options.config ? ['--config', resolve(root, options.config)] : []),
  ];
  const cwd = mkdtempSync(join(tmpdir(), 'junction-gateway-'));
  const child = spawn(process.execPath, args, {
    cwd,
    env: {
      ...process.env,
      JUNCTION_CONFIG: join(root, 'config/junction.yaml'),
      ...anyPort,
      ...options.env,
    },
  });
  child.once('exit', () => rmSync(cwd, { recursive: true, force: true }));
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (errors += String(chunk)));
  process.once('exit', () => child.kill('SIGKILL'));
  await until(
    () => output.includes('Junction is up.') || child.exitCode !== null,
    'the gateway is up',
    60_000,
  );
  if (child.exitCode !== null) throw new Error(`the gateway ended with ${child.exitCode}: ${errors}`);
  return {
    child,
    output: () => output + errors,
    port(endpoint) {
      const found = new RegExp(`^  ${endpoint} .* on \\S+:(\\d+)`, 'm').exec(output);
      if (!found) throw new Error(`no endpoint ${endpoint} in:\n${output}`);
      return Number(found[1]);
    },
    async stop(signal = 'SIGTERM') {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, 'exit');
      child.kill(signal);
      await ended;
      return child.exitCode;
    },
  };
}

/** Runs a command to its end. */
export async function runCommand(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env } });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += String(chunk)));
  child.stderr.on('data', (chunk) => (stderr += String(chunk)));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}
