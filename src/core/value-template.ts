import { AddressSyntaxError, type Captures } from './address.ts';
import { parseBraces } from './braces.ts';
import type { Envelope } from './envelope.ts';
import {
  meant,
  messageValue,
  messageValueForms,
  parseMessageValue,
  type MessageValue,
} from './message-value.ts';

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'capture'; readonly name: string }
  | MessageValue;

/** A value made of a message and its address, e.g. `{plant}-{header.machine}`; `{{` and `}}` are braces. */
export interface ValueTemplate {
  readonly text: string;
  readonly parts: readonly Part[];
}

/**
 * Reads a template. `{name}` is a capture of the route's pattern, all else a value of the message (message-value.ts); a
 * capture goes before a value of the same name.
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
  const value = parseMessageValue(name);
  if (value) return value;
  const known = [...bound.map((each) => `{${each}}`), ...messageValueForms].join(', ');
  const mend = meant(name, bound);
  throw new AddressSyntaxError(
    `{${name}} is not known here; ${mend === undefined ? 'known' : mend.endsWith('?') ? `${mend} Known` : `${mend}; known`} are ${known}`,
    offset,
  );
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
  if (part.kind === 'text') return part.text;
  if (part.kind !== 'capture') return messageValue(part, message);
  const value = captures.get(part.name)!;
  return typeof value === 'string' ? value : value.join('/');
}
