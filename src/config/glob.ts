import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, parse } from 'node:path';

/** Whether a path is a pattern: `*` and `?` within a name, `**` for any number of folders. */
export const isGlob = (path: string): boolean => /[*?]/.test(path);

/**
 * The files that match a pattern, sorted. Hidden names (`.x`) match only where they are written out, so that the
 * folders behind a mounted Kubernetes ConfigMap are not read twice; `**` does not follow links.
 */
export async function expandGlob(pattern: string): Promise<string[]> {
  const { root } = parse(pattern);
  const steps = pattern
    .slice(root.length)
    .split('/')
    .filter((step) => step !== '' && step !== '.');
  const found = await expand(root, steps);
  return [...new Set(found)].sort();
}

async function expand(base: string, steps: readonly string[]): Promise<string[]> {
  const [step, ...rest] = steps;
  if (step === undefined) return (await isFile(base)) ? [base] : [];
  if (!isGlob(step)) return expand(join(base, step), rest);
  const names = (await entries(base)).filter(({ name }) => !name.startsWith('.'));
  if (step === '**') {
    const here = rest.length === 0 ? ['*'] : rest;
    const deeper = names
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => expand(join(base, name), steps));
    return (await Promise.all([expand(base, here), ...deeper])).flat();
  }
  const matcher = nameMatcher(step);
  const below = names
    .filter(({ name }) => matcher.test(name))
    .map(({ name }) => expand(join(base, name), rest));
  return (await Promise.all(below)).flat();
}

/** What a folder holds; nothing where it is none or cannot be read. */
async function entries(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** `*` and `?` of one name as a regular expression; runs of `*` count as one. */
export function nameMatcher(step: string): RegExp {
  const source = step
    .replace(/\*+/g, '*')
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`, 'su');
}

/** Whether a path, which need not exist, is one that a pattern means; both absolute. */
export function matchesGlob(path: string, pattern: string): boolean {
  const names = path.split('/');
  const steps = pattern.split('/').filter((step, index) => step !== '' || index === 0);
  const matches = (name: number, step: number): boolean => {
    if (step === steps.length) return name === names.length;
    if (steps[step] === '**')
      return matches(name, step + 1) || (name < names.length && matches(name + 1, step));
    return name < names.length && nameMatcher(steps[step]!).test(names[name]!) && matches(name + 1, step + 1);
  };
  return matches(0, 0);
}
