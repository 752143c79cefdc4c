import type { Comparison, Step } from './tree.ts';
import type { Value } from './names.ts';

const isNumber = (value: Value): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

const numberForm = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * The number that a text header stands for: protocols whose headers are text have no other. undefined where it is none.
 * Longer texts are none, so that none takes long.
 */
export function numberOf(text: string): number | bigint | undefined {
  if (text.length > 40 || !numberForm.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) || /[.eE]/.test(text) ? number : BigInt(text);
}

const booleanOf = (text: string): boolean | undefined => {
  if (text.length > 5) return undefined;
  const word = text.toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : undefined;
};

/** What a value is as a condition; what is no boolean is unknown. */
export function asCondition(value: Value): boolean | undefined {
  return typeof value === 'string' ? booleanOf(value) : typeof value === 'boolean' ? value : undefined;
}

/** Compares two numbers; `undefined` is no number. */
export function compareNumbers(
  op: Comparison,
  a: number | bigint | undefined,
  b: number | bigint | undefined,
): boolean {
  if (a === undefined || b === undefined) return false;
  switch (op) {
    case '=':
      return a >= b && a <= b;
    case '<>':
      return !(a >= b && a <= b);
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
  }
}

/**
 * A comparison that is not known to be of a special kind: of unlike values it is false, with NULL unknown (JMS 2.0
 * §3.8.1.1 and §3.8.1.2). A string beside a number or a boolean is read as one.
 */
export function compareValues(op: Comparison, a: Value, b: Value): boolean | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (isNumber(a))
    return isNumber(b)
      ? compareNumbers(op, a, b)
      : typeof b === 'string' && compareNumbers(op, a, numberOf(b));
  if (isNumber(b)) return typeof a === 'string' && compareNumbers(op, numberOf(a), b);
  if (typeof a === 'string' && typeof b === 'string')
    return op === '=' ? a === b : op === '<>' ? a !== b : compareNumbers(op, numberOf(a), numberOf(b));
  const [one, other] = [asCondition(a), asCondition(b)];
  if (one === undefined || other === undefined) return false;
  return op === '=' ? one === other : op === '<>' ? one !== other : false;
}

/** A number for arithmetic: exact as bigint, approximate as number; undefined is unknown. */
export function operandOf(value: Value): number | bigint | undefined {
  if (isNumber(value)) return value;
  if (typeof value !== 'string') return undefined;
  const number = numberOf(value);
  return typeof number === 'number' && !/[.eE]/.test(value) ? BigInt(number) : number;
}

/**
 * Two exact numbers make an exact one, as in Java: a quotient is cut off. One that 64 bits cannot hold becomes
 * approximate, so that no chain of products takes long. Exact division by zero is unknown.
 */
export function calculate(
  op: Step['op'],
  a: number | bigint,
  b: number | bigint,
): number | bigint | undefined {
  if (typeof a !== 'bigint' || typeof b !== 'bigint') return calculateApproximate(op, Number(a), Number(b));
  switch (op) {
    case '+':
      return bounded(a + b);
    case '-':
      return bounded(a - b);
    case '*':
      return bounded(a * b);
    case '/':
      return b === 0n ? undefined : bounded(a / b);
  }
}

function calculateApproximate(op: Step['op'], a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b;
    case '-':
      return a - b;
    case '*':
      return a * b;
    case '/':
      return a / b;
  }
}

/** Between the smallest long and the largest ulong. */
export const bounded = (value: bigint): number | bigint =>
  value >= -0x8000_0000_0000_0000n && value <= 0xffff_ffff_ffff_ffffn ? value : Number(value);
