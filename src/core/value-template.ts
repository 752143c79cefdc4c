import { AddressSyntaxError, type Captures } from './address.ts';
import { parseBraces } from './braces.ts';
import type { Envelope } from './envelope.ts';
import { identifierToText, valueToText } from './headers.ts';

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: string }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'id' | 'key' };

/** A value made of a message and its address, e.g. `{plant}-{header.machine}`; `{{` and `}}` are braces. */
export interface ValueTemplate {
  readonly text: string;
  readonly parts: readonly Part[];
}

/**
 * Reads a template. `{name}` is a capture of the route's pattern, `{header.NAME}` the first header of that name,
 * `{id}` and `{key}` the message's; a capture of the name `id` or `key` goes before those.
 * @throws AddressSyntaxError with the offset of what is wrong
 */
export function parseValueTemplate(text: string, bound: readonly string[]): ValueTemplate {
  const parts = parseBraces(text, (inside, offset) => readPart(inside, bound, offset));
  return {
    text,
    parts: parts.map((part) => (typeof part === 'string' ? { kind: 'text', text: part } : part)),
  };
}

function readPart(name: string | undefined, bound: readonly string[], offset: number): Part {
  if (name === undefined) throw new AddressSyntaxError('"{" without "}"; write "{{" for a brace', offset);
  if (bound.includes(name)) return { kind: 'capture', name };
  if (name === 'id' || name === 'key') return { kind: name };
  if (name.startsWith('header.') && name.length > 'header.'.length)
    return { kind: 'header', name: name.slice('header.'.length) };
  const known = [...bound.map((each) => `{${each}}`), '{id}', '{key}', '{header.NAME}'].join(', ');
  throw new AddressSyntaxError(`{${name}} is not known here; known are ${known}`, offset);
}

/** The value for one message; undefined where the message lacks a part of it. */
export function renderValue(
  { parts }: ValueTemplate,
  captures: Captures,
  message: Envelope,
): string | undefined {
  let value = '';
  for (const part of parts) {
    const piece = valueOf(part, captures, message);
    if (piece === undefined) return undefined;
    value += piece;
  }
  return value;
}

function valueOf(part: Part, captures: Captures, message: Envelope): string | undefined {
  switch (part.kind) {
    case 'text':
      return part.text;
    case 'capture': {
      const value = captures.get(part.name)!;
      return typeof value === 'string' ? value : value.join('/');
    }
    case 'header': {
      const header = message.headers.find(([name]) => name === part.name);
      return header === undefined || header[1] === null ? undefined : valueToText(header[1]);
    }
    case 'id':
      return message.id === undefined ? undefined : identifierToText(message.id);
    case 'key':
      return message.key;
  }
}
