import { dirname, resolve } from 'node:path';
import { isAlias, isMap, isScalar, isSeq, type Document, type ParsedNode, type Scalar } from 'yaml';
import { substitute, type Environment } from './environment.ts';
import { formatPlace, type Place, type Problems } from './problems.ts';
import { readText, type Source } from './source.ts';
import { quoted } from './words.ts';
import { parseYaml, type Parsed } from './yaml.ts';

export interface Entry {
  readonly key: Place;
  readonly node: Tree;
}

/** A map of the file. `at` is the place of its first key or brace. */
export interface MapNode {
  readonly kind: 'map';
  readonly at: Place;
  /** Written with braces. */
  readonly flow: boolean;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface ListNode {
  readonly kind: 'list';
  readonly at: Place;
  readonly items: readonly Tree[];
}

export interface ScalarNode {
  readonly kind: 'scalar';
  readonly at: Place;
  value: string | number | boolean | null;
  /** Where a variable gave a number or boolean: its text, for a key that wants text. */
  readonly text: string | undefined;
  /** Whether some of it came from a variable or another file. */
  readonly substituted: boolean;
  /** The place of a character of the value, as exactly as the way of writing allows. */
  place(offset: number): Place;
}

/** A node about which a problem was already reported; nothing more is said about it. */
export interface BrokenNode {
  readonly kind: 'broken';
  readonly at: Place;
}

/** A YAML file as plain data that knows where each part is written. */
export type Tree = MapNode | ListNode | ScalarNode | BrokenNode;

/**
 * Reads one file's text. What is wrong with it as YAML, and variables that are missing, go to `problems`.
 * Returns undefined where nothing can be said about the content: the file is broken, or empty.
 * @param onFile told of every file that is put in by `${file:path}`, before it is read
 */
export function readTree(
  source: Source,
  environment: Environment,
  problems: Problems,
  expected: string,
  onFile?: (path: string) => void,
): Tree | undefined {
  const parsed = parseYaml(source, problems);
  if (parsed === undefined) return undefined;
  const root = parsed.document.contents;
  if (root === null || (isScalar(root) && root.value === null && root.source === '')) {
    problems.error(source.place(0), 'the file is empty', `begin with "${expected}:"`);
    return undefined;
  }
  return new Reader(source, parsed, environment, problems, onFile).read(root);
}

class Reader {
  readonly #source: Source;
  readonly #parsed: Parsed;
  readonly #environment: Environment;
  readonly #problems: Problems;
  readonly #onFile: ((path: string) => void) | undefined;

  constructor(
    source: Source,
    parsed: Parsed,
    environment: Environment,
    problems: Problems,
    onFile?: (path: string) => void,
  ) {
    this.#source = source;
    this.#parsed = parsed;
    this.#environment = environment;
    this.#problems = problems;
    this.#onFile = onFile;
  }

  read(node: ParsedNode): Tree {
    const at = this.#place(node.range[0]);
    if (isMap(node)) return { kind: 'map', at, flow: node.flow === true, entries: this.#entries(node.items) };
    if (isSeq(node))
      return { kind: 'list', at, items: node.items.map((item) => this.read(item)) };
    if (isScalar(node)) return this.#scalar(node, at);
    return { kind: 'broken', at };
  }

  #entries(pairs: readonly { key: unknown; value: unknown }[]): Map<string, Entry> {
    const entries = new Map<string, Entry>();
    for (const { key, value } of pairs as { key: ParsedNode; value: ParsedNode | null }[]) {
      const place = this.#place(key.range[0]);
      if (isAlias(key)) continue; // refused already
      if (!isScalar(key)) {
        this.#problems.error(place, 'a key must be text, not a list or a map');
        continue;
      }
      const name = key.source ?? String(key.value);
      const first = entries.get(name);
      if (name === '') this.#problems.error(place, 'a key is missing here', 'write "key: value"');
      else if (name === '<<')
        this.#problems.error(
          place,
          'merge keys (<<) are not used here',
          'write the keys out where they are meant',
        );
      else if (name === '__proto__') this.#problems.error(place, `the key ${quoted(name)} is not allowed`);
      else if (first)
        this.#problems.error(
          place,
          `the key ${quoted(name)} is written twice; the first is at ${formatPlace(first.key)}`,
          'remove one of them',
        );
      else entries.set(name, { key: place, node: value === null ? this.#nothing(key) : this.read(value) });
    }
    return entries;
  }

