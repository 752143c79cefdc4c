import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/** Whom a broker lets in. */
export interface User {
  readonly username: string;
  readonly password: string;
}

export interface Launch {
  /** For messages and the folder's name. */
  readonly name: string;
  /** The port its clients connect to. */
  readonly port: number;
  /** Its program and arguments. */
  readonly command: readonly [string, ...string[]];
  /** Added to our environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its own folder, removed by `stop`. */
  readonly folder: string;
  /** Resolves true once it serves; asked again and again until then. */
  ready(): Promise<boolean>;
}

/** A broker as a process of its own, on loopback. */
export class Broker {
  readonly port: number;
  readonly folder: string;
  readonly #launch: Launch;
  #process: ChildProcess | undefined;
  #served = false;
  #exited: Promise<void> = Promise.resolve();

  constructor(launch: Launch) {
    this.#launch = launch;
    this.port = launch.port;
    this.folder = launch.folder;
  }

  /** `127.0.0.1:port`. */
  get at(): string {
    return `127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** What it has printed so far. */
  get output(): string {
    return readFileSync(join(this.folder, 'output.log'), 'utf8');
  }

  /** Starts it, again after `kill` with the same port and data; resolves once it serves. */
  async start(): Promise<void> {
    const [program, ...args] = this.#launch.command;
    const output = openSync(join(this.folder, 'output.log'), 'a');
    const child = spawn(program, args, {
      cwd: this.folder,
      env: { ...process.env, ...this.#launch.env },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.#process = child;
    let failure: Error | undefined;
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        failure = error;
        resolve();
      });
      child.once('exit', () => resolve());
    });
    if (child.pid !== undefined) this.#guard(child.pid);
    const deadline = Date.now() + 120_000;
    while (!(await this.#launch.ready())) {
      const dead = failure !== undefined || child.exitCode !== null || child.signalCode !== null;
      if (dead || Date.now() > deadline) {
        const last = this.output.slice(-4000);
        await (this.#served ? this.kill('SIGKILL') : this.stop()); // nobody has it yet to stop it
        throw new Error(
          `${this.#launch.name} ${failure?.message ?? (dead ? 'ended' : 'is not ready after 120 s')}\n${last}`,
        );
      }
      await pause(25);
    }
    this.#served = true;
  }

  /** Ends the process and keeps its data; resolves once it is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#process?.kill(signal);
    await this.#exited;
    this.#process = undefined;
  }

  /** Stops or resumes the process without ending it: `SIGSTOP`, `SIGCONT`, `SIGUSR1`… */
  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  async restart(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    await this.kill(signal);
    await this.start();
  }

  /** Ends it and removes its data. */
  async stop(): Promise<void> {
    await this.kill('SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }

  /**
   * A shell that waits for the end of our pipe, which comes however this process ends, SIGKILL included: then it ends
   * the broker and removes its folder.
   */
  #guard(pid: number): void {
    // again, as long as what is being killed still writes
    const remove = 'for _ in 1 2 3 4 5 6 7 8 9; do rm -rf "$2" && break; sleep 0.2; done';
    const script = `trap "" INT TERM HUP; read -r _; kill -9 "$1"; ${remove}`;
    const guard = spawn('sh', ['-c', script, 'guard', String(pid), this.folder], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    void this.#exited.then(() => guard.kill('SIGKILL'));
  }
}

/** A fresh folder for one broker. */
export const brokerFolder = (name: string): Promise<string> => mkdtemp(join(tmpdir(), `junction-${name}-`));

/** Whether something accepts connections there. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
