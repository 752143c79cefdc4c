import { z } from 'zod';

interface Schema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
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
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return [...new Set(variants.map(shape))].join(' or ');
  // only times and sizes are written as text or number: a number gets its own error, which asks for the unit
  if (Array.isArray(schema.type)) return 'with unit';
  if (schema.type === 'array') return `list of ${schema.items ? shape(schema.items) : 'values'}`;
  if (schema.type === 'object') return 'map';
  const names: Record<string, string> = {
    string: 'text',
    integer: 'number',
    number: 'number',
    boolean: 'true or false',
    null: 'nothing',
  };
  return names[String(schema.type)] ?? 'value';
}

const escape = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function fallbackOf(value: Schema, required: boolean): string {
  const fallback = value.default;
  const empty = typeof fallback === 'object' && Object.keys(fallback as object).length === 0;
  if (fallback === undefined || empty) return required ? '**required**' : '';
  if (fallback === '') return 'none';
  return `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``;
}

/** The maps that a value may be, or be a list of, and their paths. */
function mapsIn(schema: Schema, path: string): [Schema, string][] {
  const variants = schema.anyOf ?? schema.oneOf;
  if (variants) return variants.flatMap((each) => mapsIn(each, path));
  if (schema.items) return mapsIn(schema.items, `${path}[]`);
  return schema.properties ? [[schema, path]] : [];
}

/** One row per key; the keys of maps follow theirs, with dots, unless all of them are explained already. */
function rows(schema: Schema, prefix = '', told: (readonly string[])[] = []): string[] {
  const lines: string[] = [];
  const names = Object.keys(schema.properties ?? {});
  if (names.length > 4) {
    if (told.some((known) => names.every((name) => known.includes(name)))) return [];
    told.push(names);
  }
  for (const [name, value] of Object.entries(schema.properties ?? {})) {
    const key = prefix + name;
    const shown = fallbackOf(value, schema.required?.includes(name) ?? false);
    lines.push(`| \`${key}\` | ${escape(shape(value))} | ${shown} | ${escape(value.description ?? '')} |`);
    for (const [inner, path] of mapsIn(value, key)) lines.push(...rows(inner, `${path}.`, told));
  }
  return lines;
}

/** A Markdown table of the keys of a schema. */
export const schemaTable = (schema: z.ZodType): string =>
  ['| key | value | default | |', '| --- | --- | --- | --- |', ...rows(written(schema))].join('\n');
