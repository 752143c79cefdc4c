import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as pause } from 'node:timers/promises';

const clock = fileURLToPath(new URL('./clock.mjs', import.meta.url));

export interface GatewayOptions {
  /** `main.js` of a built gateway. */
  readonly main: string;
  readonly config: string;
  /** Where its output goes. */
  readonly log: string;
  /** What the next start gets besides, e.g. a crash point. */
  environment(): NodeJS.ProcessEnv;
  /** What is to be done between an end and the next start. */
  beforeStart(): Promise<void>;
  /** Called when it has ended though nothing was to end it. */
  onSurprise(what: string): void;
}

/** A gateway as a process of its own that is started again whenever it ends, as a container's supervisor does. */
export class GatewayProcess {
  readonly #options: GatewayOptions;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #up = false;
  #stopping = false;
  #running: Promise<void> | undefined;
  #clock = 0;
  /** Ends that were not asked for, in a row. */
  #failures = 0;
  /** Whether we or a crash point end the present process. */
  #expected = false;
  /** Whether it has been told to end: told twice, it does so at once. */
  #told = false;
  starts = 0;
  #giveUp: ((error: Error) => void) | undefined;
  /** Rejects when it ends again and again. */
  readonly gaveUp = new Promise<never>((_, reject) => (this.#giveUp = reject));

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.#log = createWriteStream(options.log, { flags: 'a' });
    this.gaveUp.catch(() => undefined);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get up(): boolean {
    return this.#up;
  }

  start(): void {
    this.#running = this.#supervise();
  }

  signal(signal: NodeJS.Signals): void {
    if (signal === 'SIGKILL' || signal === 'SIGTERM') this.#expected = true;
    if (signal === 'SIGTERM' && this.#told) return;
    if (signal === 'SIGTERM') this.#told = this.#child !== undefined;
    this.#child?.kill(signal);
  }

  /** Lets its wall clock run so many ms ahead of ours. */
  setClock(ahead: number): void {
    this.#clock = ahead;
    if (this.#child?.connected) this.#child.send({ clock: ahead }, () => undefined);
  }

  /** Ends it for good; resolves with its exit code, null where it was killed. */
  async stop(signal: NodeJS.Signals): Promise<number | null> {
    this.#stopping = true;
    const child = this.#child;
    this.signal(signal);
    await this.#running;
    this.#log.end();
    return child?.exitCode ?? null;
  }

  async #supervise(): Promise<void> {
    while (!this.#stopping) {
      await this.#options.beforeStart();
      const environment = this.#options.environment();
      this.#expected =
        environment['JUNCTION_CRASH_POINT'] !== undefined || environment['FAULT_SYNC'] !== undefined;
      this.#log.write(`--- start ${++this.starts} ${JSON.stringify(environment)}\n`);
      await this.#run(environment);
      this.#up = false;
      await pause(20);
    }
  }

  async #run(environment: NodeJS.ProcessEnv): Promise<void> {
    const { main, config } = this.#options;
    // A limit on the size of files is to be told to the writer, not to end the process.
    const script = 'trap "" XFSZ; [ -n "$PRELOAD" ] && export LD_PRELOAD="$PRELOAD"; exec "$0" "$@"';
    const child = spawn(
      'sh',
      ['-c', script, process.execPath, '--import', clock, main, 'run', '--config', config],
      {
        env: { ...process.env, FAULT_CLOCK: String(this.#clock), ...environment },
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      },
    );
    this.#child = child;
    this.#told = false;
    child.stdout!.on('data', (chunk: Buffer) => {
      if (!this.#up && chunk.includes('Junction is up.')) this.#up = true;
      this.#log.write(chunk);
    });
    child.stderr!.on('data', (chunk: Buffer) => void this.#log.write(chunk));
    const onExit = (): void => void child.kill('SIGKILL');
    process.once('exit', onExit);
    if (this.#stopping) this.signal('SIGTERM');
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    process.off('exit', onExit);
    this.#log.write(`--- end ${code ?? signal}\n`);
    const surprise = !this.#expected && !this.#stopping;
    this.#failures = surprise ? this.#failures + 1 : 0;
    if (surprise) this.#options.onSurprise(`the gateway ended by itself: ${code ?? signal}`);
    if (this.#failures < 3) return;
    this.#stopping = true;
    this.#giveUp?.(new Error('the gateway does not stay up'));
  }
}
