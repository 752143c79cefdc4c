import type { Type, types } from 'avsc';
import { fromUnderlying } from './avro-logical.ts';
import { branchName, isAmbiguous, shapeOf } from './avro-schema.ts';
import type { Cursor } from './cursor.ts';
import { emptyRecord, maxDepth, tooDeep, type Value } from './values.ts';

export type Read = (from: Cursor, depth: number) => Value;

/** A list of what takes no bytes may be no longer: its length is all there is to it. */
const maxEmpty = 100_000;

/** Makes readers of Avro's binary encoding (Avro 1.11, Binary Encoding); each type has one, also where it holds itself. */
export class Readers {
  readonly #made = new Map<Type, Read>();

  of(whole: Type): Read {
    const known = this.#made.get(whole);
    if (known !== undefined) return known;
    // found while it is being made: a record that holds itself
    this.#made.set(whole, (from, depth) => this.#made.get(whole)!(from, depth));
    const { type, logical } = shapeOf(whole);
    const read = this.#make(type);
    const made: Read =
      logical === undefined ? read : (from, depth) => fromUnderlying(logical, read(from, depth));
    this.#made.set(whole, made);
    return made;
  }

  #make(type: Type): Read {
    switch (type.typeName) {
      case 'null':
        return () => null;
      case 'boolean':
        return readBoolean;
      case 'int':
        return (from) => from.int32();
      case 'long':
        return (from) => from.long();
      case 'float':
        return (from) => from.floatLE();
      case 'double':
        return (from) => from.doubleLE();
      case 'bytes':
        return (from) => from.bytes(from.length());
      case 'string':
        return (from) => from.text(from.length());
      case 'fixed': {
        const { size } = type as types.FixedType;
        return (from) => from.bytes(size);
      }
      case 'enum': {
        const { symbols } = type as types.EnumType;
        return (from) => symbols[from.int32()] ?? from.wrong('an enum has no such symbol');
      }
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

  #list(items: Type): Read {
    const read = this.of(items);
    return (from, depth) => {
      const list: Value[] = [];
      forBlocks(from, depth, () => list.push(read(from, depth + 1)));
      return list;
    };
  }

  #map(values: Type): Read {
    const read = this.of(values);
    return (from, depth) => {
      const map = emptyRecord();
      forBlocks(from, depth, () => {
        const key = from.text(from.length());
        map[key] = read(from, depth + 1);
      });
      return map;
    };
  }

  #record({ fields }: types.RecordType): Read {
    const parts = fields.map(({ name, type }) => ({ name, read: this.of(type) }));
    return (from, depth) => {
      if (depth >= maxDepth) throw tooDeep();
      const record = emptyRecord();
      for (const { name, read } of parts) record[name] = read(from, depth + 1);
      return record;
    };
  }

  #union(branches: readonly Type[]): Read {
    const wrapped = isAmbiguous(branches);
    const parts = branches.map((branch) => ({
      name: wrapped && branch.typeName !== 'null' ? branchName(branch) : undefined,
      read: this.of(branch),
    }));
    return (from, depth) => {
      const branch = parts[from.int32()] ?? from.wrong('a union has no such branch');
      const value = branch.read(from, depth);
      if (branch.name === undefined) return value;
      const record = emptyRecord();
      record[branch.name] = value;
      return record;
    };
  }
}

function readBoolean(from: Cursor): boolean {
  const byte = from.byte();
  return byte > 1 ? from.wrong('a boolean is neither 0 nor 1') : byte === 1;
}

/** Blocks of entries; a count below zero is followed by the size of the block in bytes. */
function forBlocks(from: Cursor, depth: number, entry: () => void): void {
  if (depth >= maxDepth) throw tooDeep();
  let empty = 0;
  for (let count = Number(from.long()); count !== 0; count = Number(from.long())) {
    if (count < 0) {
      count = -count;
      from.long();
    }
    for (; count > 0; count--) {
      const { at } = from;
      entry();
      if (from.at === at && ++empty > maxEmpty)
        from.wrong(`a list has more than ${maxEmpty} entries of no bytes`);
    }
  }
}
