import type { Envelope } from '../../core/envelope.ts';
import { likeTest } from './like.ts';
import { nameOf, type Value } from './names.ts';
import {
  asCondition,
  bounded,
  calculate,
  compareNumbers,
  compareValues,
  numberOf,
  operandOf,
} from './operators.ts';
import type { Comparison, Node } from './tree.ts';

/** Three-valued (SQL-92 §8.12): undefined is unknown. */
export type Test = (message: Envelope) => boolean | undefined;
type Read = (message: Envelope) => Value;

/** Makes one function of a condition; what can be decided once is decided here. */
export function compileTest(node: Node): Test {
  switch (node.kind) {
    case 'and':
    case 'or':
      return chain(node.kind === 'and', node.operands.map(compileTest));
    case 'not':
      return negated(compileTest(node.operand));
    case 'compare':
      return compare(node.op, node.left, node.right);
    case 'between':
      return between(node);
    case 'in':
      return not(
        node.not,
        isIn(
          read(node.value),
          node.list.map((item) => (item as { value: Value }).value),
        ),
      );
    case 'like':
      return not(node.not, like(read(node.value), likeTest(node.pattern, node.escape)));
    case 'null': {
      const value = read(node.value);
      return node.not ? (m) => value(m) !== undefined : (m) => value(m) === undefined;
    }
    default: {
      const value = read(node);
      return (m) => asCondition(value(m));
    }
  }
}

const negated =
  (test: Test): Test =>
  (m) => {
    const known = test(m);
    return known === undefined ? undefined : !known;
  };

const not = (isNot: boolean, test: Test): Test => (isNot ? negated(test) : test);

/** AND is decided by one false, OR by one true; without such one, an unknown makes it unknown. */
function chain(every: boolean, tests: readonly Test[]): Test {
  const [first, second] = tests;
  const decided = !every;
  if (tests.length === 2)
    return (m) => {
      const a = first!(m);
      if (a === decided) return decided;
      const b = second!(m);
      return b === decided ? decided : a === undefined ? undefined : b;
    };
  return (m) => {
    let result: boolean | undefined = every;
    for (const test of tests) {
      const known = test(m);
      if (known === decided) return decided;
      if (known === undefined) result = undefined;
    }
    return result;
  };
}

/** What a node is in a message, for comparisons: they are exact whatever numbers they compare. */
function read(node: Node): Read {
  switch (node.kind) {
    case 'literal': {
      const { value } = node;
      const light = lightest(value);
      return () => light;
    }
    case 'name':
      return nameOf(node.name).read;
    case 'negative':
    case 'sum':
    case 'product':
      return operand(node);
    default:
      return compileTest(node);
  }
}

/** A number rather than a bigint where both are the same: numbers compare faster. */
const lightest = (value: Value): Value =>
  typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;

type Operand = (message: Envelope) => number | bigint | undefined;

/** What a node is in a message, for arithmetic. */
function operand(node: Node): Operand {
  switch (node.kind) {
    case 'literal': {
      const value = operandOf(node.value);
      return () => value;
    }
    case 'negative': {
      const value = operand(node.operand);
      return (m) => {
        const number = value(m);
        return typeof number === 'bigint' ? bounded(-number) : number === undefined ? undefined : -number;
      };
    }
    case 'sum':
    case 'product': {
      const first = operand(node.first);
      const rest = node.rest.map((step) => ({ op: step.op, value: operand(step.operand) }));
      return (m) => {
        let result = first(m);
        for (const { op, value } of rest) {
          const next = value(m);
          if (result === undefined || next === undefined) return undefined;
          result = calculate(op, result, next);
        }
        return result;
      };
    }
    case 'name': {
      const name = nameOf(node.name);
      return (m) => operandOf(name.operand(m));
    }
    default:
      return () => undefined;
  }
}

function compare(op: Comparison, left: Node, right: Node): Test {
  if (left.kind === 'literal' && right.kind !== 'literal') return compare(mirrored[op], right, left);
  const a = read(left);
  if (right.kind !== 'literal') {
    const b = read(right);
    return (m) => compareValues(op, a(m), b(m));
  }
  const b = lightest(right.value);
  if (typeof b === 'string') return compareText(op === '=', a, b);
  if (typeof b === 'number') return compareNumber(op, a, b);
  return (m) => compareValues(op, a(m), b);
}

const mirrored: Record<Comparison, Comparison> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
};

/** With a string literal, which stands for itself alone. */
function compareText(equal: boolean, a: Read, text: string): Test {
  return (m) => {
    const value = a(m);
    if (typeof value === 'string') return (value === text) === equal;
    return value === undefined ? undefined : false;
  };
}

function compareNumber(op: Comparison, a: Read, b: number): Test {
  return (m) => {
    const value = a(m);
    switch (typeof value) {
      case 'number':
      case 'bigint':
        return compareNumbers(op, value, b);
      case 'string':
        return compareNumbers(op, numberOf(value), b);
      case 'undefined':
        return undefined;
      default:
        return false;
    }
  };
}

/** `a BETWEEN b AND c` is `a >= b AND a <= c`, and NOT BETWEEN is `a < b OR a > c` (JMS 2.0 §3.8.1.1). */
function between(node: Node & { kind: 'between' }): Test {
  const [value, low, high] = [read(node.value), read(node.low), read(node.high)];
  const [lower, upper] = node.not ? (['<', '>'] as const) : (['>=', '<='] as const);
  let number: Value;
  return chain(!node.not, [
    (m) => compareValues(lower, (number = value(m)), low(m)),
    (m) => compareValues(upper, number, high(m)),
  ]);
}

function isIn(a: Read, list: readonly Value[]): Test {
  const texts = new Set(list.filter((item) => typeof item === 'string'));
  const numbers = list.filter((item) => typeof item !== 'string').map(lightest);
  return (m) => {
    const value = a(m);
    if (value === undefined) return undefined;
    if (typeof value === 'string' && texts.has(value)) return true;
    return numbers.some((number) => compareValues('=', value, number));
  };
}

function like(a: Read, test: (text: string) => boolean): Test {
  return (m) => {
    const value = a(m);
    return value === undefined ? undefined : typeof value === 'string' && test(value);
  };
}
