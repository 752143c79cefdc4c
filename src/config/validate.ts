import { z } from 'zod';
import type { Place, Problems } from './problems.ts';
import { toData, type ScalarNode, type Tree } from './tree.ts';
import { hintOf, nearest, quoted } from './words.ts';

type Issue = z.core.$ZodIssue;

/**
 * Checks a part of a file against a schema and reports each mistake at its place in plain words.
 * Returns the schema's output, or undefined where a mistake was found.
 */
export function validate<Schema extends z.ZodType>(
  schema: Schema,
  tree: Tree,
  problems: Problems,
): z.output<Schema> | undefined {
  const allowed = new Map<readonly string[], readonly string[]>();
  const error = (issue: z.core.$ZodRawIssue): undefined => {
    if (issue.code === 'unrecognized_keys') allowed.set(issue.keys, keysOf(issue.inst));
  };
  for (;;) {
    const result = schema.safeParse(toData(tree), { error });
    if (result.success) return result.data;
    const issues = result.error.issues.flatMap((issue) => likeliest(issue, allowed));
    if (!issues.map((issue) => retype(tree, issue)).includes(true)) {
      report(tree, issues, allowed, problems);
      return undefined;
    }
  }
}

/** A variable that looks like a number is text where text is wanted: PASSWORD=0815. */
function retype(tree: Tree, issue: Issue): boolean {
  const { node } = locate(tree, issue.path);
  if (issue.code !== 'invalid_type' || issue.expected !== 'string') return false;
  if (node?.kind !== 'scalar' || node.text === undefined || node.value === node.text) return false;
  node.value = node.text;
  return true;
}

function report(
  tree: Tree,
  issues: readonly Issue[],
  allowed: ReadonlyMap<readonly string[], readonly string[]>,
  problems: Problems,
): void {
  // `adress` is one mistake, not an unknown key and a missing one.
  const misspelt = new Set<string>();
  for (const issue of issues) {
    if (issue.code !== 'unrecognized_keys') continue;
    const { node, inner } = locate(tree, issue.path);
    const entries = node?.kind === 'map' ? node.entries : undefined;
    const keys = allowed.get(issue.keys) ?? [];
    for (const key of issue.keys) {
      const meant = unknownKey(
        key,
        entries?.get(key)?.key ?? inner.at,
        keys,
        (name) => entries?.has(name),
        problems,
      );
      if (meant !== undefined) misspelt.add(JSON.stringify([...issue.path, meant]));
    }
  }
  for (const issue of issues) {
    if (issue.code === 'unrecognized_keys' || misspelt.has(JSON.stringify(issue.path))) continue;
    const { node, key, inner } = locate(tree, issue.path);
    if (node?.kind === 'broken' || inner.kind === 'broken') continue;
    if (issue.code === 'invalid_key')
      problems.error(key ?? inner.at, issue.issues[0]?.message ?? issue.message);
    else if (node === undefined && issue.code !== 'custom') reportMissing(issue, inner.at, problems);
    else problems.error(node?.at ?? inner.at, describe(issue, node), hintFor(issue, node));
  }
}

/** Reports an unknown key and returns the one that was probably meant. */
function unknownKey(
  key: string,
  at: Place,
  allowed: readonly string[],
  written: (name: string) => boolean | undefined,
  problems: Problems,
): string | undefined {
  const meant = nearest(
    key,
    allowed.filter((name) => !written(name)),
  );
  problems.error(at, `unknown key ${quoted(key)}`, hintOf(meant, allowed, 'allowed here'));
  return meant;
}

const reportMissing = (issue: Issue, at: Place, problems: Problems): void => {
  const name = String(issue.path.at(-1));
  problems.error(at, `the key ${quoted(name)} is missing`, `add "${name}: …" here`);
};

interface Located {
  /** The node at the path, or undefined where it is not written. */
  readonly node: Tree | undefined;
  /** The place of the path's last key. */
  readonly key: Place | undefined;
  /** The innermost node on the way that is written. */
  readonly inner: Tree;
}

