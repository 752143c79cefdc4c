import { z } from 'zod';
import { size, timer } from '../core/units.ts';
import { encodings } from './encodings.ts';
import { plainFormats } from './formats.ts';

const file = z.string().min(1);

const shared = {
  avro: file.optional().describe('An Avro schema (.avsc), relative to this file.'),
  protobuf: file
    .optional()
    .describe(
      'A Protocol Buffers file (.proto), or what protoc or buf have compiled of one (any other name), relative to this file. What it imports is looked for beside it.',
    ),
  message: z
    .string()
    .min(1)
    .optional()
    .describe('The full name of the message, e.g. acme.Order; not needed where the file has one alone.'),
  registry: z
    .string()
    .min(1)
    .optional()
    .describe(
      'A schema registry of the configuration: bodies begin with a zero byte and the number of their schema.',
    ),
};

/** Bodies that need a schema. */
const fromSchema = z
  .strictObject(shared)
  .superRefine(checkSchema)
  .refine(
    ({ registry, message }) => registry === undefined || message === undefined,
    'bodies of a registry say themselves which message they are; leave "message" out',
  );

const toSchema = z
  .strictObject({
    ...shared,
    subject: z
      .string()
      .min(1)
      .optional()
      .describe('The subject of the registry whose schema bodies are written with, e.g. orders-value.'),
    version: z
      .union([z.literal('latest'), z.int().min(1)])
      .optional()
      .describe('Its version; latest unless said otherwise.'),
  })
  .superRefine(checkSchema)
  .superRefine(({ registry, subject, version }, context) => {
    const wrong = (message: string): void => context.addIssue({ code: 'custom', message });
    if (registry !== undefined && subject === undefined)
      wrong('a registry needs the subject whose schema bodies are written with; add "subject: …"');
    if (registry === undefined && (subject ?? version) !== undefined)
      wrong('subject and version are those of a registry; add "registry: …"');
  });

export type SchemaSettings = z.output<typeof toSchema>;

function checkSchema(
  { avro, protobuf, message, registry }: z.output<z.ZodObject<typeof shared>>,
  context: z.core.$RefinementCtx,
): void {
  const named = [avro, protobuf, registry].filter((each) => each !== undefined).length;
  const wrong = (message: string): void => context.addIssue({ code: 'custom', message, input: undefined });
  if (named !== 1) wrong('name one of avro, protobuf and registry here');
  else if (message !== undefined && avro !== undefined)
    wrong('only Protocol Buffers have a message; leave it out');
}

const needsSchema = ['avro', 'protobuf'] as const;

/** `from: avro` is understood to be told what is missing. */
const format = <const Names extends readonly string[]>(names: Names) =>
  z.enum([...names, ...needsSchema]).superRefine((name, context) => {
    if (name === 'avro' || name === 'protobuf')
      context.addIssue({
        code: 'custom',
        message: `${name} needs its schema: write { ${name}: FILE }, or { registry: NAME }`,
      });
  });

const bodySchema = z
  .strictObject({
    from: z
      .union([format(['auto', ...plainFormats]), fromSchema])
      .default('auto')
      .describe(
        'What bodies come in: a format, or a map that names its schema; auto goes by the content type, and takes a body without one for JSON.',
      ),
    jsonata: z
      .string()
      .min(1)
      .optional()
      .describe('A JSONata expression; what it makes of the body is the new one.'),
    to: z
      .union([format(plainFormats), toSchema])
      .optional()
      .describe('What bodies go out in; the same format, or JSON where that is not json, cbor or msgpack.'),
    numbers: z
      .enum(['exact', 'double'])
      .default('exact')
      .describe(
        'What becomes of numbers that a double cannot hold, such as 64-bit identifiers: they stay exact, and expressions can pass them on but not compute with them, or they are rounded.',
      ),
    timeout: timer()
      .prefault('1s')
      .describe('How long the expression may compute for one message; other work goes on meanwhile.'),
  })
  .refine(
    ({ from, jsonata, to }) => (jsonata ?? to) !== undefined || from !== 'auto',
    'say what becomes of the body: jsonata, to, or both',
  );

export type BodySettings = z.output<typeof bodySchema>;

/** Keys of a target that change the bodies of its messages, in the order in which they are done. */
export const transformSchema = {
  decompress: z
    .union([
      z.enum(['auto', ...encodings]),
      z.strictObject({
        encoding: z
          .enum(['auto', ...encodings])
          .default('auto')
          .describe('What bodies are compressed with; auto goes by their content encoding.'),
        max: size().prefault('16MiB').describe('The largest body that may come of it.'),
      }),
    ])
    .optional()
    .describe(
      'Expands bodies: auto goes by their content encoding and leaves those that have none; a name is taken for all of them.',
    ),
  body: bodySchema.optional().describe('What becomes of the body: its format, and what it says.'),
  compress: z
    .enum(encodings)
    .optional()
    .describe(
      'Compresses bodies, and says so in the content encoding; those that are compressed already stay so.',
    ),
};

/** What is written at a target, as its schema understood it. */
export type TransformSettings = z.output<z.ZodObject<typeof transformSchema>>;
