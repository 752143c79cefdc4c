import { FilterSyntaxError } from '../core/condition.ts';
import type { BodyDecoders } from '../filter/body.ts';
import { compileCel } from '../filter/cel.ts';
import { bodyFormats, compileCondition } from '../filter/schema.ts';
import { namesIn } from '../filter/selector.ts';
import { When } from '../routing/route/compiled.ts';
import type { Leaf } from './leaves.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { child, text, type ScalarNode, type Tree } from './tree.ts';

const formats = Object.keys(bodyFormats) as (keyof typeof bodyFormats)[];

/**
 * A condition as it is written; reports what is wrong with its expression. Undefined where there is none, or a wrong one.
 * @param decoders of bodies that are neither JSON nor text
 */
export function checkWhen(
  node: Tree | undefined,
  problems: Problems,
  decoders: BodyDecoders | undefined,
  negated = false,
): When | undefined {
  const cel = text(child(node, 'cel'));
  const format = text(child(node, 'body'))?.value;
  const body = formats.find((each) => each === format); // the schema tells of any other
  const written = cel ?? text(child(node, 'selector')) ?? text(node);
  if (!written) return undefined;
  const condition = located(
    written,
    (expression) => compileCondition(cel ? { cel: expression, body } : expression, decoders),
    problems,
  );
  if (condition && !cel) checkNames(written, problems);
  return condition && new When(condition, negated);
}

/** Warns of names by which a selector seems to look into the body, which it cannot. */
function checkNames(selector: ScalarNode, problems: Problems): void {
  const written = String(selector.value);
  for (const { name, offset } of namesIn(written)) {
    if (!name.startsWith('body.')) continue;
    problems.warning(
      selector.place(offset),
      `to a selector "${name}" is the name of a header`,
      `to look into the body write { cel: ${JSON.stringify(isCel(written) ? written : `${name} == …`)} }`,
    );
  }
}

/** Whether a selector is an expression in CEL as well, as comparisons often are. */
function isCel(text: string): boolean {
  try {
    compileCel(text);
    return true;
  } catch (error) {
    if (error instanceof FilterSyntaxError) return false;
    throw error;
  }
}

/** All conditions of a target: those of the branches that it is in, and its own. */
export function checkLeafWhen(
  { node, branch }: Leaf,
  problems: Problems,
  decoders: BodyDecoders | undefined,
): readonly When[] | undefined {
  const all = [
    ...branch.map(({ when, negated }) => checkWhen(when, problems, decoders, negated)),
    checkWhen(child(node, 'when'), problems, decoders),
  ].filter((when) => when !== undefined);
  return all.length === 0 ? undefined : all;
}
