import { readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { Place } from './problems.ts';

/** Larger files are refused before they are read. */
export const maxFileBytes = 1024 * 1024;

/** The text of one file, and where its lines begin. */
export class Source {
  readonly file: string;
  readonly text: string;
  readonly #lines: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    const lines = [0];
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
    this.#lines = lines;
  }

  /** The place of an offset in `text`. */
  place(offset: number): Place {
    let low = 0;
    let high = this.#lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lines[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: offset - this.#lines[low]! + 1 };
  }
}

/** Reads a secret or certificate that a configuration puts in by `${file:path}`: at most 1 MiB of UTF-8. Never throws. */
export function readText(file: string): { readonly text: string } | { readonly reason: string } {
  try {
    if (statSync(file).size > maxFileBytes) return { reason: `it is larger than ${maxFileBytes / 1024} KiB` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)) };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return { reason: code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? 'it is not UTF-8' : (reasons.get(code) ?? code) };
  }
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'permission is denied'],
  ['EISDIR', 'it is a folder'],
]);

/** A file that cannot be used, and why, in plain words. */
export interface Unreadable {
  readonly reason: string;
  readonly hint?: string;
  readonly line: number;
  readonly column: number;
  /** Whether the mistake is where the file is named, rather than in it. */
  readonly named: boolean;
}

/** Reads a file of at most 1 MiB of UTF-8; a byte order mark is dropped. Never throws. */
export async function readSource(file: string): Promise<Source | Unreadable> {
  let bytes: Buffer;
  try {
    const handle = await open(file, 'r');
    try {
      // One byte more than allowed tells a file that is too large, even where it is a pipe.
      const chunks: Buffer[] = [];
      for await (const chunk of handle.createReadStream({ end: maxFileBytes, autoClose: false }))
        chunks.push(chunk as Buffer);
      bytes = Buffer.concat(chunks);
    } finally {
      await handle.close();
    }
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return {
      reason: `the file cannot be read: ${reasons.get(code) ?? code}`,
      line: 1,
      column: 1,
      named: true,
    };
  }
  if (bytes.length > maxFileBytes)
    return {
      reason: `the file is larger than ${maxFileBytes / 1024} KiB`,
      hint: 'split it into several files',
      line: 1,
      column: 1,
      named: false,
    };
  try {
    return new Source(file, new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    const before = validPrefix(bytes);
    const { line, column } = new Source(file, before).place(before.length);
    return {
      reason: 'the file is not UTF-8',
      hint: 'save it with the encoding UTF-8',
      line,
      column,
      named: false,
    };
  }
}

/** The text before the first byte that is not UTF-8. */
function validPrefix(bytes: Buffer): string {
  // In stream mode an incomplete sequence at the end is no error, so that the longest good prefix can be bisected.
  const good = (length: number): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  let low = 0;
  let high = bytes.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (good(middle)) low = middle;
    else high = middle - 1;
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(0, low), { stream: true });
}
