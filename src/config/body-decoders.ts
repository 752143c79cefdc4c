import type { BodyDecoder, BodyDecoders } from '../filter/body.ts';
import { bodyReader, formatOf } from '../transform/index.ts';
import type { ReadRouteFile } from './check-routes.ts';
import { leavesOf } from './leaves.ts';
import { child, items, type Tree } from './tree.ts';

/**
 * What conditions read bodies with that are neither JSON nor text; loaded where a condition looks into bodies.
 * @returns undefined where none does
 */
export async function decodersFor(files: readonly ReadRouteFile[]): Promise<BodyDecoders | undefined> {
  if (!files.some(({ tree }) => items(child(tree, 'routes')).some(looksIntoBodies))) return undefined;
  const [cbor, msgpack] = await Promise.all([bodyReader('cbor'), bodyReader('msgpack')]);
  const readers = new Map<string, BodyDecoder>([
    ['cbor', cbor],
    ['msgpack', msgpack],
  ]);
  return (type) => readers.get(formatOf(type) ?? '');
}

function looksIntoBodies(route: Tree): boolean {
  const conditions = leavesOf(route).flatMap(({ node, branch }) => [
    child(node, 'when'),
    ...branch.map(({ when }) => when),
  ]);
  return [child(route, 'when'), ...conditions].some((when) => child(when, 'cel') !== undefined);
}
