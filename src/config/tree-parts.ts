import { text, type ScalarNode, type Tree } from './tree.ts';

/** The texts of a key that holds one or a list of them. */
export const texts = (node: Tree | undefined): ScalarNode[] =>
  (node?.kind === 'list' ? node.items : [node]).flatMap((item) => text(item) ?? []);

/** The keys of a map, and what they hold. */
export const partsOf = (node: Tree | undefined): [key: string, node: Tree][] =>
  node?.kind === 'map' ? [...node.entries].map(([key, entry]) => [key, entry.node]) : [];
