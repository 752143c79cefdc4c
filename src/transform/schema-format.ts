import type { Format } from './formats.ts';
import type { SchemaSettings } from './schema.ts';
import { TransformError } from './transform.ts';

/** What formats that need a schema find it by. */
export interface SchemaContext {
  /** The folder of the file in which the transform is written. */
  readonly folder: string;
}

/** @throws TransformError */
export async function schemaFormat(
  settings: SchemaSettings,
  path: readonly string[],
  context: SchemaContext,
): Promise<Format> {
  void settings;
  void context;
  return Promise.reject(new TransformError(path, 'schemas are not here yet'));
}
