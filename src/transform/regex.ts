import { RE2JS } from 're2js';

const compiled = new WeakMap<RegExp, RE2JS>();

/**
 * The same expression for RE2, which needs time in proportion to the text: what V8 does to some texts takes minutes.
 * @throws Error for what RE2 does not have: looking ahead or behind, and references to groups
 */
export function linear(expression: RegExp): RE2JS {
  let found = compiled.get(expression);
  if (found === undefined) {
    const { source, ignoreCase, multiline, dotAll } = expression;
    const flags =
      (ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
      (multiline ? RE2JS.MULTILINE : 0) |
      (dotAll ? RE2JS.DOTALL : 0);
    compiled.set(expression, (found = RE2JS.compile(RE2JS.translateRegExp(source), flags)));
  }
  return found;
}

/** What JSONata uses of a RegExp with the flag `g`. */
export class LinearRegExp {
  readonly #expression: RE2JS;
  lastIndex = 0;

  constructor(expression: RegExp) {
    this.#expression = linear(expression);
  }

  exec(text: string): RegExpExecArray | null {
    if (this.lastIndex > text.length) return null;
    const matcher = this.#expression.matcher(text);
    if (!matcher.find(this.lastIndex)) return null;
    this.lastIndex = matcher.end();
    const groups = Array.from({ length: matcher.groupCount() + 1 }, (_, n) => matcher.group(n) ?? undefined);
    return Object.assign(groups, { index: matcher.start(), input: text }) as unknown as RegExpExecArray;
  }
}
