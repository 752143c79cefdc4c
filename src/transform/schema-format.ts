import { resolve } from 'node:path';
import type { Format } from './formats.ts';
import type { Registry } from './registry.ts';
import type { SchemaSettings } from './schema.ts';
import { TransformError } from './transform.ts';

/** What formats that need a schema find it by. */
export interface SchemaContext {
  /** The folder of the file in which the transform is written. */
  readonly folder: string;
  /** Schema registries by their names in the configuration. */
  readonly registries?: ReadonlyMap<string, Registry> | undefined;
  /** Is told of every file that the transform is made of. */
  readonly onFile?: (path: string) => void;
}

/** @param path where the settings are written @throws TransformError */
export async function schemaFormat(
  settings: SchemaSettings,
  path: readonly string[],
  context: SchemaContext,
): Promise<Format> {
  const { avro, protobuf, message, registry } = settings;
  if (registry !== undefined) return registryFormat(settings, registry, path, context);
  const { folder, onFile = () => {} } = context;
  if (avro !== undefined) {
    const file = resolve(folder, avro);
    onFile(file);
    return read([...path, 'avro'], avro, async () => (await import('./avro.ts')).avroFile(file));
  }
  const file = resolve(folder, protobuf!);
  const { readProtoFile, messageNamed, protobufFormat } = await import('./protobuf.ts');
  const proto = await read([...path, 'protobuf'], protobuf!, () => readProtoFile(file, onFile));
  const where = message === undefined ? 'protobuf' : 'message';
  return read([...path, where], protobuf!, () => protobufFormat(messageNamed(proto, message)));
}

async function registryFormat(
  { subject, version = 'latest', message }: SchemaSettings,
  name: string,
  path: readonly string[],
  { registries }: SchemaContext,
): Promise<Format> {
  const registry = registries?.get(name);
  if (registry === undefined) {
    const known = [...(registries?.keys() ?? [])].join(', ');
    throw new TransformError([...path, 'registry'], `unknown schema registry "${name}"`, {
      hint:
        known === '' ? 'the configuration has none; add it to "registries:"' : `known registries: ${known}`,
    });
  }
  const { framedReader, framedWriter } = await import('./framed.ts');
  return subject === undefined ? framedReader(registry) : framedWriter(registry, subject, version, message);
}

const unreadable: ReadonlyMap<unknown, string> = new Map([
  ['ENOENT', 'there is no such file; the path is relative to the folder of this file'],
  ['EACCES', 'permission is denied'],
  ['EISDIR', 'it is a folder'],
]);

/** Says of which file it is. @throws TransformError */
async function read<Result>(
  path: readonly string[],
  file: string,
  make: () => Result | Promise<Result>,
): Promise<Result> {
  try {
    return await make();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new TransformError(path, `the schema ${file} cannot be used: ${unreadable.get(code) ?? message}`, {
      cause: error,
    });
  }
}
