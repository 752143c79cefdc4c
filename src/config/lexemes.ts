import { CST, Lexer, Parser } from 'yaml';
import { quoteIt, type Finding } from './yaml-errors.ts';

/** Collections inside collections. Deeper files are refused before anything recursive sees them. */
export const maxDepth = 64;

const refused: ReadonlyMap<string, string> = new Map([
  ['anchor', 'anchors (&name) are not used here'],
  ['alias', 'aliases (*name) are not used here'],
  ['tag', 'tags (!name) are not used here'],
  ['directive-line', 'directives (%NAME) are not used here'],
]);

/**
 * Fills `tokens` with the concrete syntax tree, whose builder does not recurse, and looks at the lexemes on the way:
 * they show some mistakes better than what the library complains of later.
 * Returns false where a mistake was found that breaks the structure.
 */
export function readLexemes(text: string, tokens: CST.Token[], found: Finding[]): boolean {
  const parser = new Parser();
  const brackets: { readonly at: number; readonly bracket: string }[] = [];
  let sound = true;
  const broken = (at: number, message: string, hint: string): void => {
    found.push({ at, message, hint });
    sound = false;
  };
  let before = '';
  let content = false;
  for (const lexeme of new Lexer().lex(text)) {
    const at = parser.offset;
    const type: string = content ? 'content' : (CST.tokenType(lexeme) ?? '');
    content = type === 'scalar';
    const words = refused.get(type);
    if (words !== undefined) found.push({ at, message: words, hint: 'write the value out where it is meant' });
    if (touches(before, type)) broken(at, 'text that holds { } must be in quotes here', quoteIt);
    if (type.endsWith('quoted-scalar') && (lexeme.length < 2 || !lexeme.endsWith(lexeme[0]!)))
      broken(at, `the text that begins with ${lexeme[0]} has no end`, `put ${lexeme[0]} at its end`);
    if (type === 'flow-map-start' || type === 'flow-seq-start') brackets.push({ at, bracket: lexeme });
    else if (type === 'flow-map-end' || type === 'flow-seq-end') brackets.pop();
    else if (type === 'flow-error-end') unclosed(brackets.splice(0), broken);
    if (!content) before = type;
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length > maxDepth && parser.stack.filter(CST.isCollection).length > maxDepth) {
      const hint = 'no setting needs that, remove what is superfluous';
      broken(at, `lists and maps are nested more than ${maxDepth} deep`, hint);
      tokens.length = 0;
      return false;
    }
  }
  for (const token of parser.end()) tokens.push(token);
  if (sound) unclosed(brackets, broken);
  return sound;
}

/** `a/{b}` and `{b}/c` without quotes: a brace that touches text begins or ended a map where none was meant. */
const touches = (before: string, type: string): boolean =>
  (before === 'content' && type === 'flow-map-start') || (before === 'flow-map-end' && type === 'scalar');

/** The innermost bracket is the one whose end is most likely forgotten. */
function unclosed(
  brackets: readonly { readonly at: number; readonly bracket: string }[],
  broken: (at: number, message: string, hint: string) => void,
): void {
  const last = brackets.at(-1);
  if (last === undefined) return;
  const end = last.bracket === '{' ? '}' : ']';
  broken(last.at, `this ${last.bracket} has no end`, `put ${end} where it ends`);
}
