import { dirname, resolve } from 'node:path';
import type { ReadRouteFile } from '../check-routes.ts';
import { isGlob, matchesGlob } from '../glob.ts';
import type { Place, Problems } from '../problems.ts';
import { child, items, text, type Tree } from '../tree.ts';
import { quoted } from '../words.ts';
import { isNamed } from './names.ts';
import { listOf, type PolicyRule } from './schema.ts';

/** A folder that a policy gives to owners. */
export interface Folder {
  /** As written. */
  readonly text: string;
  /** Absolute. */
  readonly pattern: string;
  /** Patterns of names. */
  readonly owners: string[];
  readonly at: Place;
}

/**
 * Reports route files that do not name the owner of the folder they are in, and owners that are named outside of
 * their folders: who may change one folder cannot speak for another.
 * @returns the files in which an owner is missing
 */
export function checkFolders(
  folders: readonly Folder[],
  files: readonly ReadRouteFile[],
  problems: Problems,
): Set<string> {
  const missing = new Set<string>();
  for (const { tree } of files) {
    const { file } = tree.at;
    for (const { owner, at } of claimsOf(tree)) {
      if (owner === undefined && missing.has(file)) continue;
      if (!checkClaim(owner, at, file, folders, problems) && owner === undefined) missing.add(file);
    }
  }
  return missing;
}

/** Warns of folders without route files: the path may be wrong, and then the folder is nobody's. */
export function checkEmpty(
  folders: readonly Folder[],
  files: readonly ReadRouteFile[],
  problems: Problems,
): void {
  for (const folder of folders)
    if (!files.some(({ tree }) => isIn(tree.at.file, folder)))
      problems.warning(
        folder.at,
        `no route file is in ${quoted(folder.text)}`,
        'folders are relative to this file, as those in "routes" are',
      );
}

interface Claim {
  readonly owner: string | undefined;
  readonly at: Place;
}

/** Who the routes of a file say that they belong to: the file, or else each of them. */
function claimsOf(tree: Tree): Claim[] {
  const owner = text(child(tree, 'owner'));
  if (owner !== undefined) return [{ owner: String(owner.value), at: owner.at }];
  return items(child(tree, 'routes')).map((route) => {
    const own = text(child(route, 'owner'));
    return { owner: own && String(own.value), at: (own ?? route).at };
  });
}

/** @returns whether the claim is right where none was made */
function checkClaim(
  owner: string | undefined,
  at: Place,
  file: string,
  folders: readonly Folder[],
  problems: Problems,
): boolean {
  for (const folder of folders) {
    if (!isIn(file, folder) || (owner !== undefined && isNamed(owner, folder.owners))) continue;
    const theirs = folder.owners.map(quoted).join(' or ');
    problems.error(
      at,
      owner === undefined
        ? `routes in ${quoted(folder.text)} must say that they belong to ${theirs}`
        : `routes in ${quoted(folder.text)} belong to ${theirs}, not to ${quoted(owner)}`,
      owner === undefined ? `begin the file with "owner: ${folder.owners[0]}"` : 'move the file to the folder of its owner',
    );
    return false;
  }
  if (owner === undefined) return true;
  const own = folders.filter(({ owners }) => isNamed(owner, owners));
  if (own.length > 0 && !own.some((folder) => isIn(file, folder)))
    problems.error(
      at,
      `routes of ${quoted(owner)} belong in ${own.map((folder) => quoted(folder.text)).join(' or ')}`,
      'move the file there, or name the owner of the folder it is in',
    );
  return true;
}

/**
 * Each folder once, with all who are named for it.
 * @param written the rules as they stand in the file, for their places
 */
export function foldersOf(rules: readonly PolicyRule[], written: Tree | undefined, file: string): Folder[] {
  const folders = new Map<string, Folder>();
  rules.forEach((rule, index) => {
    for (const folder of listOf(rule.folder)) {
      const pattern = withAllBelow(resolve(dirname(file), folder));
      const node = child(items(written)[index], 'folder');
      const known = folders.get(pattern) ?? {
        text: folder,
        pattern,
        owners: [],
        at: node?.at ?? { file, line: 1, column: 1 },
      };
      known.owners.push(...listOf(rule.owner).filter((owner) => !known.owners.includes(owner)));
      folders.set(pattern, known);
    }
  });
  return [...folders.values()];
}

/** A folder without wildcards at its end means all that is below it. */
function withAllBelow(pattern: string): string {
  const last = pattern.slice(pattern.lastIndexOf('/') + 1);
  return isGlob(last) || /\.ya?ml$/.test(last) ? pattern : `${pattern}/**`;
}

const isIn = (file: string, { pattern }: Folder): boolean => matchesGlob(resolve(file), pattern);
