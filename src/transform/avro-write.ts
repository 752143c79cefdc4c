import type { Type, types } from 'avsc';
import { toUnderlying } from './avro-logical.ts';
import { branchName, isAmbiguous, shapeOf } from './avro-schema.ts';
import type { Builder } from './builder.ts';
import {
  checkText,
  Decimal,
  fromBase64,
  Instant,
  isRecord,
  maxDepth,
  sameNumber,
  textEntries,
  tooDeep,
  type Value,
} from './values.ts';

/** A value that does not fit its type, and where in the body that is. */
export class Misfit extends Error {
  /** From the outside in. */
  readonly path: string[] = [];
  /** @param expected what would fit */
  constructor(expected: string, value: Value) {
    super(`expected ${expected}, got ${described(value)}`);
  }

  /** The error of what holds the value. */
  within(step: string): this {
    this.path.unshift(step);
    return this;
  }
}

interface Writer {
  /** @throws Misfit or JunctionError */
  write(to: Builder, value: Value, depth: number): void;
  /** Whether the value is of this type's own kind, without a look into lists and records. */
  fits(value: Value): boolean;
}

/** Makes writers of Avro's binary encoding; each type has one, also where it holds itself. */
export class Writers {
  readonly #made = new Map<Type, Writer>();

  of(whole: Type): Writer {
    const known = this.#made.get(whole);
    if (known !== undefined) return known;
    let made: Writer | undefined;
    this.#made.set(whole, {
      write: (to, value, depth) => made!.write(to, value, depth),
      fits: (value) => made!.fits(value),
    });
    const { type, logical } = shapeOf(whole);
    const writer = this.#make(type);
    if (logical === undefined) made = writer;
    else {
      const size = type.typeName === 'fixed' ? (type as types.FixedType).size : undefined;
      made = {
        write: (to, value, depth) => {
          const under = toUnderlying(logical, value, size);
          if (under === undefined) throw new Misfit(`a ${logical.kind}`, value);
          writer.write(to, under, depth);
        },
        fits: (value) => {
          try {
            return toUnderlying(logical, value, size) !== undefined;
          } catch {
            return false;
          }
        },
      };
    }
    this.#made.set(whole, made);
    return made;
  }

  #make(type: Type): Writer {
    switch (type.typeName) {
      case 'null':
        return {
          write: (_, value) => {
            if (value !== null) throw new Misfit('null', value);
          },
          fits: (value) => value === null,
        };
      case 'boolean':
        return {
          write: (to, value) => {
            if (typeof value !== 'boolean') throw new Misfit('true or false', value);
            to.byte(value ? 1 : 0);
          },
          fits: (value) => typeof value === 'boolean',
        };
      case 'int':
        return whole(32);
      case 'long':
        return whole(64);
      case 'float':
        return fraction('float', (to, value) => to.floatLE(value), Math.fround);
      case 'double':
        return fraction('double', (to, value) => to.doubleLE(value), Number);
      case 'string':
        return text;
      case 'bytes':
        return bytes(undefined);
      case 'fixed':
        return bytes((type as types.FixedType).size);
      case 'enum':
        return symbol((type as types.EnumType).symbols);
      case 'array':
        return this.#list((type as types.ArrayType).itemsType);
      case 'map':
        return this.#map((type as types.MapType).valuesType as Type);
      case 'record':
        return this.#record(type as types.RecordType);
      default:
        return this.#union((type as types.UnwrappedUnionType).types);
    }
  }

  #list(type: Type): Writer {
    const items = this.of(type);
    return {
      write: (to, value, depth) => {
        if (!Array.isArray(value)) throw new Misfit('a list', value);
        if (depth >= maxDepth) throw tooDeep();
        if (value.length > 0) to.long(value.length);
        (value as Value[]).forEach((item, n) => at(`[${n}]`, () => items.write(to, item, depth + 1)));
        to.long(0);
      },
      fits: Array.isArray,
    };
  }

  #map(type: Type): Writer {
    const values = this.of(type);
    return {
      write: (to, value, depth) => {
        const entries = entriesOf(value);
        if (entries === undefined) throw new Misfit('a map', value);
        if (depth >= maxDepth) throw tooDeep();
        if (entries.length > 0) to.long(entries.length);
        for (const [key, item] of entries) {
          text.write(to, key, depth);
          at(`.${key}`, () => values.write(to, item, depth + 1));
        }
        to.long(0);
      },
      fits: (value) => entriesOf(value) !== undefined,
    };
  }

  #record({ fields, branchName: name }: types.RecordType): Writer {
    const parts = fields.map((field) => {
      const { type } = field;
      const standard = field.defaultValue() as unknown;
      return {
        name: field.name,
        writer: this.of(type),
        standard: standard === undefined ? undefined : type.toBuffer(standard),
      };
    });
    const names = new Set(parts.map((part) => part.name));
    return {
      write: (to, value, depth) => {
        if (!isRecord(value)) throw new Misfit(`a record ${name}`, value);
        if (depth >= maxDepth) throw tooDeep();
        for (const key of Object.keys(value))
          if (!names.has(key)) throw new Misfit(`no field but ${[...names].join(', ')}`, `${key}`);
        for (const { name: field, writer, standard } of parts) {
          if (Object.hasOwn(value, field)) at(`.${field}`, () => writer.write(to, value[field], depth + 1));
          else if (standard !== undefined) to.bytes(standard);
          else throw new Misfit(`the field ${field}, which has no default`, undefined);
        }
      },
      fits: (value) =>
        isRecord(value) &&
        Object.keys(value).every((key) => names.has(key)) &&
        parts.every((part) => part.standard !== undefined || Object.hasOwn(value, part.name)),
    };
  }

  #union(branches: readonly Type[]): Writer {
    const parts = branches.map((branch, index) => ({
      index,
      name: branch.typeName === 'null' ? undefined : branchName(branch),
      writer: this.of(branch),
      // text in base64 is text before it is bytes
      exact: !['bytes', 'fixed'].includes(branch.typeName),
    }));
    const byName = new Map(parts.map((part) => [part.name, part]));
    const ambiguous = isAmbiguous(branches);
    const wrapped = (value: Value) => {
      const [key, ...more] = isRecord(value) ? Object.keys(value) : [];
      return key === undefined || more.length > 0 ? undefined : byName.get(key);
    };
    const plainly = (value: Value) =>
      parts.find((part) => (part.exact || value instanceof Uint8Array) && part.writer.fits(value)) ??
      parts.find((part) => part.writer.fits(value));
    return {
      write: (to, value, depth) => {
        const named = wrapped(value);
        const plain = ambiguous && named !== undefined ? undefined : plainly(value);
        // One record that does not fit says why better than "no branch".
        const only = parts.filter((part) => part.name !== undefined);
        const part = plain ?? named ?? (only.length === 1 && value !== null ? only[0] : undefined);
        if (part === undefined) throw new Misfit(`one of ${branches.map(branchName).join(', ')}`, value);
        to.long(part.index);
        if (part === plain || part !== named) part.writer.write(to, value, depth);
        else
          at(`.${part.name}`, () =>
            part.writer.write(to, (value as Record<string, Value>)[part.name!], depth),
          );
      },
      fits: (value) => wrapped(value) !== undefined || plainly(value) !== undefined,
    };
  }
}

