import { headerTypes, type Header } from './envelope.ts';
import { typeOf, valueFromText, valueToText, type TextType } from './header-values.ts';
import {
  fieldPrefix,
  headerPrefix,
  nameFromText,
  percentDecoded,
  renamed,
  typesHeader,
} from './reserved-headers.ts';

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

const encodedTypes = { string: 'base64', char: 'char-base64', symbol: 'symbol-base64' } as const;

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

/** A field of the envelope as a pair, under `junction-field-` where its text is unfit. */
export const toTextField = (name: string, text: string, unfit: RegExp): [string, string] =>
  unfit.test(text) && !loneSurrogate.test(text)
    ? [fieldPrefix + name, encodeURIComponent(text)]
    : [name, text];

/** The reverse of toTextField where the field was unfit; undefined where the pair is none of these. */
export const fromTextField = (name: string, text: string): [string, string] | undefined =>
  name.startsWith(fieldPrefix) ? [name.slice(fieldPrefix.length), percentDecoded(text)] : undefined;

/** UTF-8 cannot hold it, in base64 or otherwise. */
const loneSurrogate = /\p{Surrogate}/u;

const knownTypes: ReadonlySet<string> = new Set<TextType>([
  'base64',
  'char-base64',
  'symbol-base64',
  ...headerTypes,
]);

/** What `junction-types` says, to be asked for each header in order. What is malformed is ignored. */
export class DeclaredTypes {
  readonly #types = new Map<string, TextType[]>();

  constructor(text: string) {
    for (const item of text.split(';')) {
      const at = item.lastIndexOf('=');
      const type = item.slice(at + 1);
      if (at < 0 || !knownTypes.has(type)) continue;
      const name = percentDecoded(item.slice(0, at));
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
