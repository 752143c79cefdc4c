import { compileCondition } from '../filter/schema.ts';
import { When } from '../routing/route/compiled.ts';
import type { Leaf } from './leaves.ts';
import { located } from './located.ts';
import type { Problems } from './problems.ts';
import { child, text, type Tree } from './tree.ts';

/** A condition as it is written; reports what is wrong with its expression. Undefined where there is none, or a wrong one. */
export function checkWhen(node: Tree | undefined, problems: Problems, negated = false): When | undefined {
  const cel = text(child(node, 'cel'));
  const written = cel ?? text(child(node, 'selector')) ?? text(node);
  if (!written) return undefined;
  const condition = located(
    written,
    (expression) => compileCondition(cel ? { cel: expression } : expression),
    problems,
  );
  return condition && new When(condition, negated);
}

/** All conditions of a target: those of the branches that it is in, and its own. */
export function checkLeafWhen({ node, branch }: Leaf, problems: Problems): readonly When[] | undefined {
  const all = [
    ...branch.map(({ when, negated }) => checkWhen(when, problems, negated)),
    checkWhen(child(node, 'when'), problems),
  ].filter((when) => when !== undefined);
  return all.length === 0 ? undefined : all;
}
