import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import protobuf from 'protobufjs';
import descriptor from 'protobufjs/ext/descriptor.js';
import protojson from 'protobufjs/ext/protojson.js';
import type { Format } from './formats.ts';
import { Decimal, Instant, invalid, mapLeaves, toBase64, type Value } from './values.ts';

/** A .proto file: its messages, in the order in which they are written, and those of the files that it imports. */
export interface ProtoFile {
  readonly root: protobuf.Root;
  /** The file's own messages that are within no other. */
  readonly messages: readonly protobuf.Type[];
}

/** Finds an imported file by its name in the import, and by the file that imports it; undefined where there is none. */
export type FindImport = (name: string, by: string) => Promise<Source | undefined>;

export interface Source {
  /** For errors, and to tell one file from another. */
  readonly name: string;
  readonly text: string;
}

/**
 * @param main its text, or its descriptor in base64, as some clients give it to a registry
 * @throws Error that says in which file and line what is wrong
 */
export async function parseProto(main: Source, find: FindImport): Promise<ProtoFile> {
  if (/^[A-Za-z0-9+/]+=*$/.test(main.text)) return parseDescriptor(main, find);
  const root = new protobuf.Root();
  const read = new Set<string>();
  const parse = async (source: Source): Promise<void> => {
    if (read.has(source.name)) return;
    read.add(source.name);
    (protobuf.parse as { filename?: string | null }).filename = source.name; // told to every message, and to errors
    const { imports = [], weakImports = [] } = protobuf.parse(source.text, root);
    for (const name of [...imports, ...weakImports]) await load(name, source.name);
  };
  const load = async (name: string, by: string): Promise<void> => {
    const known = protobuf.common.get(name);
    const found = await find(name, by);
    if (found !== undefined) return parse(found);
    if (known === null) throw new Error(`${by} imports ${name}, which is not there`);
    if (!read.has(name)) root.addJSON(known.nested!);
    read.add(name);
  };
  try {
    await parse(main);
    root.resolveAll();
  } finally {
    (protobuf.parse as { filename?: string | null }).filename = null;
  }
  return { root, messages: typesIn(root).filter(({ filename }) => filename === main.name) };
}

/** Reads a FileDescriptorProto in base64 and those of the files that it imports. */
async function parseDescriptor(main: Source, find: FindImport): Promise<ProtoFile> {
  const files = new Map<string, FileDescriptor>();
  const known = new Set<unknown>();
  const read = async ({ name, text }: Source): Promise<FileDescriptor> => {
    const file = descriptor.FileDescriptorProto.decode(
      Buffer.from(text, 'base64'),
    ) as unknown as FileDescriptor;
    files.set(name, file);
    for (const imported of file.dependency) {
      const found = await find(imported, name);
      if (found === undefined) known.add(wellKnown(imported, name));
      else if (!files.has(found.name)) await read(found);
    }
    return file;
  };
  const { package: namespace, messageType } = await read(main);
  const root = protobuf.Root.fromDescriptor({ file: [...known, ...files.values()] } as never);
  root.resolveAll();
  const messages = messageType.map(({ name }) => root.lookupType(namespace ? `${namespace}.${name}` : name));
  return { root, messages };
}

/** What Protocol Buffers bring, e.g. google/protobuf/timestamp.proto, as descriptors. */
function wellKnown(name: string, by: string): unknown {
  const common = protobuf.common.get(name);
  if (common === null) throw new Error(`${by} imports ${name}, which is not there`);
  const root = new protobuf.Root().addJSON(common.nested!) as protobuf.Root & {
    toDescriptor(syntax: string): { readonly file: readonly unknown[] };
  };
  return root.toDescriptor('proto3').file[0];
}

interface FileDescriptor {
  readonly package: string;
  readonly dependency: readonly string[];
  readonly messageType: readonly { readonly name: string }[];
}

/** The messages of a namespace and those within it, but not those within messages. */
function typesIn(namespace: protobuf.NamespaceBase): protobuf.Type[] {
  return namespace.nestedArray.flatMap((each) => {
    if (each instanceof protobuf.Type) return [each];
    return each instanceof protobuf.Namespace ? typesIn(each) : [];
  });
}

/**
 * Reads a .proto file and what it imports, which is looked for beside the first file and beside the one that imports it;
 * a file of another name is what protoc or buf have compiled (FileDescriptorSet).
 * @throws Error that says what is wrong
 */
export async function readProtoFile(path: string, onFile: (path: string) => void): Promise<ProtoFile> {
  onFile(path);
  if (!path.endsWith('.proto')) {
    const root = protobuf.Root.fromDescriptor(await readFile(path));
    root.resolveAll();
    return { root, messages: typesIn(root).filter((type) => !type.fullName.startsWith('.google.protobuf.')) };
  }
  return parseProto({ name: path, text: await readFile(path, 'utf8') }, async (name, by) => {
    for (const beside of [path, by]) {
      const candidate = join(dirname(beside), name);
      onFile(candidate);
      const text = await readFile(candidate, 'utf8').catch(() => undefined);
      if (text !== undefined) return { name: candidate, text };
    }
    return undefined;
  });
}

/** @throws Error where the name is none of a message, or there is none and the file has several */
export function messageNamed({ root, messages }: ProtoFile, name: string | undefined): protobuf.Type {
  const known = (): string => messages.map(nameOf).join(', ') || 'none';
  if (name === undefined) {
    if (messages.length === 1) return messages[0]!;
    throw new Error(`it has several messages; say which: "message: NAME"; its messages are ${known()}`);
  }
  const found = root.lookup(name, protobuf.Type);
  if (found instanceof protobuf.Type) return found;
  throw new Error(`it has no message ${name}; its messages are ${known()}`);
}

const nameOf = (type: protobuf.Type): string => type.fullName.replace(/^\./, '');

/** Bodies that are one message, as its JSON mapping has it (https://protobuf.dev/programming-guides/json). */
export function protobufFormat(type: protobuf.Type): Format {
  type.setup();
  const name = nameOf(type);
  return {
    name: 'protobuf',
    contentType: 'application/protobuf',
    text: false,
    decode: (body) => {
      try {
        return protojson.toJson(type, type.decode(body)) as Value;
      } catch (error) {
        throw invalid(`the body is not a message ${name}: ${(error as Error).message}`, error);
      }
    },
    encode: (value) => {
      try {
        return type
          .encode(protojson.fromJson(type, mapLeaves(value, toProtoJson, { textKeys: true })))
          .finish();
      } catch (error) {
        throw invalid(`the body does not fit the message ${name}: ${(error as Error).message}`, error);
      }
    },
  };
}

/** Numbers that no double holds are texts there. */
function toProtoJson(value: Value): Value {
  if (typeof value === 'bigint' || value instanceof Instant) return String(value);
  if (value instanceof Decimal) return value.text;
  return value instanceof Uint8Array ? toBase64(value) : value;
}