function locate(tree: Tree, path: readonly PropertyKey[]): Located {
  let inner = tree;
  let key: Place | undefined;
  for (const step of path) {
    const entry = inner.kind === 'map' ? inner.entries.get(String(step)) : undefined;
    const next = entry?.node ?? (inner.kind === 'list' ? inner.items[Number(step)] : undefined);
    if (next === undefined) return { node: undefined, key, inner };
    key = entry?.key;
    inner = next;
  }
  return { node: inner, key, inner };
}

/**
 * Of a union's complaints, those about the form that was most likely meant: the one whose kind fits, or fits furthest.
 * Where no form has the right kind, the union's own complaint.
 */
function likeliest(issue: Issue, allowed: Map<readonly string[], readonly string[]>): Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const depth = (form: readonly Issue[]): number => Math.max(...form.map(({ path }) => path.length));
  const [fitting, ...others] = issue.errors
    .filter((form) => !form.some(({ code, path }) => path.length === 0 && /^invalid_(type|value)$/.test(code)))
    .toSorted((a, b) => depth(b) - depth(a) || a.length - b.length);
  if (fitting === undefined || fitting.length === 0) return [issue];
  const unknown = unknownInAll([fitting, ...others], allowed);
  if (unknown) return [{ ...unknown, path: issue.path }];
  return fitting.flatMap((inner) => likeliest({ ...inner, path: [...issue.path, ...inner.path] }, allowed));
}

/** Keys that are unknown in each of several forms of which no key is there: then nobody knows which form was meant. */
function unknownInAll(
  forms: readonly (readonly Issue[])[],
  allowed: Map<readonly string[], readonly string[]>,
): Issue | undefined {
  const unknown = forms.flatMap((form) => form.filter(({ code, path }) => code === 'unrecognized_keys' && path.length === 0));
  const [first, ...more] = unknown as Extract<Issue, { code: 'unrecognized_keys' }>[];
  if (first === undefined || more.length === 0 || unknown.length < forms.length) return undefined;
  if (more.some(({ keys }) => keys.join() !== first.keys.join())) return undefined;
  const keys = [...first.keys];
  allowed.set(keys, [...new Set([first, ...more].flatMap((each) => allowed.get(each.keys) ?? []))]);
  return { ...first, keys };
}

