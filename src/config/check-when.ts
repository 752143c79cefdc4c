import type { BodyDecoders } from '../filter/body.ts';
import { bodyFormats, compileCondition } from '../filter/schema.ts';
import { When } from '../routing/route/compiled.ts';
import type { Leaf } from './leaves.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { child, text, type Tree } from './tree.ts';

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
  return condition && new When(condition, negated);
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
