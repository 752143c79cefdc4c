import type { ErrorCode, YAMLError } from 'yaml';

/** A mistake in a text, at an offset. */
export interface Finding {
  readonly at: number;
  readonly message: string;
  readonly hint?: string;
}

export const quoteIt = 'write "..." around the whole text';

/** Complaints about what is refused or reported elsewhere, and that leave the structure sound. */
const followUps: ReadonlySet<ErrorCode> = new Set([
  'TAB_AS_INDENT',
  'TAG_RESOLVE_FAILED',
  'BAD_COLLECTION_TYPE',
  'BAD_DIRECTIVE',
  'BAD_ALIAS',
  'ALIAS_PROPS',
  'BAD_PROP_ORDER',
  'MULTIPLE_ANCHORS',
  'MULTIPLE_TAGS',
]);

export const isFollowUp = ({ code }: YAMLError): boolean => followUps.has(code);

interface Explanation {
  readonly code: ErrorCode;
  /** Where the code alone does not tell: what the library's words hold. */
  readonly words?: RegExp;
  readonly message: string;
  readonly hint: string;
}

const align = {
  message: 'this line is not indented as its neighbours',
  hint: 'align it with the entries it belongs to',
};

const explanations: readonly Explanation[] = [
  { code: 'BAD_INDENT', ...align },
  { code: 'MISSING_CHAR', words: /^Sequence item without/, ...align },
  {
    code: 'BLOCK_AS_IMPLICIT_KEY',
    message: 'a second ": " on one line',
    hint: 'put text that holds ": " in quotes, or begin the inner map on a line of its own',
  },
  {
    code: 'MULTILINE_IMPLICIT_KEY',
    message: 'a key is expected here',
    hint: 'write "key: value", or "- " before an entry of a list',
  },
  { code: 'BAD_SCALAR_START', message: 'text cannot begin with this character without quotes', hint: quoteIt },
  {
    code: 'BAD_DQ_ESCAPE',
    message: 'an unknown escape in double quotes',
    hint: 'write \\\\ for a backslash, or use single quotes',
  },
  {
    code: 'UNEXPECTED_TOKEN',
    words: /^Unexpected block-seq-ind on same line/,
    message: 'a list cannot begin on the line of its key',
    hint: 'begin it on the next line, or write [a, b]',
  },
  {
    code: 'UNEXPECTED_TOKEN',
    words: /^Unexpected scalar at node end/,
    message: 'this follows a value that has already ended',
    hint: 'put text with special characters in quotes as a whole, or begin a new line',
  },
];

/**
 * What is wrong with the structure of a text, in plain words, or the library's own where there are none.
 * Only the first complaint is told: the others mostly follow from it.
 */
export function explain(errors: readonly YAMLError[], text: string): Finding {
  const [first] = errors as [YAMLError];
  const spread = errors.find(({ code, pos }) => code === 'MULTILINE_IMPLICIT_KEY' && pos[0] === first.pos[0]);
  if (first.code === 'BLOCK_AS_IMPLICIT_KEY' && spread) {
    // `a: 1` and, indented below it, `b: 2`: the library sees a key of two lines.
    const line = text.lastIndexOf('\n', spread.pos[1] - 1) + 1;
    const at = line + /^ */.exec(text.slice(line))![0].length;
    return { at, ...align };
  }
  const found = explanations.find(({ code, words }) => code === first.code && (words?.test(first.message) ?? true));
  const words = first.message.split('\n')[0]!;
  return {
    at: first.pos[0],
    message: found?.message ?? `not valid YAML: ${words[0]!.toLowerCase()}${words.slice(1)}`,
    ...(found && { hint: found.hint }),
  };
}
