import type { Field, Table } from './codec/table.ts';

/**
 * Tables and arrays among the headers, such as x-death, as text in JSON, since no other protocol's headers nest. What
 * JSON cannot tell is written `{"!": tag, "value": …}`; a whole number is a 64-bit one, any other a double.
 */
export function fieldToJson(field: Field): string {
  return JSON.stringify(toPlain(field));
}

/** The reverse; undefined where the text is not what fieldToJson writes. */
export function fieldFromJson(text: string): Field | undefined {
  if (text.length > 1024 * 1024) return undefined;
  try {
    return fromPlain(JSON.parse(text), 0);
  } catch {
    return undefined; // not JSON, or not of this form: then it is a text
  }
}

const tagged = (tag: Field['tag'], value: unknown) => ({ '!': tag, value });
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

function toPlain(field: Field): unknown {
  switch (field.tag) {
    case 't':
    case 'V':
      return field.value;
    case 'S':
      return typeof field.value === 'string' ? field.value : tagged('S', base64(field.value));
    case 'l': {
      const number = Number(field.value);
      return Number.isSafeInteger(number) ? number : tagged('l', String(field.value));
    }
    case 'd':
      return Number.isFinite(field.value) && !Number.isInteger(field.value)
        ? field.value
        : tagged('d', numberText(field.value));
    case 'T':
      return tagged('T', String(field.value));
    case 'x':
      return tagged('x', base64(field.value));
    case 'A':
      return field.value.map(toPlain);
    case 'F':
      return tableToPlain(field.value);
    case 'f':
      return tagged('f', numberText(field.value));
    default:
      return tagged(field.tag, field.value);
  }
}

const numberText = (value: number): string => (Object.is(value, -0) ? '-0' : String(value));

function tableToPlain(table: Table): unknown {
  const names = new Set(table.map(([name]) => name));
  // An object would lose repeats, the place of names that are numbers, and what `__proto__` means.
  const unsafe = names.size < table.length || [...names].some((each) => /^(!|\d+|__proto__)$/.test(each));
  if (unsafe)
    return tagged(
      'F',
      table.map(([each, field]) => [each, toPlain(field)]),
    );
  return Object.fromEntries(table.map(([each, field]) => [each, toPlain(field)]));
}

function fromPlain(value: unknown, depth: number): Field {
  if (depth > 32) throw new RangeError('nested too deep');
  switch (typeof value) {
    case 'string':
      return { tag: 'S', value };
    case 'boolean':
      return { tag: 't', value };
    case 'number':
      return Number.isSafeInteger(value) ? { tag: 'l', value: BigInt(value) } : { tag: 'd', value };
    default:
  }
  if (value === null) return { tag: 'V', value: null };
  if (Array.isArray(value)) return { tag: 'A', value: value.map((item) => fromPlain(item, depth + 1)) };
  const pairs = Object.entries(value as object) as [string, unknown][];
  if (pairs[0]?.[0] === '!') return fromTagged(pairs[0][1], pairs[1]?.[1], depth);
  return { tag: 'F', value: pairs.map(([name, item]) => [name, fromPlain(item, depth + 1)]) };
}

/** Least and most of the numbers. */
const ranges = new Map<unknown, readonly [number, number]>([
  ['b', [-0x80, 0x7f]],
  ['B', [0, 0xff]],
  ['s', [-0x8000, 0x7fff]],
  ['u', [0, 0xffff]],
  ['I', [-0x8000_0000, 0x7fff_ffff]],
  ['i', [0, 0xffff_ffff]],
]);

function fromTagged(tag: unknown, value: unknown, depth: number): Field {
  const range = ranges.get(tag);
  if (range) {
    whole(value, ...range);
    return { tag, value } as Field;
  }
  if (tag === 'D') {
    const { places, digits } = value as { places: unknown; digits: unknown };
    return { tag, value: { places: whole(places, 0, 255), digits: whole(digits, 0, 0xffff_ffff) } };
  }
  if (tag === 'F' && Array.isArray(value))
    return {
      tag,
      value: (value as [string, unknown][]).map(([name, item]) => [`${name}`, fromPlain(item, depth + 1)]),
    };
  if (typeof value !== 'string') throw new TypeError('not a value');
  switch (tag) {
    case 'l':
      return { tag, value: BigInt.asIntN(64, BigInt(value)) };
    case 'T':
      return { tag, value: BigInt.asUintN(64, BigInt(value)) };
    case 'd':
    case 'f':
      return { tag, value: Number(value) };
    case 'S':
    case 'x':
      return { tag, value: Buffer.from(value, 'base64') };
    default:
      throw new TypeError('unknown tag');
  }
}

function whole(value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw new RangeError('out of range');
  return value;
}
