import { Builder } from './builder.ts';
import { Cursor } from './cursor.ts';
import type { Format } from './formats.ts';
import type { ProtoFile } from './protobuf.ts';
import type { Compiled, Current, Registry } from './registry.ts';
import { TransformError } from './transform.ts';
import { invalid, type Value } from './values.ts';

/** Messages within messages that the number of a schema may be followed by. */
const maxIndexes = 64;

/**
 * Bodies that begin with a zero byte and the number of their schema in 4 bytes, in Protocol Buffers also with the place of
 * the message in its file: Confluent's wire format.
 */
export function framedReader(registry: Registry): Format {
  const read = (schema: Compiled, from: Cursor): Value => {
    if (schema.kind !== 'protobuf') return schema.format.decode(from.bytes(from.left));
    const indexes = readIndexes(from);
    return messageFormat(schema.file, indexes).then((format) => format.decode(from.bytes(from.left)));
  };
  return {
    name: `registry ${registry.name}`,
    contentType: 'application/octet-stream',
    text: false,
    async: true,
    decode: (body) => {
      const from = new Cursor(body, 'framed by a schema registry');
      if (from.left < 5 || from.byte() !== 0)
        throw invalid('the body does not begin with the number of a schema');
      const schema = registry.byId(from.uint(4));
      return schema instanceof Promise ? schema.then((known) => read(known, from)) : read(schema, from);
    },
    encode: () => {
      throw new TransformError(['body', 'from'], 'it is not for writing');
    },
  };
}

/** Writes with the schema of a subject. @param message of Protocol Buffers; undefined: the first of the file */
export function framedWriter(
  registry: Registry,
  subject: string,
  version: number | 'latest',
  message: string | undefined,
): Format {
  let contentType = 'application/octet-stream';
  const write = async ({ id, schema }: Current, value: Value): Promise<Uint8Array> => {
    const to = new Builder();
    to.headed(0, id, 4);
    const format = schema.kind === 'protobuf' ? await namedFormat(schema.file, message, to) : schema.format;
    ({ contentType } = format);
    to.bytes(await format.encode(value));
    return to.finish();
  };
  return {
    name: `registry ${registry.name} ${subject}`,
    get contentType() {
      return contentType; // known once something was written
    },
    text: false,
    async: true,
    decode: () => {
      throw new TransformError(['body', 'to'], 'it is not for reading');
    },
    encode: async (value) => write(await registry.bySubject(subject, version), value),
  };
}

const formats = new WeakMap<object, Promise<Format>>();

/** One format for each message. */
function messageFormat(file: ProtoFile, indexes: readonly number[]): Promise<Format> {
  let types = file.messages;
  let type = types[indexes[0]!];
  for (const index of indexes.slice(1)) {
    types = within(type);
    type = types[index];
  }
  if (type === undefined)
    throw invalid(
      `the body says that it is the message ${indexes.join('.')} of its schema, which has none there`,
    );
  let format = formats.get(type);
  if (format === undefined)
    formats.set(type, (format = import('./protobuf.ts').then(({ protobufFormat }) => protobufFormat(type))));
  return format;
}

type MessageType = ProtoFile['messages'][number];

const within = (type: MessageType | undefined): MessageType[] =>
  (type?.nestedArray ?? []).filter((each): each is MessageType => 'fields' in each);

/** The number of indexes and each of them, zigzag; 0 alone stands for the first message. */
function readIndexes(from: Cursor): number[] {
  const count = from.length();
  if (count > maxIndexes) from.wrong('it names too many messages');
  return count === 0 ? [0] : Array.from({ length: count }, () => from.length());
}

/** Writes the indexes of a message and gives its format. @throws JunctionError where the file has no such message */
async function namedFormat(file: ProtoFile, name: string | undefined, to: Builder): Promise<Format> {
  const { messageNamed } = await import('./protobuf.ts');
  const type = name === undefined ? file.messages[0] : lookedUp(() => messageNamed(file, name));
  if (type === undefined) throw invalid('the schema has no message');
  const indexes: number[] = [];
  for (let each = type; ; each = each.parent as MessageType) {
    const top = file.messages.indexOf(each);
    indexes.unshift(top >= 0 ? top : within(each.parent as MessageType).indexOf(each));
    if (top >= 0) break;
  }
  if (indexes.length === 1 && indexes[0] === 0) to.long(0);
  else for (const number of [indexes.length, ...indexes]) to.long(number);
  return messageFormat(file, indexes);
}

function lookedUp<Found>(look: () => Found): Found {
  try {
    return look();
  } catch (error) {
    throw invalid(`the schema cannot be used: ${(error as Error).message}`, error);
  }
}
