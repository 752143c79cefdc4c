import { z } from 'zod';
import { configurationSchema } from '../src/config/schema.ts';
import type { Role } from '../src/core/protocol.ts';
import { protocols } from '../src/protocols/index.ts';
import { routeFileSchema } from '../src/routing/schema.ts';

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
}

/** The schema as it is written in a file, before units are converted. */
const written = (schema: z.ZodType): Schema =>
  z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;

function shape(schema: Schema): string {
  if (schema.enum) return schema.enum.map((value) => `\`${String(value)}\``).join(' or ');
  if (schema.const !== undefined)
    return `\`${typeof schema.const === 'string' ? schema.const : JSON.stringify(schema.const)}\``;
  if (schema.anyOf) return [...new Set(schema.anyOf.map(shape))].join(' or ');
  // only times and sizes are written as text or number: a number gets its own error, which asks for the unit
  if (Array.isArray(schema.type)) return 'with unit';
  if (schema.type === 'array') return `list of ${schema.items ? shape(schema.items) : 'values'}`;
  if (schema.type === 'object') return 'map';
  const names: Record<string, string> = {
    string: 'text',
    integer: 'number',
    number: 'number',
    boolean: 'true or false',
  };
  return names[String(schema.type)] ?? 'value';
}

const escape = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** One row per key; the keys of maps follow theirs, with dots. */
function rows(schema: Schema, prefix = ''): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const key = prefix + name;
    const fallback = value.default;
    const shown =
      fallback === undefined || (typeof fallback === 'object' && Object.keys(fallback as object).length === 0)
        ? schema.required?.includes(name)
          ? '**required**'
          : ''
        : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
    lines.push(`| \`${key}\` | ${escape(shape(value))} | ${shown} | ${escape(value.description ?? '')} |`);
    const inner =
      value.type === 'array' ? value.items : (value.anyOf?.find((each) => each.properties) ?? value);
    if (inner?.properties) lines.push(...rows(inner, value.type === 'array' ? `${key}[].` : `${key}.`));
  }
  return lines;
}

const table = (schema: z.ZodType): string =>
  ['| key | value | default | |', '| --- | --- | --- | --- |', ...rows(written(schema))].join('\n');

/** `docs/configuration.md`, from the schemas that check the files. */
export async function configurationPage(): Promise<string> {
  const parts = [
    '# Configuration',
    'Made from the schemas that check the files, by `npm run docs`. Times and sizes carry their unit (`30s`, `1MiB`). ' +
      '`${NAME}` and `${NAME:-default}` come from the environment, `${file:path}` is the content of a file, such as a secret.',
    '## `config/junction.yaml`',
    table(configurationSchema),
  ];
  const section = (title: string, role: Role | undefined) =>
    role && parts.push(`### ${title}`, table(role.config));
  parts.push('## Endpoints', 'An endpoint has a `type` and the keys of one of these.');
  for (const [name, load] of Object.entries(protocols)) {
    const { default: protocol } = await load();
    section(`\`type: ${name}\` with \`listen\`: clients connect to us`, protocol.listener);
    section(
      `\`type: ${name}\` with ${['kafka', 'rocketmq'].includes(name) ? '`brokers`' : '`url`'}: we connect to a broker`,
      protocol.client,
    );
  }
  parts.push('## Route files', table(routeFileSchema));
  return `${parts.join('\n\n')}\n`;
}
