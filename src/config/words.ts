export { nearest } from '../core/nearest.ts';

/** How to mend a word that is none of `known`: `did you mean "x"? known endpoints: x, y`. */
export function hintOf(meant: string | undefined, known: readonly string[], label: string): string {
  const list = `${label}: ${known.length === 0 ? 'none' : listed(known)}`;
  return meant === undefined ? list : `did you mean "${meant}"? ${list[0]!.toUpperCase()}${list.slice(1)}`;
}

/** A comma-separated list, cut where it would be too long to read. */
function listed(words: readonly string[]): string {
  const shown = words.slice(0, 20).join(', ');
  return words.length > 20 ? `${shown} and ${words.length - 20} more` : shown;
}

/** A text from a file in quotes, cut to what fits a line. */
export const quoted = (text: string): string => `"${text.length > 60 ? `${text.slice(0, 57)}...` : text}"`;
