import { z } from 'zod';
import type { Protocol, Role } from '../core/protocol.ts';
import { configurationSchema } from './schema.ts';

/** A JSON Schema, draft 2020-12, as far as ours use it. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly type?: string | readonly string[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly additionalProperties?: JsonSchema | boolean;
}

/** Any value may come from the environment or a file instead: what it will be is not known to an editor. */
const variable: JsonSchema = { type: 'string', pattern: '\\$\\{' };

/** The schema of a kind of file, for editors. */
export const jsonSchemaOf = (title: string, schema: z.ZodType): JsonSchema => titled(title, fromZod(schema));

/** The schema of the configuration file; endpoints of all protocols that are given. */
export function configurationJsonSchema(protocols: readonly Protocol[]): JsonSchema {
  const schema = fromZod(configurationSchema);
  const { endpoints, ...others } = schema.properties!;
  const definitions = protocols.flatMap(({ name, listener, client }) => [
    ...(listener ? [[roleName(name, 'listener'), roleSchema(name, listener)] as const] : []),
    ...(client ? [[roleName(name, 'client'), roleSchema(name, client)] as const] : []),
  ]);
  return titled('Junction: the configuration', {
    ...schema,
    properties: {
      endpoints: { ...endpoints, minProperties: 1, additionalProperties: endpointSchema(protocols) },
      ...others,
    },
    $defs: Object.fromEntries(definitions),
  });
}

const titled = (title: string, { $schema, ...schema }: JsonSchema): JsonSchema => ({ $schema, title, ...schema });

const roleName = (protocol: string, role: 'listener' | 'client'): string => `${protocol}-${role}`;
const reference = (name: string): JsonSchema => ({ $ref: `#/$defs/${name}` });

function roleSchema(type: string, role: Role): JsonSchema {
  const schema = without('$schema', fromZod(role.config));
  return { ...schema, properties: { type: { const: type }, ...schema.properties } };
}

/**
 * By `type`, and by whether it has `listen`, or `url` or `brokers`, one of the roles. As conditions rather than a
 * choice of all, so that an editor complains of the one that is meant.
 */
function endpointSchema(protocols: readonly Protocol[]): JsonSchema {
  return {
    type: 'object',
    required: ['type'],
    properties: {
      type: {
        description: 'The protocol, e.g. mqtt.',
        anyOf: [
          ...protocols.map(({ name, summary }) => ({ const: name, title: name, description: summary })),
          variable,
        ],
      },
    },
    allOf: protocols.map(({ name, listener, client }) => ({
      if: { required: ['type'], properties: { type: { const: name } } },
      then:
        listener && client
          ? either(name, roleSchema(name, listener), roleSchema(name, client))
          : reference(roleName(name, listener ? 'listener' : 'client')),
    })),
  };
}

function either(name: string, listener: JsonSchema, client: JsonSchema): JsonSchema {
  const dials = Object.keys(client.properties!).filter((key) => key === 'url' || key === 'brokers');
  const offered = (keys: readonly string[], { properties }: JsonSchema): JsonSchema[] =>
    keys.map((key) => ({ required: [key], properties: { [key]: properties![key]! } }));
  return {
    if: { anyOf: dials.map((key) => ({ required: [key] })) },
    then: reference(roleName(name, 'client')),
    else: {
      if: { required: ['listen'] },
      then: reference(roleName(name, 'listener')),
      else: { anyOf: [...offered(['listen'], listener), ...offered(dials, client)] },
    },
  };
}

/** The schema as it is written in a file, before units are converted. */
const fromZod = (schema: z.ZodType): JsonSchema =>
  mended(z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as unknown as JsonSchema);

/** Widens each value by variables, narrows times and sizes to text, and takes out what says nothing. */
function mended(schema: JsonSchema): JsonSchema {
  const { anyOf, oneOf, example, ...rest } = schema;
  const plain = narrowed({ ...rest, ...(example !== undefined && { examples: [example] }) });
  const choices = anyOf ?? oneOf;
  if (choices) return { ...without('type', plain), anyOf: choicesOf(choices) };
  const { properties, items, additionalProperties } = plain;
  const inner: JsonSchema = {
    ...plain,
    ...(properties && { properties: mapped(properties) }),
    ...(items && { items: mended(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: mended(additionalProperties) }),
  };
  if (!isNarrow(inner)) return inner;
  if (inner.pattern !== undefined) return { ...inner, pattern: `(?:${inner.pattern})|${variable.pattern}` };
  // what says something to people stays outside, where editors look for it
  const { description, default: fallback, examples, ...form } = inner;
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    ...(examples !== undefined && { examples }),
    anyOf: [form, variable],
  };
}

/** The forms that a value may have; several fixed values become one list, which editors offer. */
function choicesOf(choices: readonly JsonSchema[]): JsonSchema[] {
  const fixed = choices.filter(({ const: value }) => value !== undefined);
  const others = choices.filter((choice) => !fixed.includes(choice));
  const forms = [
    ...(fixed.length > 0 ? [{ enum: fixed.map(({ const: value }) => value) }] : []),
    ...others.flatMap((choice) => {
      const { anyOf, ...form } = mended(choice);
      return anyOf && Object.keys(form).length === 0 ? anyOf : [mended(choice)];
    }),
  ];
  const any = forms.some((form) => form.type === 'string' && !isNarrow(form));
  const wanted = !any && forms.some(isNarrow) && !forms.includes(variable);
  return wanted ? [...forms, variable] : forms;
}

const mapped = (properties: Readonly<Record<string, JsonSchema>>): Record<string, JsonSchema> =>
  Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, mended(schema)]));

/** Whether a variable, which is text, would be refused or could be. */
const isNarrow = ({ type, enum: values, const: value, pattern, format }: JsonSchema): boolean =>
  values !== undefined ||
  value !== undefined ||
  (typeof type === 'string' && ['integer', 'number', 'boolean'].includes(type)) ||
  (type === 'string' && (pattern !== undefined || format !== undefined));

function narrowed(schema: JsonSchema): JsonSchema {
  const { maximum, minimum, format, ...rest } = schema;
  return {
    ...rest,
    // others are zod's own, and have a pattern beside
    ...(format === 'uri' && { format }),
    // a number for a time or size gets an error of its own, which asks for the unit
    ...(Array.isArray(schema.type) && schema.pattern !== undefined && { type: 'string' }),
    ...(typeof minimum === 'number' && minimum > Number.MIN_SAFE_INTEGER && { minimum }),
    ...(typeof maximum === 'number' && maximum < Number.MAX_SAFE_INTEGER && { maximum }),
  };
}

const without = (keyword: string, schema: JsonSchema): JsonSchema =>
  Object.fromEntries(Object.entries(schema).filter(([name]) => name !== keyword));
