import { setTimeout as pause } from 'node:timers/promises';
import type { Inputs } from './inputs.ts';

/** How long, in ms, nothing must have changed any more: who writes several files is not done with the first. */
const calm = 200;

/**
 * Looks at the files of a configuration from time to time. That, rather than being told by the system, sees all that
 * happens to them: files put in place of others, links to other folders as Kubernetes swaps them, mounts from another
 * machine, files that were not there before.
 */
export class ConfigurationWatch {
  readonly #every: number;
  readonly #changed: () => void;
  readonly #stopping = new AbortController();
  #inputs: Inputs;
  #running: Promise<void> | undefined;

  /**
   * @param every ms between two looks
   * @param changed called when something has changed, and then no more until `follow`
   */
  constructor(inputs: Inputs, every: number, changed: () => void) {
    this.#inputs = inputs;
    this.#every = every;
    this.#changed = changed;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  /** The files were read again, and this is what was read. */
  follow(inputs: Inputs): void {
    this.#inputs = inputs;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    const wait = (ms: number): Promise<unknown> => pause(ms, undefined, { signal }).catch(() => undefined);
    let told: Inputs | undefined;
    while (!signal.aborted) {
      await wait(this.#every);
      const inputs = this.#inputs;
      if (told === inputs) continue;
      let now = await look(inputs);
      if (now === inputs.before) continue;
      for (let last = inputs.before; now !== last && !signal.aborted; now = await look(inputs)) {
        last = now;
        await wait(Math.min(calm, this.#every));
      }
      if (signal.aborted || inputs !== this.#inputs) continue;
      told = inputs;
      this.#changed();
    }
  }
}

/** A file that cannot even be looked at has changed, which reading it will explain. */
const look = (inputs: Inputs): Promise<string> =>
  inputs.now().catch((error: unknown) => `cannot be looked at: ${String(error)}`);
