import { FilterSyntaxError } from '../../core/condition.ts';

/** The reserved words of JMS 2.0 §3.8.1.1, in any case; not names unless in double quotes. */
const keywords = [
  'NULL',
  'TRUE',
  'FALSE',
  'NOT',
  'AND',
  'OR',
  'BETWEEN',
  'LIKE',
  'IN',
  'IS',
  'ESCAPE',
] as const;
export type Keyword = (typeof keywords)[number];
const reserved: ReadonlySet<string> = new Set(keywords);

const symbols = ['<>', '<=', '>=', '=', '<', '>', '+', '-', '*', '/', '(', ')', ','] as const;
export type Sign = (typeof symbols)[number];

export type Token = { readonly offset: number } & (
  | { readonly kind: 'name' | 'string'; readonly text: string }
  | { readonly kind: 'exact'; readonly value: bigint }
  | { readonly kind: 'approximate'; readonly value: number }
  | { readonly kind: 'word'; readonly text: Keyword }
  | { readonly kind: 'sign'; readonly text: Sign }
  | { readonly kind: 'end' }
);

/** Signs of other languages, and what stands for them here. */
const foreign = new Map([
  ['!=', '<>'],
  ['==', '='],
  ['&&', 'AND'],
  ['||', 'OR'],
  ['!', 'NOT'],
]);

const spaces = /\s*/y;
const plainName = /[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mn}\p{Mc}.]*/uy;
const hyphenatedName = /[\p{L}\p{Nl}\p{Sc}\p{Pc}][\p{L}\p{Nl}\p{Sc}\p{Pc}\p{Nd}\p{Mn}\p{Mc}.-]*/uy;
const fraction = /(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?[fFdD]?|\d+(?:[eE][+-]?\d+[fFdD]?|[fFdD])/y;
const whole = /0[xX][0-9a-fA-F]+|\d+/y;

/** Reads a selector token by token. */
export class Tokens {
  readonly #text: string;
  readonly #name: RegExp;
  #at: number;
  #next: Token;

  /**
   * @param start where the selector begins within the text
   * @param hyphenated whether plain names may hold hyphens
   * @throws FilterSyntaxError
   */
  constructor(text: string, start: number, hyphenated: boolean) {
    this.#text = text;
    this.#name = hyphenated ? hyphenatedName : plainName;
    this.#at = start;
    this.#next = this.#read();
  }

  /** The next token, not taken yet. */
  get next(): Token {
    return this.#next;
  }

  /** Takes it. */
  take(): Token {
    const token = this.#next;
    this.#next = this.#read();
    return token;
  }

  /** Takes this word or sign if it is next; returns whether it was. */
  skip(text: Keyword | Sign): boolean {
    const token = this.#next;
    if ((token.kind !== 'word' && token.kind !== 'sign') || token.text !== text) return false;
    this.take();
    return true;
  }

  /** @throws FilterSyntaxError that tells what is next instead */
  wrong(expected: string): never {
    const { next } = this;
    const found = next.kind === 'end' ? 'the end' : this.#text.slice(next.offset, this.#at);
    throw new FilterSyntaxError(`expected ${expected}, found ${shown(found)}`, next.offset);
  }

  #read(): Token {
    const offset = (this.#at += this.#match(spaces)!.length);
    const char = this.#text[offset];
    if (char === undefined) return { kind: 'end', offset };
    if (char === "'") return { kind: 'string', text: this.#quoted(char, 'string'), offset };
    if (char === '"') return { kind: 'name', text: this.#quotedName(offset), offset };
    if (/[\d.]/.test(char)) return this.#number(offset);
    const name = this.#match(this.#name);
    if (name !== undefined) {
      this.#at += name.length;
      const word = name.toUpperCase();
      if (reserved.has(word)) return { kind: 'word', text: word as Keyword, offset };
      return { kind: 'name', text: name, offset };
    }
    const two = this.#text.slice(offset, offset + 2);
    const instead = foreign.get(two) ?? foreign.get(char);
    if (instead !== undefined)
      throw new FilterSyntaxError(
        `${foreign.has(two) ? two : char} is not of this language: write ${instead}`,
        offset,
      );
    const sign = symbols.find((each) => two.startsWith(each));
    if (sign === undefined) throw new FilterSyntaxError(`${shown(char)} has no meaning here`, offset);
    this.#at += sign.length;
    return { kind: 'sign', text: sign, offset };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    return pattern.exec(this.#text)?.[0];
  }

  /** What stands between quotes; two of them are one. */
  #quoted(quote: string, what: string): string {
    const start = this.#at;
    let end = this.#text.indexOf(quote, start + 1);
    while (end >= 0 && this.#text[end + 1] === quote) end = this.#text.indexOf(quote, end + 2);
    if (end < 0) throw new FilterSyntaxError(`the ${what} that begins here has no closing ${quote}`, start);
    this.#at = end + 1;
    return this.#text.slice(start + 1, end).replaceAll(quote + quote, quote);
  }

  /** A name in double quotes must need them, or `country = "DE"` would quietly compare two names. */
  #quotedName(offset: number): string {
    const name = this.#quoted('"', 'name');
    if (name === '') throw new FilterSyntaxError('a name must not be empty', offset);
    plainName.lastIndex = 0;
    if (plainName.exec(name)?.[0] === name && !reserved.has(name.toUpperCase()))
      throw new FilterSyntaxError(
        `double quotes are for names that need them, such as "x-type": write '${name}' for a string, ${name} for a name`,
        offset,
      );
    return name;
  }

  /** Numbers as Java writes them: `57`, `0x1F`, `017`, `57L`, `7.`, `.5`, `1e3`, `7d`. */
  #number(offset: number): Token {
    const approximate = this.#match(fraction);
    if (approximate !== undefined && !/^0[xX]/.test(this.#text.slice(offset, offset + 2))) {
      this.#at += approximate.length;
      this.#endOfNumber(offset);
      return { kind: 'approximate', value: Number(approximate.replace(/[fFdD]$/, '')), offset };
    }
    const digits = this.#match(whole);
    if (digits === undefined) throw new FilterSyntaxError('"." begins no number here', offset);
    this.#at += digits.length;
    if (/[lL]/.test(this.#text[this.#at] ?? '')) this.#at++;
    this.#endOfNumber(offset);
    const octal = /^0\d/.test(digits);
    // No number of 64 bits is longer, and BigInt takes its time for a long text.
    const value =
      (octal && /[89]/.test(digits)) || digits.length > 32
        ? undefined
        : BigInt(octal ? `0o${digits.slice(1)}` : digits);
    if (value === undefined || value > mostExact)
      throw new FilterSyntaxError(
        octal
          ? 'a number that begins with 0 is octal'
          : `${digits} is over ${mostExact}, the largest exact number`,
        offset,
      );
    return { kind: 'exact', value, offset };
  }

  #endOfNumber(offset: number): void {
    if (/[\p{L}\p{Nd}_$.]/u.test(this.#text[this.#at] ?? ''))
      throw new FilterSyntaxError(
        'a number ends with a blank or a sign; names do not begin with a digit',
        offset,
      );
  }
}

/** An exact number may be AMQP's ulong, which Java's long is too small for. */
const mostExact = 0xffff_ffff_ffff_ffffn;

/** A short extract for a message. */
const shown = (text: string): string =>
  text === 'the end' ? text : JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
