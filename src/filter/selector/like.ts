import { JunctionError } from '../../core/errors.ts';

/** A piece between two `%`: texts, and `undefined` for each `_`. */
type Piece = readonly (string | undefined)[];

/** How many characters all LIKEs of one selector may look at: patterns and texts from outside must not hold up others. */
const mostSteps = 20_000_000;
/** Comparing texts in one go looks at so many characters in the time of one step. */
const atOnce = 16;

/** What is left of them; selectors are evaluated one after the other. */
let stepsLeft = mostSteps;

/** To be called before a selector is evaluated. */
export const renewSteps = (): void => void (stepsLeft = mostSteps);

function spend(steps: number): void {
  stepsLeft -= steps;
  if (stepsLeft < 0)
    throw new JunctionError('invalid-message', 'the LIKEs of the selector take too long for this message');
}

/**
 * Makes the test of a LIKE pattern: `%` stands for any characters, `_` for one, each of them itself behind the escape
 * character. Pieces between `%` are looked for from left to right, so that nothing is ever tried twice.
 * @returns a test that throws JunctionError `invalid-message` where all of them would take too long
 */
export function likeTest(pattern: string, escape: string | undefined): (text: string) => boolean {
  const pieces = piecesOf(pattern, escape);
  const first = pieces[0]!;
  if (pieces.length === 1) return (text) => forwards(first, text, 0) === text.length;
  const last = pieces.at(-1)!;
  const middle = pieces.slice(1, -1).filter((piece) => piece.length > 0);
  return (text) => {
    let at = forwards(first, text, 0);
    if (at < 0) return false;
    const end = backwards(last, text);
    if (end < at) return false;
    for (const piece of middle) {
      at = find(piece, text, at);
      if (at < 0 || at > end) return false;
    }
    return true;
  };
}

function piecesOf(pattern: string, escape: string | undefined): Piece[] {
  const pieces: (string | undefined)[][] = [[]];
  let escaped = false;
  for (const char of pattern) {
    const piece = pieces.at(-1)!;
    if (!escaped && char === escape) {
      escaped = true;
      continue;
    }
    if (!escaped && char === '%') pieces.push([]);
    else if (!escaped && char === '_') piece.push(undefined);
    else if (typeof piece.at(-1) === 'string') piece[piece.length - 1] += char;
    else piece.push(char);
    escaped = false;
  }
  return pieces;
}

/** Where the piece ends that begins at `at`; -1 where it is not there. */
function forwards(piece: Piece, text: string, at: number): number {
  for (const part of piece) {
    if (part === undefined) {
      if (at >= text.length) return -1;
      at += text.codePointAt(at)! > 0xffff ? 2 : 1;
    } else {
      if (!text.startsWith(part, at)) return -1;
      at += part.length;
    }
  }
  return at;
}

/** Where the piece begins that ends with the text; -1 where it does not. */
function backwards(piece: Piece, text: string): number {
  let at = text.length;
  for (let i = piece.length - 1; i >= 0; i--) {
    const part = piece[i];
    if (part === undefined) {
      if (at === 0) return -1;
      at -= at > 1 && text.codePointAt(at - 2)! > 0xffff ? 2 : 1;
    } else {
      if (!text.endsWith(part, at)) return -1;
      at -= part.length;
    }
  }
  return at;
}

/** Where the first occurrence of the piece from `at` on ends; -1 where there is none. */
function find(piece: Piece, text: string, at: number): number {
  const first = piece[0];
  if (piece.length === 1 && first !== undefined) {
    const found = text.indexOf(first, at);
    spend(((found < 0 ? text.length : found) - at) / atOnce);
    return found < 0 ? -1 : found + first.length;
  }
  const cost = piece.reduce((sum, part) => sum + (part?.length ?? 1), 0);
  while (at <= text.length) {
    spend(cost);
    if (first !== undefined) {
      const from = at;
      at = text.indexOf(first, at);
      spend(((at < 0 ? text.length : at) - from) / atOnce);
      if (at < 0) return -1;
    }
    const end = forwards(piece, text, at);
    if (end >= 0) return end;
    at += text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
  return -1;
}
