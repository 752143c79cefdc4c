import avsc, { type Schema, type Type } from 'avsc';

/** A logical type beside its underlying one; an unknown one, or one that does not fit, counts as its underlying type. */
export type Logical =
  | { readonly kind: 'decimal'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'date' | 'uuid' }
  | { readonly kind: 'time' | 'timestamp' | 'local-timestamp'; readonly digits: 3 | 6 | 9 };

const timed = /^(time|timestamp|local-timestamp)-(millis|micros|nanos)$/;
const digitsOf = { millis: 3, micros: 6, nanos: 9 } as const;

/** Keeps what the schema says of a logical type; the values are converted elsewhere. */
class KeptLogical extends avsc.types.LogicalType {
  readonly logical: Logical;

  constructor(schema: Schema, options?: unknown) {
    super(schema, options);
    this.logical = logicalOf(schema as unknown as Record<string, unknown>, this.underlyingType);
  }

  protected override _fromValue(value: unknown): unknown {
    return value;
  }

  protected override _toValue(value: unknown): unknown {
    return value;
  }
}

/** @throws Error where it does not fit its underlying type, which then stands alone (Avro 1.11, Logical Types) */
function logicalOf(schema: Record<string, unknown>, { typeName: under }: Type): Logical {
  const { logicalType: name, precision, scale = 0 } = schema;
  const found = timed.exec(String(name));
  const whole = (value: unknown, least: number): value is number =>
    Number.isInteger(value) && (value as number) >= least;
  if (found) {
    const [, kind, unit] = found as unknown as [
      string,
      'time' | 'timestamp' | 'local-timestamp',
      keyof typeof digitsOf,
    ];
    if (under === (name === 'time-millis' ? 'int' : 'long')) return { kind, digits: digitsOf[unit] };
  } else if (name === 'date' && under === 'int') return { kind: 'date' };
  else if (name === 'uuid' && (under === 'string' || (under === 'fixed' && schema['size'] === 16)))
    return { kind: 'uuid' };
  else if (name === 'decimal' && (under === 'bytes' || under === 'fixed')) {
    if (whole(precision, 1) && whole(scale, 0) && scale <= precision)
      return { kind: 'decimal', precision, scale };
  }
  throw new Error(`the logical type ${String(name)} does not fit ${under}`);
}

const logicalNames = [
  'decimal',
  'date',
  'uuid',
  ...['time', 'timestamp', 'local-timestamp'].flatMap((kind) => [`${kind}-millis`, `${kind}-micros`]),
  'timestamp-nanos',
  'local-timestamp-nanos',
];

/**
 * Reads schemas; each may use the names of those before it.
 * @throws Error that says what is wrong with one
 */
export function parseAvro(schemas: readonly unknown[]): Type {
  const registry: Record<string, Type> = Object.create(null) as Record<string, Type>;
  const logicalTypes = Object.fromEntries(logicalNames.map((name) => [name, KeptLogical]));
  let type: Type | undefined;
  for (const schema of schemas)
    type = avsc.Type.forSchema(schema as Schema, { registry, logicalTypes, wrapUnions: 'always' } as never);
  return type!;
}

/** What a type is: its logical type, and the one below it. */
export function shapeOf(type: Type): { readonly type: Type; readonly logical: Logical | undefined } {
  if (!(type instanceof avsc.types.LogicalType)) return { type, logical: undefined };
  return { type: type.underlyingType, logical: (type as KeptLogical).logical };
}

/** What a branch of a union is called in Avro's JSON encoding: the full name of a named type, else its kind. */
export const branchName = (type: Type): string => shapeOf(type).type.branchName!;

/**
 * Whether the value alone may not tell the branch: then it is written `{ "branch": value }`, as Avro's JSON encoding
 * has it. Numbers are of one kind, and so are texts and what is written as text: bytes, enums, moments.
 */
export function isAmbiguous(branches: readonly Type[]): boolean {
  const kinds = branches.map(kindOf);
  return new Set(kinds).size < kinds.length;
}

function kindOf(branch: Type): string {
  const { type, logical } = shapeOf(branch);
  if (logical !== undefined) return logical.kind === 'decimal' ? 'number' : 'text';
  switch (type.typeName) {
    case 'int':
    case 'long':
    case 'float':
    case 'double':
      return 'number';
    case 'string':
    case 'bytes':
    case 'fixed':
    case 'enum':
      return 'text';
    case 'record':
    case 'map':
      return 'record';
    default:
      return type.typeName;
  }
}
