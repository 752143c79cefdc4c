import { FilterSyntaxError } from '../../core/condition.ts';
import { sortOf, type Comparison, type Node, type Sort, type Step } from './tree.ts';
import { Tokens } from './tokens.ts';

/** How deep parentheses, NOT and signs may be nested. */
const deepest = 64;

const comparisons: readonly string[] = ['=', '<>', '<', '<=', '>', '>='] satisfies Comparison[];

/**
 * Reads a selector: the conditional expressions of JMS 2.0 §3.8.1.1, weakest first OR, AND, NOT, comparisons, + and -,
 * * and /, signs.
 * @param start where it begins within the text
 * @param hyphenated whether plain names may hold hyphens
 * @throws FilterSyntaxError
 */
export function parseSelector(text: string, start: number, hyphenated: boolean): Node {
  const parser = new Parser(new Tokens(text, start, hyphenated));
  return parser.whole();
}

class Parser {
  readonly #tokens: Tokens;
  #depth = 0;

  constructor(tokens: Tokens) {
    this.#tokens = tokens;
  }

  whole(): Node {
    const node = condition(this.#or());
    if (this.#tokens.next.kind !== 'end') this.#tokens.wrong('AND, OR or the end');
    return node;
  }

  #or(): Node {
    return this.#chain('or', 'OR', () => this.#chain('and', 'AND', () => this.#not()));
  }

  #chain(kind: 'and' | 'or', word: 'AND' | 'OR', part: () => Node): Node {
    const first = part();
    if (!this.#tokens.skip(word)) return first;
    const operands = [condition(first)];
    do operands.push(condition(part()));
    while (this.#tokens.skip(word));
    return { kind, operands, offset: first.offset };
  }

  #not(): Node {
    const { offset } = this.#tokens.next;
    if (!this.#tokens.skip('NOT')) return this.#comparison();
    return this.#nested(offset, () => ({ kind: 'not', operand: condition(this.#not()), offset }));
  }

  #comparison(): Node {
    const left = this.#sum();
    const tokens = this.#tokens;
    const { next } = tokens;
    const { offset } = left;
    if (next.kind === 'sign' && comparisons.includes(next.text)) {
      tokens.take();
      return compare(next.text as Comparison, left, this.#sum(), next.offset);
    }
    if (tokens.skip('IS')) {
      const not = tokens.skip('NOT');
      if (!tokens.skip('NULL')) tokens.wrong(not ? 'NULL' : 'NULL or NOT NULL');
      return { kind: 'null', not, value: name(left, 'IS NULL'), offset };
    }
    const not = tokens.skip('NOT');
    if (tokens.skip('BETWEEN')) return this.#between(left, not);
    if (tokens.skip('IN')) return this.#in(left, not);
    if (tokens.skip('LIKE')) return this.#like(left, not);
    if (not) tokens.wrong('BETWEEN, IN or LIKE');
    return left;
  }

  #between(left: Node, not: boolean): Node {
    const value = number(left);
    const low = number(this.#sum());
    if (!this.#tokens.skip('AND')) this.#tokens.wrong('AND between the two bounds of BETWEEN');
    return { kind: 'between', not, value, low, high: number(this.#sum()), offset: left.offset };
  }

  #in(left: Node, not: boolean): Node {
    const value = name(left, 'IN');
    const tokens = this.#tokens;
    if (!tokens.skip('(')) tokens.wrong('"(" and the list of values');
    const list: Node[] = [];
    do {
      const item = this.#sign();
      if (item.kind !== 'literal')
        throw new FilterSyntaxError('IN takes strings and numbers only', item.offset);
      list.push(item);
    } while (tokens.skip(','));
    if (!tokens.skip(')')) tokens.wrong('"," or ")"');
    return { kind: 'in', not, value, list, offset: left.offset };
  }

  #like(left: Node, not: boolean): Node {
    const value = name(left, 'LIKE');
    const pattern = this.#string('a pattern in single quotes');
    let escape: string | undefined;
    if (this.#tokens.skip('ESCAPE')) {
      const { offset } = this.#tokens.next;
      escape = this.#string('one character in single quotes').text;
      if ([...escape].length !== 1) throw new FilterSyntaxError('ESCAPE takes one character', offset);
      checkEscapes(pattern.text, escape, pattern.offset);
    }
    return { kind: 'like', not, value, pattern: pattern.text, escape, offset: left.offset };
  }

  #string(what: string): { text: string; offset: number } {
    const { next } = this.#tokens;
    if (next.kind !== 'string') return this.#tokens.wrong(what);
    this.#tokens.take();
    return next;
  }

  #sum(): Node {
    return this.#steps('sum', ['+', '-'], () => this.#steps('product', ['*', '/'], () => this.#sign()));
  }

  #steps(kind: 'sum' | 'product', ops: readonly Step['op'][], part: () => Node): Node {
    const first = part();
    const rest: Step[] = [];
    for (;;) {
      const op = ops.find((each) => this.#tokens.skip(each));
      if (op === undefined) break;
      if (rest.length === 0) number(first);
      rest.push({ op, operand: number(part()) });
    }
    return rest.length === 0 ? first : { kind, first, rest, offset: first.offset };
  }

  #sign(): Node {
    const { offset } = this.#tokens.next;
    if (this.#tokens.skip('+')) return this.#nested(offset, () => number(this.#sign()));
    if (!this.#tokens.skip('-')) return this.#primary();
    return this.#nested(offset, () => {
      const operand = number(this.#sign());
      if (operand.kind !== 'literal') return { kind: 'negative', operand, offset };
      const value = -(operand.value as number);
      if (typeof value === 'bigint' && value < leastExact)
        throw new FilterSyntaxError(
          `${String(value)} is below ${leastExact}, the smallest exact number`,
          offset,
        );
      return { kind: 'literal', value, offset };
    });
  }

  #primary(): Node {
    const tokens = this.#tokens;
    const { next } = tokens;
    const { offset } = next;
    switch (next.kind) {
      case 'name':
        tokens.take();
        return { kind: 'name', name: next.text, offset };
      case 'string':
        tokens.take();
        return { kind: 'literal', value: next.text, offset };
      case 'exact':
      case 'approximate':
        tokens.take();
        return { kind: 'literal', value: next.value, offset };
      case 'word':
        if (tokens.skip('TRUE')) return { kind: 'literal', value: true, offset };
        if (tokens.skip('FALSE')) return { kind: 'literal', value: false, offset };
        if (next.text === 'NULL')
          throw new FilterSyntaxError('nothing compares with NULL: write IS NULL or IS NOT NULL', offset);
        break;
      case 'sign':
        if (tokens.skip('('))
          return this.#nested(offset, () => {
            const node = this.#or();
            if (!tokens.skip(')')) tokens.wrong('")"');
            return node;
          });
        break;
      case 'end':
    }
    return tokens.wrong('a name, a string, a number or "("');
  }

  #nested(offset: number, read: () => Node): Node {
    if (++this.#depth > deepest)
      throw new FilterSyntaxError(`parentheses, NOT and signs are nested more than ${deepest} deep`, offset);
    const node = read();
    this.#depth--;
    return node;
  }
}

