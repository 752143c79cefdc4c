import { dirname, isAbsolute, join } from 'node:path';
import { loadConfiguration, type Configuration } from '../config/load.ts';
import { Problems } from '../config/problems.ts';
import { readFileTree } from '../config/read-file.ts';
import { validate } from '../config/validate.ts';
import { hintOf, nearest, quoted } from '../config/words.ts';
import type { Envelope } from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';
import { protocols } from '../protocols/index.ts';
import { explain as explained } from '../trial/explain.ts';
import { toEnvelope, writtenMessageSchema } from '../trial/written-message.ts';

/**
 * `junction explain`: says which routes read an address and what they do, and of a message what goes out.
 * @throws ConfigError with every mistake of the configuration or the message
 */
export async function explain(
  endpoint: string,
  address: string,
  options: { readonly config: string; readonly message?: string },
): Promise<void> {
  const configuration = await loadConfiguration(options.config, { env: process.env, protocols });
  checkEndpoint(endpoint, configuration);
  const message = options.message === undefined ? undefined : await messageIn(options.message, address);
  process.stdout.write(`${await explained(configuration, endpoint, address, message)}\n`);
}

function checkEndpoint(name: string, { endpoints }: Configuration): void {
  if (endpoints.has(name)) return;
  const known = [...endpoints.keys()];
  throw new JunctionError(
    'invalid-message',
    `unknown endpoint ${quoted(name)}; ${hintOf(nearest(name, known), known, 'known endpoints')}`,
  );
}

async function messageIn(file: string, address: string): Promise<Envelope> {
  const problems = new Problems();
  const tree = await readFileTree(file, { file, line: 1, column: 1 }, { env: process.env }, problems, 'body');
  const written = tree && validate(writtenMessageSchema, tree, problems);
  problems.throwErrors();
  return toEnvelope(written!, address, Date.now(), (path) =>
    isAbsolute(path) ? path : join(dirname(file), path),
  );
}