/** A misfit below is told with the step to it. */
function at(step: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw error instanceof Misfit ? error.within(step) : error;
  }
}

const entriesOf = (value: Value): (readonly [string, Value])[] | undefined =>
  isRecord(value) ? Object.entries(value) : value instanceof Map ? [...textEntries(value)] : undefined;

/** Whole numbers; texts of their digits too, as JSON of other systems has them. */
function whole(bits: 32 | 64): Writer {
  const most = 2n ** BigInt(bits - 1) - 1n;
  const of = (value: Value): number | bigint | undefined => {
    if (typeof value === 'number') return Number.isSafeInteger(value) ? value : undefined;
    if (typeof value === 'bigint') return value;
    return undefined;
  };
  const inRange = (value: number | bigint): boolean => value <= most && value >= -most - 1n;
  return {
    write: (to, value) => {
      const number = of(typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : value);
      if (number === undefined || !inRange(number)) throw new Misfit(`a whole number of ${bits} bits`, value);
      to.long(number);
    },
    fits: (value) => {
      const number = of(value);
      return number !== undefined && inRange(number);
    },
  };
}

const special: ReadonlyMap<Value, number> = new Map([
  ['NaN', NaN],
  ['Infinity', Infinity],
  ['-Infinity', -Infinity],
]);

/** @param round to what the type holds; a whole number that it does not hold is refused */
function fraction(
  name: string,
  write: (to: Builder, value: number) => void,
  round: (value: number) => number,
): Writer {
  const of = (value: Value): number | undefined => {
    if (typeof value === 'number') return value;
    if (value instanceof Decimal) return Number(value.text);
    if (typeof value !== 'bigint') return undefined;
    // JSON of other systems has whole doubles beyond 2^53 as the digits that tell one double from the next
    const number = round(Number(value));
    const same = sameNumber(String(value), number) || (Number.isFinite(number) && BigInt(number) === value);
    return same ? number : undefined;
  };
  return {
    write: (to, value) => {
      const number = of(value) ?? special.get(value);
      if (number === undefined) throw new Misfit(`a ${name}`, value);
      write(to, number);
    },
    fits: (value) => of(value) !== undefined,
  };
}

const text: Writer = {
  write: (to, value) => {
    if (typeof value !== 'string' && !(value instanceof Instant)) throw new Misfit('text', value);
    const written = checkText(value.toString());
    const length = Buffer.byteLength(written);
    to.long(length);
    to.text(written, length);
  },
  fits: (value) => typeof value === 'string' || value instanceof Instant,
};

/** @param size of a fixed; undefined: bytes, which begin with their length */
function bytes(size: number | undefined): Writer {
  const of = (value: Value): Uint8Array | undefined => {
    const found = typeof value === 'string' ? fromBase64(value) : value;
    return found instanceof Uint8Array && (size === undefined || found.length === size) ? found : undefined;
  };
  return {
    write: (to, value) => {
      const found = of(value);
      if (found === undefined)
        throw new Misfit(`${size ?? ''} bytes, in base64 where they are text`.trim(), value);
      if (size === undefined) to.long(found.length);
      to.bytes(found);
    },
    fits: (value) => of(value) !== undefined,
  };
}

function symbol(symbols: readonly string[]): Writer {
  const indexes = new Map<Value, number>(symbols.map((name, n) => [name, n]));
  return {
    write: (to, value) => {
      const index = indexes.get(value);
      if (index === undefined) throw new Misfit(`one of ${symbols.join(', ')}`, value);
      to.long(index);
    },
    fits: (value) => indexes.has(value),
  };
}

/** What a value is, in few words. */
function described(value: Value): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Decimal)
    return String(value).slice(0, 40);
  if (typeof value === 'string') return `"${value.slice(0, 40)}"`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Instant) return 'a moment';
  return Array.isArray(value) ? 'a list' : 'a map';
}
