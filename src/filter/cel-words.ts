/** The library's errors in words for people who write routes. */

/** What has another sign in CEL than in a selector or elsewhere. */
const signs: ReadonlyMap<string, string> = new Map([
  ['=', 'CEL compares with "=="; "=" is the selector syntax'],
  ['<>', 'CEL writes "!=" for "<>", which is the selector syntax'],
  ['and', 'CEL writes "&&" for AND'],
  ['or', 'CEL writes "||" for OR'],
  ['not', 'CEL writes "!" for NOT'],
  ['&', 'CEL writes "&&"'],
  ['|', 'CEL writes "||"'],
]);

/** Signs that the library names by a word. */
const expected: ReadonlyMap<string, string> = new Map([
  ['RPAREN', ')'],
  ['RBRACKET', ']'],
  ['RBRACE', '}'],
  ['LPAREN', '('],
  ['COLON', ':'],
  ['COMMA', ','],
]);

/**
 * What is wrong with the syntax of an expression.
 * @param said by the library
 */
export function syntaxWords(said: string, text: string, offset: number): string {
  const wanted = /^Expected (\w+), got/.exec(said)?.[1];
  if (wanted === undefined && !said.startsWith('Unexpected ')) return said;
  const there = /^(?:\w+|\S)/u.exec(text.slice(offset))?.[0];
  const written =
    text.slice(offset - 1, offset + 1) === '<>'
      ? '<>'
      : /\bnot\s+$/i.test(text.slice(0, offset))
        ? 'not'
        : there?.toLowerCase();
  const doubled = /^(?:&&|\|\|)/.test(text.slice(offset));
  const sign = written === undefined || doubled ? undefined : signs.get(written);
  if (sign !== undefined) return sign;
  const missing = wanted === undefined ? undefined : expected.get(wanted);
  if (missing !== undefined) return `"${missing}" is missing here`;
  return there === undefined ? 'the expression ends too early' : `"${there}" is not expected here`;
}

const typeWords: ReadonlyMap<string, string> = new Map([
  ['string', 'a text'],
  ['int', 'a whole number'],
  ['uint', 'a whole number'],
  ['double', 'a number'],
  ['bool', 'a boolean'],
  ['null', 'null'],
  ['bytes', 'bytes'],
  ['list', 'a list'],
  ['map', 'a map'],
  ['google.protobuf.Timestamp', 'a moment'],
  ['google.protobuf.Duration', 'a duration'],
]);

/** A part of an expression, as the library has it. */
interface Part {
  readonly start?: unknown;
  readonly end?: unknown;
}

/**
 * What is wrong with the types of the values of an operator: `body.value is a text, compared with a whole number: …`
 * @param said by the library
 * @param args the operator's two sides, where they are known
 */
export function operatorWords(said: string, text: string, args: unknown): string {
  const found = /^no such overload: (.+) ([<>=!+*/%-]+|in) (.+)$/.exec(said);
  if (!found || !Array.isArray(args)) return said;
  const [left, right] = args as Part[];
  const [one, two] = [sideOf(left, found[1]!, text), sideOf(right, found[3]!, text)];
  if (!one || !two) return said;
  const [known, other] = one.literal ? [two, one] : [one, two];
  const verb = /^[<>=!]/.test(found[2]!) ? 'compared' : `used by "${found[2]}"`;
  const mend =
    !known.literal && known.type === 'string' && numbers.has(other.type)
      ? `: write double(${known.text})`
      : known.type === 'null'
        ? `: ask first, ${known.text} != null && …`
        : '';
  return `${known.text} is ${known.word}, ${verb} with ${other.word}${mend}`;
}

const numbers: ReadonlySet<string> = new Set(['int', 'uint', 'double']);

function sideOf(part: Part | undefined, named: string, text: string) {
  if (typeof part?.start !== 'number' || typeof part.end !== 'number') return undefined;
  const type = (/^dyn<(.*)>$/.exec(named)?.[1] ?? named).replace(/<.*$/, '');
  const word = typeWords.get(type);
  if (word === undefined) return undefined;
  const written = text.slice(part.start, part.end);
  return { text: written, type, word, literal: !/^[\p{L}_]/u.test(written) };
}
