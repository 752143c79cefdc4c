import { JunctionError } from '../core/errors.ts';
import { Cache } from './cache.ts';
import type { Format } from './formats.ts';
import type { ProtoFile } from './protobuf.ts';
import { RegistryClient } from './registry-client.ts';
import type { RegistrySettings } from './registry-schema.ts';
import { invalid } from './values.ts';

/** A schema, ready for use; of Protocol Buffers its file, of which a body says the message. */
export type Compiled =
  | { readonly kind: 'avro' | 'json'; readonly format: Format }
  | { readonly kind: 'protobuf'; readonly file: ProtoFile };

/** What a registry says of a schema (Confluent's REST interface, `GET /schemas/ids/{id}` and `GET /subjects/…`). */
interface Described {
  readonly schema: string;
  readonly schemaType?: string;
  readonly references?: readonly Reference[];
}

interface Reference {
  /** By what the schema says it: the name of a type, or of an import. */
  readonly name: string;
  readonly subject: string;
  readonly version: number;
}

/** A schema of a subject, and its number. */
export interface Current {
  readonly id: number;
  readonly schema: Compiled;
}

/** More references than this are a mistake, or meant to harm. */
const maxReferences = 200;

/** A schema registry with the REST interface of Confluent's. Asks for each schema once. Its constructor does no I/O. */
export class Registry {
  readonly name: string;
  readonly settings: RegistrySettings;
  readonly #client: RegistryClient;
  readonly #byId: Cache<number, Compiled>;
  readonly #bySubject: Cache<string, Current>;

  constructor(name: string, settings: RegistrySettings) {
    this.name = name;
    this.settings = settings;
    this.#client = new RegistryClient(name, settings);
    this.#byId = new Cache((id) => this.#loadId(id), { max: 1000 });
    this.#bySubject = new Cache((path) => this.#loadSubject(path), { max: 1000, refresh: settings.refresh });
  }

  /** What a number in a body means. @throws JunctionError unavailable, or invalid-message where there is no such schema */
  byId(id: number): Compiled | Promise<Compiled> {
    return this.#byId.get(id);
  }

  /** The schema to write with. @throws JunctionError unavailable, also where there is no such subject yet */
  bySubject(subject: string, version: number | 'latest'): Current | Promise<Current> {
    return this.#bySubject.get(versionPath(subject, version));
  }

  async #loadId(id: number): Promise<Compiled> {
    const { status, content } = await this.#client.get(`/schemas/ids/${id}`);
    if (status !== 200) throw invalid(`the schema registry ${this.name} has no schema ${id}`);
    return this.#compile(`schema ${id}`, content);
  }

  async #loadSubject(path: string): Promise<Current> {
    const { status, content } = await this.#client.get(path);
    const { id } = (content ?? {}) as { id?: unknown };
    // No fault of the message: it waits until somebody has registered the schema.
    if (status !== 200 || typeof id !== 'number')
      throw new JunctionError(
        'unavailable',
        `the schema registry ${this.name} has no ${decodeURI(path.slice(1))}`,
      );
    return { id, schema: await this.#compile(`schema ${id}`, content) };
  }

  async #compile(what: string, content: unknown): Promise<Compiled> {
    if (!isDescribed(content))
      throw new JunctionError(
        'unavailable',
        `the schema registry ${this.name} gave no ${what} but something else`,
      );
    const { schema, schemaType = 'AVRO' } = content;
    try {
      switch (schemaType) {
        case 'AVRO': {
          const { avroFormat } = await import('./avro.ts');
          const before = await this.#references(content);
          return {
            kind: 'avro',
            format: avroFormat([...before.values(), schema].map((text) => JSON.parse(text) as unknown)),
          };
        }
        case 'PROTOBUF': {
          const { parseProto } = await import('./protobuf.ts');
          const imports = await this.#references(content);
          const find = (name: string) => {
            const text = imports.get(name);
            return Promise.resolve(text === undefined ? undefined : { name, text });
          };
          return { kind: 'protobuf', file: await parseProto({ name: what, text: schema }, find) };
        }
        case 'JSON':
          return { kind: 'json', format: await (await import('./plain.ts')).plainFormat('json') };
        default:
          throw new Error(`its type ${schemaType} is not known`);
      }
    } catch (error) {
      if (error instanceof JunctionError) throw error;
      throw invalid(
        `${what} of the registry ${this.name} cannot be used: ${(error as Error).message}`,
        error,
      );
    }
  }

  /** The texts of all schemas that one refers to, by name; one that others refer to before them. */
  async #references(described: Described, found = new Map<string, string>()): Promise<Map<string, string>> {
    for (const { name, subject, version } of described.references ?? []) {
      if (found.has(name)) continue;
      if (found.size >= maxReferences) throw new Error(`it refers to more than ${maxReferences} others`);
      const { status, content } = await this.#client.get(versionPath(subject, version));
      if (status !== 200 || !isDescribed(content))
        throw new Error(`it refers to ${subject}, version ${version}, which is not there`);
      found.set(name, content.schema); // a circle ends here
      await this.#references(content, found);
      found.delete(name);
      found.set(name, content.schema);
    }
    return found;
  }
}

const versionPath = (subject: string, version: number | 'latest'): string =>
  `/subjects/${encodeURIComponent(subject)}/versions/${version}`;

const isDescribed = (content: unknown): content is Described =>
  typeof content === 'object' &&
  content !== null &&
  typeof (content as Partial<Described>).schema === 'string';
