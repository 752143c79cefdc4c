import { isUtf8 } from 'node:buffer';
import {
  Uuid,
  type BodyType,
  type Envelope,
  type Header,
  type HeaderType,
  type HeaderValue,
  type Identifier,
} from './envelope.ts';

/** What the names of reserved headers begin with. */
export const reservedPrefix = 'junction-';
/**
 * The reserved header that names the types of those headers that are not strings, for protocols whose headers are
 * text: `a=int;b=timestamp`, names percent-encoded. A reader that does not know it sees plain text. `a=base64` is a
 * string that the protocol cannot hold as it is: base64 of its UTF-8. Of a name that comes several times each is
 * named in order, or one stands for all.
 */
export const typesHeader = 'junction-types';
/** The reserved header that carries `Envelope.hops` where a protocol has no place of its own for it. */
export const hopsHeader = 'junction-hops';
/** The reserved header that carries `Envelope.bodyType` where it is not `data`, or `null` where the body is. */
export const bodyTypeHeader = 'junction-body-type';
/** Before the percent-encoded name of a header that cannot travel under its own, or would be taken for a field there. */
export const headerPrefix = 'junction-header-';
/** Before the name of an envelope's field whose text cannot travel as it is: it is percent-encoded. */
export const fieldPrefix = 'junction-field-';

/**
 * Reserved headers for what an envelope has no field for, so that it comes back in a protocol that has a place for it.
 * Names from `junction-` on are the gateway's own: what comes under one of them is taken for what the gateway wrote.
 */
export const furtherFields = {
  /** Who sent it: AMQP 1.0 user-id, RabbitMQ's user-id. A string where it is one, else binary. */
  userId: 'junction-user-id',
  /** RabbitMQ's app-id, a string. */
  appId: 'junction-app-id',
  /** AMQP 1.0 group-sequence, JMSXGroupSeq: a `uint`. */
  groupSequence: 'junction-group-sequence',
  /** AMQP 1.0 reply-to-group-id, a string. */
  replyToGroup: 'junction-reply-to-group',
  /** AMQP 1.0 message annotations, such as the kind of a JMS message: binary, the map as AMQP encodes it. */
  annotations: 'junction-annotations',
  /** The address whose kind (queue or topic) the annotation x-opt-jms-dest tells, a string. */
  annotatedAddress: 'junction-annotated-address',
} as const;

const bodyKinds: ReadonlySet<unknown> = new Set<BodyType | 'null'>([
  ...(['data', 'string', 'binary', 'value', 'sequence', 'null'] as const),
]);

/** What `junction-body-type` says of a message; undefined where it is not needed. */
export const bodyKind = ({ body, bodyType }: Envelope): BodyType | 'null' | undefined =>
  body === null ? 'null' : bodyType === 'data' ? undefined : bodyType;

/** Whether this is a value of `junction-body-type`. */
export const isBodyKind = (value: unknown): value is BodyType | 'null' => bodyKinds.has(value);

/** Ms since the epoch from text, as far as a date reaches; else undefined. */
export function timeFromText(text: string): number | undefined {
  if (!/^-?\d{1,16}$/.test(text)) return undefined;
  const time = Number(text);
  return Math.abs(time) <= 8.64e15 ? time : undefined;
}

const asidePrefix = `${reservedPrefix}header-`;

const named = ([, value, type]: Header, name: string): Header =>
  type === undefined ? [name, value] : [name, value, type];

/** A header whose name has another meaning where it is sent, under a name that has none: `junction-header-` and its own. */
export const putAside = (header: Header): Header => named(header, asidePrefix + header[0]);

/** The reverse of putAside; all other headers are as they were. */
export const takenBack = (header: Header): Header =>
  header[0].startsWith(asidePrefix) ? named(header, header[0].slice(asidePrefix.length)) : header;

/** Reserved headers of a dead letter that is sent to an endpoint; its address there is not the one it had. */
export const deadLetterHeaders = {
  code: 'junction-dead-code',
  reason: 'junction-dead-reason',
  route: 'junction-dead-route',
  source: 'junction-dead-source',
  endpoint: 'junction-dead-endpoint',
  target: 'junction-dead-target',
  attempts: 'junction-dead-attempts',
  firstAt: 'junction-dead-first-at',
  lastAt: 'junction-dead-last-at',
  /** The address at which the message was published. */
  address: 'junction-dead-address',
  /** When it would have expired; a dead letter does not. */
  expiresAt: 'junction-dead-expires-at',
} as const;

