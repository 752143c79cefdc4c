import { traitsIn, type EndpointDefinition, type RoleName } from '../config/endpoints.ts';
import type { Endpoint, EndpointStatus, Intake, Log, Sink } from '../core/protocol.ts';
import type { EndpointStorage } from '../core/storage.ts';
import { countingSink } from './counting-sink.ts';
import { LossCounts } from './loss-counts.ts';

export interface EndpointsParts {
  readonly log: Log;
  /** The log of one endpoint, by its name. */
  logOf(name: string): Log;
  /** What an endpoint keeps over restarts. */
  storageOf(name: string): EndpointStorage;
}

/** An endpoint that was made, and of what. */
export interface Instance {
  readonly definition: EndpointDefinition;
  readonly endpoint: Endpoint;
  /** Where what goes to it is sent; counts what is lost there. */
  readonly sink: Sink;
}

/** The endpoints that are in use. */
export class Endpoints {
  readonly #parts: EndpointsParts;
  readonly #all = new Map<string, Instance>();
  readonly #sinks = new Map<string, Sink>();
  readonly #losses = new LossCounts();

  constructor(parts: EndpointsParts) {
    this.#parts = parts;
  }

  /** By name; it changes with the endpoints. */
  get sinks(): ReadonlyMap<string, Sink> {
    return this.#sinks;
  }

  /** How many messages have lost what, by endpoint, since the gateway began. */
  get losses(): LossCounts['all'] {
    return this.#losses.all;
  }

  get names(): readonly string[] {
    return [...this.#all.keys()];
  }

  get(name: string): Instance | undefined {
    return this.#all.get(name);
  }

  /** Makes an endpoint, which is not in use yet. */
  make(definition: EndpointDefinition): Instance {
    const { name, config } = definition;
    const storage = keeps(definition) ? this.#parts.storageOf(name) : undefined;
    const losses = this.#losses.counterOf(name);
    const context = { name, log: this.#parts.logOf(name), losses, ...(storage && { storage }) };
    const endpoint = definition.definition.create(config, context);
    return { definition, endpoint, sink: countingSink(endpoint.sink, traitsIn(definition), losses) };
  }

  /** From now on it is the one of its name. */
  use(instance: Instance): void {
    this.#all.set(instance.definition.name, instance);
    this.#sinks.set(instance.definition.name, instance.sink);
  }

  /** Lets one that is open go on by another configuration. */
  renew(definition: EndpointDefinition): void {
    const instance = this.#all.get(definition.name)!;
    instance.endpoint.renew?.(definition.config);
    this.#all.set(definition.name, { ...instance, definition });
  }

  forget(name: string): void {
    this.#all.delete(name);
    this.#sinks.delete(name);
  }

  ofRole(role: RoleName): Instance[] {
    return [...this.#all.values()].filter(({ definition }) => definition.role === role);
  }

  status(): ReadonlyMap<string, EndpointStatus> {
    return new Map([...this.#all].map(([name, { endpoint }]) => [name, endpoint.status()]));
  }

  /** Starts those of the given names: listeners first, so that what brokers have for them finds them open. */
  async start(names: readonly string[], intakeOf: (name: string) => Intake): Promise<void> {
    for (const role of ['listener', 'client'] as const)
      await Promise.all(
        names
          .filter((name) => this.#all.get(name)!.definition.role === role)
          .map((name) => this.#all.get(name)!.endpoint.source.start(intakeOf(name))),
      );
  }

  /** Resolves once all that these sources have handed over is settled. Never rejects. */
  async stop(names: readonly string[] = this.names): Promise<void> {
    await Promise.all(
      names.map((name) =>
        this.#all
          .get(name)!
          .endpoint.source.stop()
          .catch((error: unknown) => this.#parts.log.error({ endpoint: name, error }, 'could not stop')),
      ),
    );
  }

  /** Never rejects. */
  async close(instances: Iterable<Instance> = [...this.#all.values()]): Promise<void> {
    await Promise.all(
      [...instances].map(({ definition: { name }, endpoint }) =>
        endpoint
          .close()
          .catch((error: unknown) => this.#parts.log.error({ endpoint: name, error }, 'could not close')),
      ),
    );
  }
}

/** Whether an endpoint keeps anything in the store. */
export const keeps = ({ definition, config }: EndpointDefinition): boolean =>
  definition.keeps?.(config) ?? false;
