import { configurationJsonSchema, jsonSchemaOf } from '../config/json-schema.ts';
import { protocols } from '../protocols/index.ts';
import { routeFileSchema } from '../routing/route/schema.ts';
import { testFileSchema } from '../trial/test-file.ts';

/** The files that have a schema, as `junction schema` names them. */
export type SchemaName = 'config' | 'routes' | 'tests';

/** `junction schema`: prints the JSON Schema by which editors complete and check a file. */
export async function schema(name: SchemaName): Promise<void> {
  process.stdout.write(await schemaText(name));
}

/** The text of a schema's file. */
export async function schemaText(name: SchemaName): Promise<string> {
  return `${JSON.stringify(await schemaOf(name), null, 2)}\n`;
}

async function schemaOf(name: SchemaName): Promise<object> {
  if (name === 'routes') return jsonSchemaOf('Junction: a route file', routeFileSchema);
  if (name === 'tests') return jsonSchemaOf('Junction: tests of routes', testFileSchema);
  const loaded = await Promise.all(Object.values(protocols).map((load) => load()));
  return configurationJsonSchema(loaded.map(({ default: protocol }) => protocol));
}