/** The type of a header: the declared one, or what its JavaScript value tells. */
export function typeOf(value: HeaderValue, declared?: HeaderType): HeaderType {
  if (declared !== undefined) return declared;
  switch (typeof value) {
    case 'string':
      return 'string';
    case 'number':
      return 'double';
    case 'bigint':
      return 'long';
    case 'boolean':
      return 'boolean';
    default:
      return value === null ? 'null' : value instanceof Uuid ? 'uuid' : 'binary';
  }
}

/** What `junction-types` may say of a header: its type, or that it is base64 of a text of this type. */
export type TextType = HeaderType | 'base64' | 'char-base64' | 'symbol-base64';

/** A header's value as text; binary and decimals in base64, a timestamp in ms since the epoch. */
export function valueToText(value: HeaderValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64');
  if (Object.is(value, -0)) return '-0';
  return String(value);
}

/** What valueToText wrote, with its type again; a text that does not fit the type stays a string. */
export function valueFromText(name: string, text: string, type: TextType): Header {
  switch (type) {
    case 'base64':
    case 'char-base64':
    case 'symbol-base64': {
      const bytes = bytesFromText(text);
      if (!bytes || !isUtf8(bytes)) return [name, text];
      const plain = Buffer.from(bytes).toString();
      return type === 'base64' ? [name, plain] : valueFromText(name, plain, plainTypes[type]);
    }
    case 'string':
      return [name, text];
    case 'null':
      return [name, null];
    case 'boolean':
      return text === 'true' ? [name, true] : text === 'false' ? [name, false] : [name, text];
    case 'ulong':
    case 'long': {
      const number = wholeFromText(text, type);
      if (number === undefined) return [name, text];
      return type === 'long' ? [name, number] : [name, number, type];
    }
    case 'timestamp': {
      const number = wholeFromText(text, type);
      if (number === undefined) return [name, text];
      return [name, Number.isSafeInteger(Number(number)) ? Number(number) : number, type];
    }
    case 'ubyte':
    case 'ushort':
    case 'uint':
    case 'byte':
    case 'short':
    case 'int': {
      const number = wholeFromText(text, type);
      return number === undefined ? [name, text] : [name, Number(number), type];
    }
    case 'float':
    case 'double': {
      const number = Number(text);
      if (text.trim() === '' || (Number.isNaN(number) && text !== 'NaN')) return [name, text];
      return type === 'double' ? [name, number] : [name, number, type];
    }
    case 'uuid':
      return [name, uuidForm.test(text) ? new Uuid(text) : text];
    case 'binary': {
      const bytes = bytesFromText(text);
      return [name, bytes ?? text];
    }
    case 'decimal32':
    case 'decimal64':
    case 'decimal128': {
      const bytes = bytesFromText(text);
      return bytes?.length === decimalBytes[type] ? [name, bytes, type] : [name, text];
    }
    case 'char':
      return isOneCodePoint(text) ? [name, text, type] : [name, text];
    case 'symbol':
      return [name, text, type];
  }
}

const plainTypes = { 'char-base64': 'char', 'symbol-base64': 'symbol' } as const;
const encodedTypes = { string: 'base64', char: 'char-base64', symbol: 'symbol-base64' } as const;

/** Least and most of the whole numbers (AMQP 1.0 §1.6). */
const wholeRanges = {
  ubyte: [0n, 0xffn],
  ushort: [0n, 0xffffn],
  uint: [0n, 0xffff_ffffn],
  ulong: [0n, 0xffff_ffff_ffff_ffffn],
  byte: [-0x80n, 0x7fn],
  short: [-0x8000n, 0x7fffn],
  int: [-0x8000_0000n, 0x7fff_ffffn],
  long: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
  timestamp: [-0x8000_0000_0000_0000n, 0x7fff_ffff_ffff_ffffn],
} as const satisfies Partial<Record<HeaderType, readonly [bigint, bigint]>>;

