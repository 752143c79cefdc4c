import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import { loadConfiguration } from '../config/load.ts';
import { asyncApi } from '../export/asyncapi.ts';
import { protocols } from '../protocols/index.ts';

export interface ExportOptions {
  readonly config: string;
  /** JSON in place of YAML. */
  readonly json?: boolean;
  /** The file to write to; standard output where it is not given. */
  readonly output?: string;
  readonly title: string;
  readonly apiVersion: string;
}

/**
 * `junction export asyncapi`: writes endpoints, addresses and routes as an AsyncAPI 3.0 document.
 * @throws ConfigError with every mistake of the configuration
 */
export async function exportAsyncApi(options: ExportOptions): Promise<void> {
  const configuration = await loadConfiguration(options.config, { env: process.env, protocols });
  const document = asyncApi(configuration, { title: options.title, version: options.apiVersion });
  const text = options.json
    ? `${JSON.stringify(document, null, 2)}\n`
    : stringify(document, { lineWidth: 0, aliasDuplicateObjects: false });
  await write(text, options.output);
}

/** Writes to a file, or to standard output where none is named. */
export async function write(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) process.stdout.write(text);
  else await writeFile(file, text);
}
