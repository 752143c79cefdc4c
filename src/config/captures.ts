import { capturesIn } from '../transform/index.ts';
import type { Problems } from './problems.ts';
import type { ScalarNode } from './tree.ts';
import { hintOf, nearest } from './words.ts';

/** The names in braces of `from.address`, whether or not all else about the address is right. */
export const namesIn = (address: ScalarNode): string[] =>
  [...String(address.value).matchAll(/\{([A-Za-z_][A-Za-z0-9_-]*)(?:\.\.\.|!raw)?\}/g)].map((found) => found[1]!);

/** Reports each `$captures.name` of a JSONata expression that can be read where the route's address has no such capture. */
export async function checkCaptures(
  jsonata: ScalarNode,
  address: ScalarNode,
  problems: Problems,
): Promise<void> {
  const bound = namesIn(address);
  for (const { name, offset } of await capturesIn(String(jsonata.value)))
    if (!bound.includes(name))
      problems.error(
        jsonata.place(offset),
        `$captures.${name} is not bound by from.address`,
        hintOf(nearest(name, bound), bound, 'it binds'),
      );
}
