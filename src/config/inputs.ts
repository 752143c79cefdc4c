import { statSync } from 'node:fs';
import { expandGlob } from './glob.ts';

/** What a configuration was made of, and whether any of it has changed since. */
export class Inputs {
  /** By path: what the file was when it was read. */
  readonly #files = new Map<string, string>();
  /** By pattern: the files that matched. */
  readonly #patterns = new Map<string, string>();

  /** To be called before the file is read, so that no change is missed. */
  addFile(path: string): void {
    if (!this.#files.has(path)) this.#files.set(path, stateOf(path));
  }

  addPattern(pattern: string, matches: readonly string[]): void {
    this.#patterns.set(pattern, matches.join('\n'));
  }

  /** What all of it is now: the same text for as long as nothing changes. */
  async now(): Promise<string> {
    const states: string[] = [];
    for (const path of this.#files.keys()) states.push(stateOf(path));
    for (const pattern of this.#patterns.keys()) states.push((await expandGlob(pattern)).join('\n'));
    return states.join('\0');
  }

  /** What all of it was when it was read. */
  get before(): string {
    return [...this.#files.values(), ...this.#patterns.values()].join('\0');
  }
}

/** What tells a file from a later one of its name, through links; the inode tells one that was put in its place. */
function stateOf(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (!found) return 'missing';
  const { dev, ino, size, mtimeNs, ctimeNs } = found;
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