  /** `key` without colon, in braces. */
  #nothing(key: ParsedNode): ScalarNode {
    const at = this.#place(key.range[1]);
    return { kind: 'scalar', at, value: null, text: undefined, substituted: false, place: () => at };
  }

  #scalar(node: Scalar.Parsed, at: Place): Tree {
    const value: unknown = node.value;
    if (typeof value !== 'string') {
      const plain = typeof value === 'number' || typeof value === 'boolean' ? value : null;
      return { kind: 'scalar', at, value: plain, text: undefined, substituted: false, place: () => at };
    }
    const written = this.#offsets(node, value);
    const { text, only, mistakes } = substitute(value, this.#environment, (path) => {
      const file = resolve(dirname(this.#source.file), path);
      this.#onFile?.(file);
      return readText(file);
    });
    for (const { offset, message, hint } of mistakes) this.#problems.error(written(offset), message, hint);
    if (mistakes.length > 0) return { kind: 'broken', at };
    const plain = only && node.type === 'PLAIN' ? coreValue(this.#parsed.document, text) : undefined;
    return {
      kind: 'scalar',
      at,
      value: plain ?? text,
      text: plain === undefined ? undefined : text,
      substituted: value.includes('${'),
      place: text === value ? written : () => at,
    };
  }

  /** Where the characters of a scalar stand: exact for plain and quoted text on one line and without escapes. */
  #offsets(node: Scalar.Parsed, value: string): (offset: number) => Place {
    const [start, end] = node.range;
    const quote = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE' ? 1 : 0;
    const exact = this.#parsed.text.slice(start + quote, end - quote) === value;
    return (offset) => this.#place(exact ? start + quote + offset : start);
  }

  #place(at: number): Place {
    return this.#source.place(this.#parsed.offset(at));
  }
}

/** The number or boolean that YAML's core schema sees in a plain scalar of this text, or undefined for text. */
function coreValue(document: Document.Parsed, text: string): number | boolean | undefined {
  for (const tag of document.schema.tags) {
    if (tag.collection !== undefined || tag.default !== true || !tag.test?.test(text)) continue;
    const resolved: unknown = tag.resolve(text, () => {}, document.options);
    const value: unknown = isScalar(resolved) ? resolved.value : resolved;
    return typeof value === 'number' || typeof value === 'boolean' ? value : undefined;
  }
  return undefined;
}

/** The data without its places; objects without prototype, so that no key has a meaning. */
export function toData(tree: Tree): unknown {
  if (tree.kind === 'scalar') return tree.value;
  if (tree.kind === 'broken') return undefined;
  if (tree.kind === 'list') return tree.items.map(toData);
  const object = Object.create(null) as Record<string, unknown>;
  for (const [key, { node }] of tree.entries) object[key] = toData(node);
  return object;
}

/** What stands below a key; undefined where it does not, or where this is no map. */
export const child = (node: Tree | undefined, key: string): Tree | undefined =>
  node?.kind === 'map' ? node.entries.get(key)?.node : undefined;

/** The entries of a list; none where this is no list. */
export const items = (node: Tree | undefined): readonly Tree[] => (node?.kind === 'list' ? node.items : []);

/** A scalar that holds text; the schema has complained of anything else. */
export const text = (node: Tree | undefined): ScalarNode | undefined =>
  node?.kind === 'scalar' && typeof node.value === 'string' && node.value !== '' ? node : undefined;