/** The smallest of Java's long. */
const leastExact = -0x8000_0000_0000_0000n;

const described: Record<Exclude<Sort, 'any'>, string> = {
  string: 'a string',
  number: 'a number',
  boolean: 'a condition',
};

function of(sort: 'number' | 'boolean', node: Node): Node {
  const found = sortOf(node);
  if (found !== sort && found !== 'any')
    throw new FilterSyntaxError(`expected ${described[sort]}, found ${described[found]}`, node.offset);
  return node;
}

const condition = (node: Node): Node => of('boolean', node);
const number = (node: Node): Node => of('number', node);

function name(node: Node, operator: string): Node {
  if (node.kind !== 'name')
    throw new FilterSyntaxError(`what stands before ${operator} must be a name`, node.offset);
  return node;
}

/** Only like values can be compared; strings and booleans by = and <> alone. */
function compare(op: Comparison, left: Node, right: Node, offset: number): Node {
  const [one, other] = [sortOf(left), sortOf(right)];
  if (one !== 'any' && other !== 'any' && one !== other)
    throw new FilterSyntaxError(
      `${described[one]} cannot be compared with ${described[other]}`,
      right.offset,
    );
  const sort = one === 'any' ? other : one;
  if (op !== '=' && op !== '<>' && (sort === 'string' || sort === 'boolean'))
    throw new FilterSyntaxError(`${sort}s are compared by = and <> alone`, offset);
  return { kind: 'compare', op, left, right, offset: left.offset };
}

/** The escape character must stand before `%`, `_` or itself (SQL-92 §8.5). */
function checkEscapes(pattern: string, escape: string, offset: number): void {
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    if (chars[i] !== escape) continue;
    const next = chars[++i];
    if (next !== '%' && next !== '_' && next !== escape)
      throw new FilterSyntaxError(`${escape} escapes %, _ or itself alone`, offset);
  }
}
