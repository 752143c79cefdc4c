import { isUtf8 } from 'node:buffer';
import { Uuid, type Header, type HeaderType, type HeaderValue, type Identifier } from './envelope.ts';

/** What the names of reserved headers begin with. */
export const reservedPrefix = 'junction-';
/**
 * The reserved header that names the types of those headers that are not strings, for protocols whose headers are
 * text: `a=int;b=timestamp`, names percent-encoded. A reader that does not know it sees plain text. `a=base64` is a
 * string that the protocol cannot hold as it is: base64 of its UTF-8.
 */
export const typesHeader = 'junction-types';
/** The reserved header that carries `Envelope.hops` where a protocol has no place of its own for it. */
export const hopsHeader = 'junction-hops';
/** The reserved header that carries `Envelope.bodyType` where it is not `data`. */
export const bodyTypeHeader = 'junction-body-type';

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

/** What `junction-types` may say of a header. */
export type TextType = HeaderType | 'base64';

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
    case 'base64': {
      const bytes = bytesFromText(text);
      return [name, bytes && isUtf8(bytes) ? Buffer.from(bytes).toString() : text];
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

/**
 * Headers for a protocol that carries text: the pairs in order, and after them `junction-types` where any is not
 * a string.
 * @param unfit strings that match it cannot be carried as they are
 */
export function toTextHeaders(headers: readonly Header[], unfit?: RegExp): [string, string][] {
  const pairs: [string, string][] = [];
  const encoded = unfit && namesOfUnfit(headers, unfit);
  let types = '';
  for (const [name, value, declared] of headers) {
    let text = valueToText(value);
    let type: TextType = typeOf(value, declared);
    if (type === 'string' && encoded?.has(name)) {
      type = 'base64';
      text = Buffer.from(text).toString('base64');
    }
    pairs.push([name, text]);
    if (type !== 'string') types += `${types === '' ? '' : ';'}${encodeURIComponent(name)}=${type}`;
  }
  if (types !== '') pairs.push([typesHeader, types]);
  return pairs;
}

/** By name, because `junction-types` speaks of all headers of one name. */
function namesOfUnfit(headers: readonly Header[], unfit: RegExp): Set<string> | undefined {
  let names: Set<string> | undefined;
  for (const [name, value, declared] of headers)
    if (
      typeOf(value, declared) === 'string' &&
      unfit.test(value as string) &&
      !loneSurrogate.test(value as string)
    )
      (names ??= new Set()).add(name);
  return names;
}

/** UTF-8 cannot hold it, in base64 or otherwise. */
const loneSurrogate = /\p{Surrogate}/u;

const knownTypes: ReadonlySet<string> = new Set<TextType>([
  'base64',
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

/** What the reserved header says: the types of headers by name. What is malformed is ignored. */
export function declaredTypes(text: string): Map<string, TextType> {
  const types = new Map<string, TextType>();
  for (const item of text.split(';')) {
    const at = item.lastIndexOf('=');
    const type = item.slice(at + 1);
    if (at >= 0 && knownTypes.has(type)) types.set(safeDecode(item.slice(0, at)), type as TextType);
  }
  return types;
}

/** The reverse of toTextHeaders; the reserved header itself is taken out. A malformed one is ignored. */
export function fromTextHeaders(pairs: readonly (readonly [string, string])[]): Header[] {
  const declared = pairs.find(([name]) => name === typesHeader);
  if (!declared) return pairs as unknown as Header[];
  const types = declaredTypes(declared[1]);
  const headers: Header[] = [];
  for (const [name, text] of pairs) {
    if (name === typesHeader) continue;
    const type = types.get(name);
    headers.push(type === undefined ? [name, text] : valueFromText(name, text, type));
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
