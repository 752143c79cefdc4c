import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type {
  Command,
  ReceiverSnapshot,
  ReceiverSpec,
  Reply,
  SenderSnapshot,
  SenderSpec,
} from '../load/messages.ts';

/** A load process, commanded over IPC. It ends with this one. */
export class Worker<Snapshot> {
  readonly #child: ChildProcess;
  readonly #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  #errors = '';
  #stopping = false;

  private constructor(file: string, spec: SenderSpec | ReceiverSpec) {
    this.#child = fork(fileURLToPath(new URL(`../load/${file}`, import.meta.url)), [JSON.stringify(spec)], {
      execArgv: ['--import', 'tsx'],
      stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
    });
    this.#child.stderr!.on(
      'data',
      (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4000)),
    );
    this.#child.on('message', (reply) => this.#waiting.shift()?.resolve(reply as Reply));
    this.#child.on('close', (code) => {
      const error = new Error(`the load process ${file} ended with ${code}:\n${this.#errors}`);
      if (!this.#stopping && this.#waiting.length === 0) process.stderr.write(`${error.message}\n`);
      for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
    });
  }

  /** Resolves once all its connections are open (and subscribed). */
  static async sender(spec: SenderSpec): Promise<Worker<SenderSnapshot>> {
    return Worker.#ready(new Worker<SenderSnapshot>('send.ts', spec));
  }

  static async receiver(spec: ReceiverSpec): Promise<Worker<ReceiverSnapshot>> {
    return Worker.#ready(new Worker<ReceiverSnapshot>('receive.ts', spec));
  }

  static async #ready<S>(worker: Worker<S>): Promise<Worker<S>> {
    await worker.#reply();
    return worker;
  }

  get pid(): number {
    return this.#child.pid!;
  }

  async tell(command: Command): Promise<void> {
    await this.#ask(command);
  }

  async snapshot(): Promise<Snapshot> {
    const reply = await this.#ask({ kind: 'snapshot' });
    if (reply.kind !== 'snapshot') throw new Error(`unexpected reply: ${reply.kind}`);
    return reply.value as Snapshot;
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = new Promise((resolve) => this.#child.once('close', resolve));
    this.#child.kill('SIGKILL');
    await closed;
  }

  #ask(command: Command): Promise<Reply> {
    const reply = this.#reply();
    if (!this.#child.connected)
      return Promise.reject(new Error(`a load process has ended:\n${this.#errors}`));
    this.#child.send(command);
    return reply;
  }

  #reply(): Promise<Reply> {
    const reply = new Promise<Reply>((resolve, reject) => this.#waiting.push({ resolve, reject }));
    const timer = setTimeout(
      () => this.#waiting.shift()?.reject(new Error(`a load process does not answer:\n${this.#errors}`)),
      60_000,
    );
    return reply.finally(() => clearTimeout(timer));
  }
}
