import { Composer, type CST, type Document } from 'yaml';
import { readLexemes } from './lexemes.ts';
import type { Problems } from './problems.ts';
import type { Source } from './source.ts';
import { indentWithSpaces } from './tabs.ts';
import { explain, isFollowUp, type Finding } from './yaml-errors.ts';

/** A parsed file; `offset` brings a node's offset to that of `Source.text`. */
export interface Parsed {
  readonly document: Document.Parsed;
  readonly text: string;
  offset(at: number): number;
}

interface Attempt {
  readonly parsed: Parsed;
  /** Mistakes that stand whatever else is wrong. */
  readonly certain: readonly Finding[];
  /** The first mistake of structure, where nothing certain explains it. */
  readonly structure: Finding | undefined;
  readonly tabs: readonly number[];
  /** Whether the tree is not what was meant. */
  readonly broken: boolean;
}

/**
 * Parses the one YAML document of a file and reports what is not plain YAML: anchors, aliases, tags, directives, tabs.
 * Returns undefined where the structure is broken, so that nothing sensible can be said about the rest.
 */
export function parseYaml(source: Source, problems: Problems): Parsed | undefined {
  const report = (attempt: Attempt, finding: Finding): void =>
    problems.error(source.place(attempt.parsed.offset(finding.at)), finding.message, finding.hint);
  const asWritten = parseOnce(source.text, (at) => at);
  if (asWritten.tabs.length === 0) {
    for (const finding of asWritten.certain) report(asWritten, finding);
    if (asWritten.structure) report(asWritten, asWritten.structure);
    return asWritten.broken ? undefined : asWritten.parsed;
  }
  for (const at of asWritten.tabs)
    report(asWritten, {
      at,
      message: 'a tab is used as indentation',
      hint: 'indent with two spaces for each level',
    });
  // Tabs have no agreed width. The first one that makes sense of the file lets its other mistakes be told too.
  const mended = [4, 8, 2, 1]
    .map((width) => indentWithSpaces(source.text, width))
    .map((mended) => parseOnce(mended.text, (at) => mended.offset(at)))
    .find((attempt) => !attempt.broken && attempt.tabs.length === 0);
  const best = mended ?? asWritten;
  for (const finding of best.certain) report(best, finding);
  return mended?.parsed;
}

function parseOnce(text: string, offset: (at: number) => number): Attempt {
  const certain: Finding[] = [];
  const tokens: CST.Token[] = [];
  let broken = !readLexemes(text, tokens, certain);
  const explained = broken;
  // Duplicate keys are found by ourselves: the library compares each key with each.
  const composer = new Composer({ uniqueKeys: false, logLevel: 'silent' });
  const [document, second] = [...composer.compose(tokens, true, text.length)];
  if (second !== undefined)
    certain.push({
      at: second.range[0],
      message: 'the file holds more than one YAML document',
      hint: 'remove this "---" or write a file for each',
    });
  const structural = document!.errors.filter((error) => !isFollowUp(error));
  broken ||= structural.length > 0;
  return {
    parsed: { document: document as Document.Parsed, text, offset },
    certain,
    structure: explained || structural.length === 0 ? undefined : explain(structural, text),
    tabs: document!.errors.filter(({ code }) => code === 'TAB_AS_INDENT').map(({ pos }) => pos[0]),
    broken,
  };
}