/** Whether values of this type are whole numbers. */
export const isWholeType = (type: HeaderType | undefined): boolean => wholeTypes.has(type);
const wholeTypes: ReadonlySet<string | undefined> = new Set(Object.keys(wholeRanges));

const decimalBytes = { decimal32: 4, decimal64: 8, decimal128: 16 } as const;
const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function wholeFromText(text: string, type: keyof typeof wholeRanges): bigint | undefined {
  // No number of 64 bits is longer; a text from outside may be, and BigInt takes its time for it.
  if (text.length > 20 || !/^-?\d+$/.test(text)) return undefined;
  const number = BigInt(text);
  const [least, most] = wholeRanges[type];
  return number >= least && number <= most ? number : undefined;
}

function bytesFromText(text: string): Uint8Array | undefined {
  const bytes = Buffer.from(text, 'base64');
  // Node skips what is not base64: only what comes back as it was is taken.
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : undefined;
}

function isOneCodePoint(text: string): boolean {
  const point = text.codePointAt(0);
  return point !== undefined && String.fromCodePoint(point) === text;
}

/** What a protocol whose headers are text cannot carry. */
export interface TextRules {
  /** Names that match cannot be carried as they are. */
  readonly unfitName?: RegExp;
  /** Strings that match cannot be carried as they are. */
  readonly unfit?: RegExp;
  /** Whether a header would be taken for something else, such as a field of the envelope. */
  taken?(name: string, text: string): boolean;
}

const none: TextRules = {};

/**
 * Headers for a protocol that carries text: the pairs in order, and after them `junction-types` where any is not
 * a string.
 */
export function toTextHeaders(headers: readonly Header[], rules: TextRules = none): [string, string][] {
  const pairs: [string, string][] = [];
  const types: TextType[] = [];
  let typed = false;
  for (const [name, value, declared] of headers) {
    let text = valueToText(value);
    let type: TextType = typeOf(value, declared);
    if (
      (type === 'string' || type === 'char' || type === 'symbol') &&
      rules.unfit?.test(text) &&
      !loneSurrogate.test(text)
    ) {
      type = encodedTypes[type];
      text = Buffer.from(text).toString('base64');
    }
    if (type !== 'string') typed = true;
    types.push(type);
    pairs.push([carriedName(name, text, rules), text]);
  }
  if (typed) pairs.push([typesHeader, typesText(pairs, types)]);
  return pairs;
}

/** Of a name that comes several times, and not only with strings, all types are told, so that each gets its own. */
function typesText(pairs: readonly (readonly [string, string])[], types: readonly TextType[]): string {
  const typed = new Set<string>();
  for (const [i, [name]] of pairs.entries()) if (types[i] !== 'string') typed.add(name);
  let text = '';
  for (const [i, [name]] of pairs.entries())
    if (typed.has(name))
      text += `${text === '' ? '' : ';'}${encodeURIComponent(name.toWellFormed())}=${types[i]}`;
  return text;
}

function carriedName(name: string, text: string, rules: TextRules): string {
  const fits = !rules.unfitName?.test(name) && !rules.taken?.(name, text) && !name.startsWith(headerPrefix);
  return fits || loneSurrogate.test(name) ? name : renamed(name);
}

/** What a header travels under that cannot under its own name. */
export const renamed = (name: string): string => headerPrefix + encodeURIComponent(name.toWellFormed());

/** The name of a header that came under this one. */
export const nameFromText = (name: string): string =>
  name.startsWith(headerPrefix) ? safeDecode(name.slice(headerPrefix.length)) : name;

/** A field of the envelope as a pair, under `junction-field-` where its text is unfit. */
export const toTextField = (name: string, text: string, unfit: RegExp): [string, string] =>
  unfit.test(text) && !loneSurrogate.test(text)
    ? [fieldPrefix + name, encodeURIComponent(text)]
    : [name, text];

/** The reverse of toTextField where the field was unfit; undefined where the pair is none of these. */
export const fromTextField = (name: string, text: string): [string, string] | undefined =>
  name.startsWith(fieldPrefix) ? [name.slice(fieldPrefix.length), safeDecode(text)] : undefined;

