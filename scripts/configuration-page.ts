import { configurationSchema } from '../src/config/schema.ts';
import { protocols } from '../src/protocols/index.ts';
import { routeFileSchema } from '../src/routing/route/schema.ts';
import { testFileSchema } from '../src/trial/test-file.ts';
import { schemaTable } from './schema-table.ts';

/** `docs/configuration.md`, from the schemas that check the files. */
export async function configurationPage(): Promise<string> {
  const parts = [
    '# Configuration',
    'Made from the schemas that check the files, by `npm run docs`. Times and sizes carry their unit (`30s`, `1MiB`). ' +
      '`${NAME}` and `${NAME:-default}` come from the environment, `${file:path}` is the content of a file, such as a secret.',
    '## `config/junction.yaml`',
    schemaTable(configurationSchema),
    '## Endpoints',
    'An endpoint has a `type` and either `listen`: clients connect to us; or `url` or `brokers`: we connect to a broker.',
  ];
  const loaded = await Promise.all(Object.values(protocols).map((load) => load()));
  const names = loaded.filter(({ default: { client } }) => client).map(({ default: { name } }) => name);
  parts.push(
    `Connections to brokers have a page each: ${names.map((name) => `[\`${name}\`](brokers/${name}.md)`).join(', ')}.`,
  );
  for (const { default: protocol } of loaded)
    if (protocol.listener)
      parts.push(`### \`type: ${protocol.name}\` with \`listen\``, schemaTable(protocol.listener.config));
  parts.push('## Route files', schemaTable(routeFileSchema));
  parts.push(
    '## Test files',
    'Files `*.test.yaml` beside route files, run by `junction test`; see [Writing routes](routes.md#one-route-from-beginning-to-end).',
    schemaTable(testFileSchema),
  );
  return `${parts.join('\n\n')}\n`;
}
