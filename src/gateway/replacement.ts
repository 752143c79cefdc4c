import type { EndpointDefinition } from '../config/endpoints.ts';
import type { Configuration } from '../config/load.ts';
import { JunctionError } from '../core/errors.ts';
import type { Log } from '../core/protocol.ts';
import type { Dispatcher } from '../routing/dispatch.ts';
import type { Held } from '../routing/lines.ts';
import type { Difference } from './changes.ts';
import type { Endpoints, Instance } from './endpoints.ts';
import { within } from './within.ts';

/** What of the time belongs to messages that wait to be sent again; the rest to giving them back. */
const patience = 0.8;

export interface ReplacementParts {
  readonly endpoints: Endpoints;
  readonly dispatcher: Dispatcher;
  readonly log: Log;
  /** Ms for what was taken to be settled. */
  readonly deadline: number;
}

/**
 * Replaces the endpoints of one configuration by those of another, around the swap of the routes:
 * 1. new ones are opened: where one cannot listen, nothing has changed yet;
 * 2. those that change or go take nothing more, and settle what they have taken;
 * 3. those that change are closed and made anew, while messages for them wait;
 * 4. the routes are swapped, in one tick;
 * 5. the new sources begin, and what waited goes on;
 * 6. those that go are closed when what was taken for them is delivered.
 */
export class Replacement {
  readonly #parts: ReplacementParts;
  readonly #before: Configuration['endpoints'];
  readonly #after: Configuration['endpoints'];
  readonly #difference: Difference;
  /** Opened, and not in use yet. */
  readonly #opened = new Map<string, Instance>();
  /** New listeners for which there is room only when others are closed. */
  readonly #late: string[] = [];
  readonly #held = new Map<string, Held>();
  /** Closed already, among those that change or go. */
  readonly #closed = new Set<string>();

  constructor(
    before: Configuration['endpoints'],
    after: Configuration['endpoints'],
    difference: Difference,
    parts: ReplacementParts,
  ) {
    this.#before = before;
    this.#after = after;
    this.#difference = difference;
    this.#parts = parts;
  }

  /**
   * Steps 1 to 3.
   * @throws JunctionError where a listener cannot listen; then all is as it was before
   */
  async prepare(): Promise<void> {
    const { added, removed, changed } = this.#difference;
    try {
      for (const name of added) await this.#openNew(name);
    } catch (error) {
      await this.#parts.endpoints.close(this.#opened.values());
      throw error;
    }
    const ending = [...removed, ...changed];
    if (ending.length === 0) return;
    await this.#settle(ending);
    try {
      for (const name of changed) if (this.#isListener(name)) await this.#replace(name);
      if (this.#late.length > 0) await this.#close(removed.filter((name) => this.#isListener(name)));
      for (const name of this.#late) await this.#open(name);
    } catch (error) {
      await this.#goBack(ending);
      throw error;
    }
    for (const name of changed) if (!this.#isListener(name)) await this.#replace(name);
  }

  /** Step 4, in the tick in which the routes are swapped. */
  use(): void {
    for (const instance of this.#opened.values()) this.#parts.endpoints.use(instance);
  }

  /** Steps 5 and 6. */
  async finish(): Promise<void> {
    const { endpoints, dispatcher, log } = this.#parts;
    for (const [name, held] of this.#held) held.resume(endpoints.get(name)!.sink);
    await endpoints
      .start([...this.#opened.keys()], (name) => dispatcher.intakeOf(name))
      .catch((error: unknown) =>
        log.error({ code: JunctionError.from(error).code }, `could not begin: ${(error as Error).message}`),
      );
    await Promise.all(this.#difference.removed.map((name) => this.#end(name)));
  }

  #isListener(name: string): boolean {
    return (this.#after.get(name) ?? this.#before.get(name))!.role === 'listener';
  }

  async #openNew(name: string): Promise<void> {
    try {
      await this.#open(name);
    } catch (error) {
      const { removed, changed } = this.#difference;
      // It may want the port of one that makes room for it.
      if (![...removed, ...changed].some((each) => this.#isListener(each))) throw error;
      this.#late.push(name);
    }
  }

  async #open(name: string, definition = this.#after.get(name)!): Promise<void> {
    this.#opened.set(name, await this.#made(definition));
  }

  async #made(definition: EndpointDefinition): Promise<Instance> {
    const instance = this.#parts.endpoints.make(definition);
    try {
      await instance.endpoint.open();
    } catch (error) {
      await this.#parts.endpoints.close([instance]);
      throw error;
    }
    return instance;
  }

  /** Nothing new comes from these, and nothing is under way from or to them, as far as that is so in time. */
  async #settle(names: readonly string[]): Promise<void> {
    const { endpoints, dispatcher, deadline, log } = this.#parts;
    const stopped = endpoints.stop(names);
    if (!(await within(stopped, deadline * patience))) {
      for (const name of names) dispatcher.giveBack(name);
      if (!(await within(stopped, deadline * (1 - patience))))
        log.warn({ endpoints: names, deadline }, 'not everything was settled in time; it will be sent again');
    }
    const { changed } = this.#difference;
    for (const name of changed) this.#held.set(name, dispatcher.hold(name));
    await within(Promise.all([...this.#held.values()].map(({ quiet }) => quiet)), deadline);
  }

  async #replace(name: string): Promise<void> {
    await this.#close([name]);
    await this.#open(name);
  }

  async #close(names: readonly string[]): Promise<void> {
    const { endpoints } = this.#parts;
    for (const name of names) this.#closed.add(name);
    await endpoints.close(names.map((name) => endpoints.get(name)!));
  }

  /** A source that was stopped cannot start again, so those that have come to an end are made anew as they were. */
  async #goBack(names: readonly string[]): Promise<void> {
    const { endpoints, dispatcher, log } = this.#parts;
    await endpoints.close(this.#opened.values());
    await this.#close(names.filter((name) => !this.#closed.has(name)));
    for (const name of names)
      try {
        endpoints.use(await this.#made(this.#before.get(name)!));
        this.#held.get(name)?.resume(endpoints.get(name)!.sink);
        await endpoints.start([name], (each) => dispatcher.intakeOf(each));
      } catch (error) {
        const { code, message } = JunctionError.from(error);
        log.error({ endpoint: name, code }, `an endpoint could not be opened again: ${message}`);
      }
  }

  /** Closes an endpoint that is not there any more. */
  async #end(name: string): Promise<void> {
    const { endpoints, dispatcher, deadline } = this.#parts;
    const instance = endpoints.get(name)!;
    if (!this.#closed.has(name)) await within(dispatcher.retired(name), deadline);
    dispatcher.stop(name);
    await within(dispatcher.retired(name), deadline);
    await endpoints.close([instance]);
    endpoints.forget(name);
  }
}