const kinds: ReadonlyMap<string, string> = new Map([
  ['string', 'text'],
  ['number', 'a number'],
  ['int', 'a whole number'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['object', 'a map'],
  ['record', 'a map'],
  ['null', 'nothing'],
]);

const kindOf = (node: Tree | undefined): string => {
  if (node?.kind === 'map') return 'a map';
  if (node?.kind === 'list') return 'a list';
  if (node?.kind !== 'scalar' || node.value === null) return 'nothing';
  if (typeof node.value === 'boolean') return String(node.value);
  return typeof node.value === 'number' ? 'a number' : 'text';
};

/** What is wrong, in plain words. */
function describe(issue: Issue, node: Tree | undefined): string {
  const got = kindOf(node);
  switch (issue.code) {
    case 'invalid_type': {
      const number = valueOf(node);
      const expected = kinds.get(issue.expected) ?? issue.expected;
      return `expected ${expected}, got ${typeof number === 'number' ? number : got}`;
    }
    case 'invalid_value': {
      const values = issue.values.map(String);
      return `expected ${values.length === 1 ? values[0]! : `one of ${values.join(', ')}`}, got ${textOf(node) ?? got}`;
    }
    case 'invalid_union': {
      const words = wordsOf(issue);
      const types = issue.errors.flatMap(([first]) =>
        first?.code === 'invalid_type' ? [kinds.get(first.expected) ?? first.expected] : [],
      );
      const expected = [...new Set([...(words.length > 0 ? [words.join(', ')] : []), ...types])];
      return expected.length > 0
        ? `expected ${expected.join(' or ')}, got ${(words.length > 0 ? textOf(node) : undefined) ?? got}`
        : issue.message;
    }
    case 'too_small':
    case 'too_big':
      return `${describeBound(issue)}${textOf(node) === undefined ? '' : `, got ${String(valueOf(node))}`}`;
    default:
      return issue.message;
  }
}

/** The words that may stand where a union was expected. */
const wordsOf = ({ errors }: Extract<Issue, { code: 'invalid_union' }>): string[] =>
  errors.flatMap(([first]) => (first?.code === 'invalid_value' ? first.values.map(String) : []));

function describeBound(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  const small = issue.code === 'too_small';
  const bound = small ? issue.minimum : issue.maximum;
  const limit = `${small ? 'at least' : 'at most'} ${bound}`;
  if (issue.origin === 'array' || issue.origin === 'record')
    return `expected ${limit} ${bound === 1 ? 'entry' : 'entries'}`;
  if (issue.origin === 'string')
    return small && bound === 1 ? 'the text is empty' : `expected ${limit} characters`;
  return `expected ${issue.inclusive === false ? (small ? 'more than' : 'less than') + ` ${bound}` : limit}`;
}

/** How to mend it, where that is not plain from what is wrong. */
function hintFor(issue: Issue, node: Tree | undefined): string | undefined {
  const expected = issue.code === 'invalid_type' ? issue.expected : undefined;
  const truth = truths.get(String(valueOf(node)).toLowerCase());
  if (truth !== undefined && wantsTruth(issue)) return `write ${truth} instead of ${String(valueOf(node))}`;
  if ((issue.code === 'invalid_value' || issue.code === 'invalid_union') && node?.kind === 'scalar') {
    const words = issue.code === 'invalid_value' ? issue.values.map(String) : wordsOf(issue);
    const meant = nearest(String(node.value), words);
    if (meant !== undefined) return `did you mean "${meant}"?`;
  }
  // A message of the schema's own says how to write it.
  if ((issue.code === 'invalid_value' || issue.code === 'invalid_union') && !issue.message.startsWith('Invalid '))
    return issue.message;
  if (expected === 'string') {
    if (node?.kind === 'scalar' && node.value !== null) return `put it in quotes: "${node.value}"`;
    if (node?.kind === 'map' && node.flow) return 'put text that begins with { in quotes';
  }
  if (expected === 'array' && node !== undefined && !isNothing(node)) return 'write "- " before each entry';
  const looksRight =
    (expected === 'number' || expected === 'int') && typeof valueOf(node) === 'string'
      ? /^-?\d+(\.\d+)?$/.test(String(valueOf(node)))
      : expected === 'boolean' && /^(true|false)$/.test(String(valueOf(node)));
  return looksRight ? 'remove the quotes' : undefined;
}

/** What YAML 1.1 took for booleans, and is text in YAML 1.2. */
const truths: ReadonlyMap<string, boolean> = new Map([
  ...(['yes', 'on', 'y'] as const).map((word) => [word, true] as const),
  ...(['no', 'off', 'n'] as const).map((word) => [word, false] as const),
]);

const wantsTruth = (issue: Issue): boolean =>
  (issue.code === 'invalid_type' && issue.expected === 'boolean') ||
  (issue.code === 'invalid_value' && issue.values.some((value) => typeof value === 'boolean')) ||
  (issue.code === 'invalid_union' && issue.errors.some((form) => form.some((each) => each.path.length === 0 && wantsTruth(each))));

const valueOf = (node: Tree | undefined): ScalarNode['value'] | undefined =>
  node?.kind === 'scalar' ? node.value : undefined;
const isNothing = (node: Tree): boolean => valueOf(node) === null;
const textOf = (node: Tree | undefined): string | undefined => {
  const value = valueOf(node);
  return value === undefined || value === null ? undefined : quoted(String(value));
};

/** The keys of an object schema; none for any other. */
export function keysOf(schema: unknown): readonly string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
