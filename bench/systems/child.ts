import { spawn, type ChildProcess } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const alive = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** A process of a system under test, ended with the benchmark whatever happens. */
export class Child {
  readonly process: ChildProcess;
  readonly #name: string;
  readonly #exited: Promise<void>;
  #output = '';
  #gone = false;

  constructor(
    name: string,
    command: readonly [string, ...string[]],
    options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
  ) {
    this.#name = name;
    const [program, ...args] = command;
    this.process = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    alive.add(this.process);
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-4000);
    };
    this.process.stdout!.on('data', keep);
    this.process.stderr!.on('data', keep);
    this.process.on('error', keep);
    this.#exited = new Promise((resolve) =>
      this.process.once('close', () => {
        alive.delete(this.process);
        this.#gone = true;
        resolve();
      }),
    );
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** The last it printed. */
  get output(): string {
    return this.#output;
  }

  /** Asks again and again until `ready`. @returns ms since `started` (performance.now()) */
  async until(ready: () => Promise<boolean>, started: number, seconds = 60): Promise<number> {
    for (;;) {
      if (await ready()) return performance.now() - started;
      if (this.#gone) throw new Error(`${this.#name} ended:\n${this.#output}`);
      if (performance.now() - started > seconds * 1000)
        throw new Error(`${this.#name} is not ready after ${seconds} s:\n${this.#output}`);
      await pause(5);
    }
  }

  /** SIGTERM, and SIGKILL after `seconds`. */
  async stop(seconds = 15): Promise<void> {
    if (this.#gone) return;
    this.process.kill('SIGTERM');
    const timer = setTimeout(() => this.process.kill('SIGKILL'), seconds * 1000);
    await this.#exited;
    clearTimeout(timer);
  }
}

/** Whether something accepts connections on this port of loopback. */
export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
