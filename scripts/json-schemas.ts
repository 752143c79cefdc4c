import { schemaText } from '../src/cli/schema.ts';

/** The files of `config/schema`, for editors: name and text. */
export const jsonSchemas = async (): Promise<ReadonlyMap<string, string>> =>
  new Map([
    ['junction.json', await schemaText('config')],
    ['routes.json', await schemaText('routes')],
    ['tests.json', await schemaText('tests')],
  ]);
