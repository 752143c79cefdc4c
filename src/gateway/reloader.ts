import type { ConfigurationStatus, Failure, Reloaded } from '../admin/reload.ts';
import { Inputs } from '../config/inputs.ts';
import type { Configuration } from '../config/load.ts';
import { ConfigError, formatPlace, formatProblems } from '../config/problems.ts';
import { JunctionError } from '../core/errors.ts';
import type { Log } from '../core/protocol.ts';
import { isEmpty, sectionsForRestart, type Changes } from './changes.ts';

export interface ReloaderParts {
  /**
   * Reads and checks all of the configuration.
   * @throws ConfigError
   */
  load(inputs: Inputs): Promise<Configuration>;
  /** Goes on by it; throws a JunctionError where that cannot be, and then goes on as before. */
  apply(configuration: Configuration): Promise<Changes>;
  /** Told what was read, also where it was faulty. */
  onRead(inputs: Inputs): void;
  readonly log: Log;
}

/** Reads the configuration again when it is asked to, one time after the other, and knows what came of it. */
export class Reloader {
  readonly #parts: ReloaderParts;
  readonly #first: Configuration;
  #current: Configuration;
  #version = 1;
  #since = new Date();
  #failure: Failure | undefined;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<Reloaded> | undefined;

  constructor(first: Configuration, parts: ReloaderParts) {
    this.#first = first;
    this.#current = first;
    this.#parts = parts;
  }

  status(): ConfigurationStatus {
    return {
      version: this.#version,
      since: this.#since.toISOString(),
      files: this.#current.files,
      atRestart: sectionsForRestart(this.#first, this.#current),
      ...(this.#failure && { failure: this.#failure }),
    };
  }

  /**
   * Reads the configuration again. While that is being done, all who ask for it share the one time after it.
   * Never rejects.
   */
  reload(why: string): Promise<Reloaded> {
    if (this.#next) return this.#next;
    const run = this.#running.then(() => {
      this.#next = undefined;
      return this.#reload(why);
    });
    this.#next = run;
    this.#running = run;
    return run;
  }

  async #reload(why: string): Promise<Reloaded> {
    const { log } = this.#parts;
    const inputs = new Inputs();
    try {
      const configuration = await this.#parts.load(inputs);
      for (const warning of configuration.warnings)
        log.warn({ place: formatPlace(warning) }, warning.message);
      const changes = await this.#parts.apply(configuration);
      const before = sectionsForRestart(this.#first, this.#current);
      this.#current = configuration;
      const mended = this.#failure !== undefined;
      this.#failure = undefined;
      const atRestart = sectionsForRestart(this.#first, configuration);
      if (atRestart.length > 0 && String(atRestart) !== String(before))
        log.warn(
          { sections: atRestart },
          'these sections have changed, and hold only from the next start on',
        );
      if (!isEmpty(changes)) {
        this.#version++;
        this.#since = new Date();
        log.info({ why, version: this.#version, ...briefly(changes) }, 'the configuration was reloaded');
      } else
        log.info(
          { why },
          mended
            ? 'the configuration is as it was, and good again'
            : 'the configuration was read again, and nothing has changed',
        );
      return { state: 'reloaded', version: this.#version, changes };
    } catch (error) {
      return this.#failed(why, error);
    } finally {
      this.#parts.onRead(inputs);
    }
  }

  #failed(why: string, error: unknown): Reloaded {
    const { log } = this.#parts;
    const at = new Date().toISOString();
    if (error instanceof ConfigError) {
      const problems = error.problems.filter(({ severity }) => severity === 'error');
      this.#failure = { at, error: 'the configuration is faulty; the one before goes on', problems };
      for (const problem of problems)
        log.error({ why, place: formatPlace(problem) }, `not reloaded: ${formatProblems([problem])}`);
      return { state: 'faulty', ...this.#failure };
    }
    const { message } = JunctionError.from(error);
    this.#failure = { at, error: message, problems: [] };
    log.error({ why }, `not reloaded, the configuration before goes on: ${message}`);
    return { state: 'failed', ...this.#failure };
  }
}

/** Only what there is. */
function briefly({ endpoints, routes }: Changes): object {
  const named = Object.entries({ endpoints, routes }).flatMap(([what, difference]) =>
    Object.entries(difference).map(([how, names]) => [`${how} ${what}`, names] as const),
  );
  return Object.fromEntries(named.filter(([, names]) => (names as readonly string[]).length > 0));
}