/** Carries a timestamp that brokers refuse, or put their own in its place. */
export const timestampField = `${fieldPrefix}timestamp`;
/** Whether brokers take it for the time at which a message was made: not before 1970, nor in the future. */
export const isPlausibleTime = (timestamp: number, now: number): boolean =>
  timestamp >= 0 && timestamp < now + latestAhead;
/** In ms. Kafka allows an hour, since clocks differ. */
const latestAhead = 30 * 60_000;

/** UTF-8 cannot hold it, in base64 or otherwise. */
const loneSurrogate = /\p{Surrogate}/u;

const knownTypes: ReadonlySet<string> = new Set<TextType>([
  ...(['base64', 'char-base64', 'symbol-base64'] as const),
  ...([
    'null',
    'boolean',
    'ubyte',
    'ushort',
    'uint',
    'ulong',
    'byte',
    'short',
    'int',
    'long',
    'float',
  ] as const),
  ...([
    'double',
    'decimal32',
    'decimal64',
    'decimal128',
    'char',
    'timestamp',
    'uuid',
    'binary',
    'string',
    'symbol',
  ] as const),
]);

/** What `junction-types` says, to be asked for each header in order. What is malformed is ignored. */
export class DeclaredTypes {
  readonly #types = new Map<string, TextType[]>();

  constructor(text: string) {
    for (const item of text.split(';')) {
      const at = item.lastIndexOf('=');
      const type = item.slice(at + 1);
      if (at < 0 || !knownTypes.has(type)) continue;
      const name = safeDecode(item.slice(0, at));
      const types = this.#types.get(name);
      if (types) types.push(type as TextType);
      else this.#types.set(name, [type as TextType]);
    }
  }

  /** The type of the next header of this name, as it is written; undefined where nothing is said of it. */
  next(name: string): TextType | undefined {
    const types = this.#types.get(name);
    return types && types.length > 1 ? types.shift() : types?.[0];
  }
}

/** The reverse of toTextHeaders; the reserved header itself is taken out. A malformed one is ignored. */
export function fromTextHeaders(pairs: readonly (readonly [string, string])[]): Header[] {
  const text = pairs.find(([name]) => name === typesHeader)?.[1];
  if (text === undefined && !pairs.some(([name]) => name.startsWith(headerPrefix)))
    return pairs as unknown as Header[];
  const types = text === undefined ? undefined : new DeclaredTypes(text);
  const headers: Header[] = [];
  for (const [name, value] of pairs) {
    if (name === typesHeader) continue;
    const type = types?.next(name);
    headers.push(
      type === undefined ? [nameFromText(name), value] : valueFromText(nameFromText(name), value, type),
    );
  }
  return headers;
}

function safeDecode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * An identifier as one text that tells its type, by the prefixes of the AMQP JMS mapping (§3.2.1.2):
 * strings as they are, unless they begin with a prefix of these; `AMQP_UUID:`, `AMQP_ULONG:`, `AMQP_BINARY:` (hex).
 */
export function identifierToText(id: Identifier): string {
  if (typeof id === 'string') return id.startsWith('AMQP_') ? `AMQP_STRING:${id}` : id;
  if (typeof id === 'bigint') return `AMQP_ULONG:${id}`;
  if (id instanceof Uuid) return `AMQP_UUID:${id.text}`;
  return `AMQP_BINARY:${Buffer.from(id.buffer, id.byteOffset, id.byteLength).toString('hex')}`;
}

/** The reverse of identifierToText; a text that does not fit its prefix stays as it is. */
export function identifierFromText(text: string): Identifier {
  if (!text.startsWith('AMQP_')) return text;
  if (text.startsWith('AMQP_STRING:')) return text.slice(12);
  if (text.startsWith('AMQP_UUID:')) {
    const uuid = text.slice(10);
    return uuidForm.test(uuid) ? new Uuid(uuid) : text;
  }
  if (text.startsWith('AMQP_ULONG:')) return wholeFromText(text.slice(11), 'ulong') ?? text;
  if (/^AMQP_BINARY:([0-9a-f]{2})*$/i.test(text)) return new Uint8Array(Buffer.from(text.slice(12), 'hex'));
  return text;
}
