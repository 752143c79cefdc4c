import type { Header, HeaderType } from '../../core/envelope.ts';
import { typeOf, valueFromText, valueToText } from '../../core/header-values.ts';
import type { Field } from './codec/table.ts';
import { fromDecimal64, toDecimal64 } from './decimal.ts';
import { fieldFromJson, fieldToJson } from './nested.ts';

const [leastLong, mostLong] = [-(2n ** 63n), 2n ** 63n - 1n];

/** A header as a field; `as` is its type where the field does not tell it. */
export interface Written {
  readonly field: Field;
  readonly as?: HeaderType;
}

/** A header as the field of a table. Types that tables lack travel as the nearest beside their name. */
export function toField([, value, declared]: Header): Written {
  const type = typeOf(value, declared);
  switch (type) {
    case 'null':
      return { field: { tag: 'V', value: null } };
    case 'boolean':
      return { field: { tag: 't', value: value as boolean } };
    case 'byte':
      return { field: { tag: 'b', value: value as number } };
    case 'ubyte':
      return { field: { tag: 'B', value: value as number } };
    case 'short':
      return { field: { tag: 's', value: value as number } };
    case 'ushort':
      return { field: { tag: 'u', value: value as number } };
    case 'int':
      return { field: { tag: 'I', value: value as number } };
    case 'uint':
      return { field: { tag: 'i', value: value as number } };
    case 'long':
      return { field: { tag: 'l', value: BigInt(value as bigint) } };
    case 'ulong': {
      const number = BigInt(value as bigint);
      if (number <= mostLong) return { field: { tag: 'l', value: number }, as: type };
      return { field: { tag: 'S', value: String(number) }, as: type };
    }
    case 'float':
      return { field: { tag: 'f', value: value as number } };
    case 'double':
      return { field: { tag: 'd', value: value as number } };
    case 'timestamp': {
      const ms = BigInt(value as bigint);
      if (ms >= 0n && ms % 1000n === 0n) return { field: { tag: 'T', value: ms / 1000n } };
      return { field: { tag: 'l', value: ms }, as: type };
    }
    case 'decimal64': {
      const decimal = fromDecimal64(value as Uint8Array);
      if (decimal) return { field: { tag: 'D', value: decimal } };
      return { field: { tag: 'x', value: value as Uint8Array }, as: type };
    }
    case 'decimal32':
    case 'decimal128':
      return { field: { tag: 'x', value: value as Uint8Array }, as: type };
    case 'binary':
      return { field: { tag: 'x', value: value as Uint8Array } };
    case 'string':
      return { field: { tag: 'S', value: value as string } };
    case 'char':
    case 'symbol':
    case 'uuid':
      return { field: { tag: 'S', value: valueToText(value) }, as: type };
  }
}

/** A field as a header; undefined where only `toNested` can hold it. */
export function fromField(name: string, field: Field): Header | undefined {
  switch (field.tag) {
    case 'S':
      return typeof field.value === 'string' ? [name, field.value] : undefined;
    case 'l':
    case 't':
    case 'd':
    case 'x':
    case 'V':
      return [name, field.value];
    case 'b':
      return [name, field.value, 'byte'];
    case 'B':
      return [name, field.value, 'ubyte'];
    case 's':
      return [name, field.value, 'short'];
    case 'u':
      return [name, field.value, 'ushort'];
    case 'I':
      return [name, field.value, 'int'];
    case 'i':
      return [name, field.value, 'uint'];
    case 'f':
      return [name, field.value, 'float'];
    case 'T': {
      const ms = field.value * 1000n;
      if (ms > mostLong) return undefined;
      return [name, Number.isSafeInteger(Number(ms)) ? Number(ms) : ms, 'timestamp'];
    }
    case 'D':
      return [name, toDecimal64(field.value), 'decimal64'];
    case 'A':
    case 'F':
      return undefined;
  }
}

/** Gives a header that came by itself the type that toField named. What does not fit stays as it came. */
export function withType(header: Header, type: string): Header {
  const [name, value] = header;
  switch (type) {
    case 'ulong': {
      if (typeof value === 'bigint') return value >= 0n ? [name, value, type] : header;
      return typeof value === 'string' ? valueFromText(name, value, type) : header;
    }
    case 'timestamp': {
      if (typeof value !== 'bigint' || value < leastLong) return header;
      return [name, Number.isSafeInteger(Number(value)) ? Number(value) : value, type];
    }
    case 'decimal32':
    case 'decimal64':
    case 'decimal128':
      return value instanceof Uint8Array && value.length === decimalBytes[type]
        ? [name, value, type]
        : header;
    case 'char':
    case 'symbol':
    case 'uuid':
      return typeof value === 'string' ? valueFromText(name, value, type) : header;
    default:
      return header;
  }
}

const decimalBytes = { decimal32: 4, decimal64: 8, decimal128: 16 } as const;

/** A field that no header holds, as a text. */
export const toNested = (name: string, field: Field): Header => [name, fieldToJson(field)];

/** The reverse of toNested; undefined where the header is not what it made. */
export const fromNested = ([, value]: Header): Field | undefined =>
  typeof value === 'string' ? fieldFromJson(value) : undefined;
