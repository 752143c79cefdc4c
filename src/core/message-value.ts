import type { Envelope } from './envelope.ts';
import { valueToText } from './header-values.ts';
import { identifierToText } from './identifier-text.ts';
import { parsePointer, textAt } from './json-body.ts';
import { nearest } from './nearest.ts';

const fields = ['id', 'key', 'address', 'subject', 'correlationId', 'replyTo', 'contentType'] as const;

/** A value of a message that a template puts in. */
export type MessageValue =
  | { readonly kind: 'field'; readonly name: (typeof fields)[number] }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'body'; readonly pointer: readonly string[] };

/** How those fields are written in templates. */
const written: ReadonlyMap<string, (typeof fields)[number]> = new Map(
  fields.map((name) => [name.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`), name]),
);

/** What may stand between braces, for messages to people. */
export const messageValueForms = [...written.keys(), 'header.NAME', 'body./json/pointer'].map(
  (form) => `{${form}}`,
);

/**
 * Reads what stands between braces: `id`, `key`, `address`, `subject`, `correlation_id`, `reply_to`, `content_type`, `header.NAME`
 * (the first header of that name) or `body./json/pointer`; undefined where it is none of these.
 */
export function parseMessageValue(text: string): MessageValue | undefined {
  const name = written.get(text);
  if (name) return { kind: 'field', name };
  if (text.startsWith('header.') && text.length > 'header.'.length)
    return { kind: 'header', name: text.slice('header.'.length) };
  const pointer = text.startsWith('body./') ? parsePointer(text.slice('body.'.length)) : undefined;
  return pointer && { kind: 'body', pointer };
}

/**
 * What to write in place of something in braces that is neither a capture nor a value, e.g. `did you mean {plant}?`;
 * undefined where nobody can tell.
 * @param bound names of captures
 */
export function meant(text: string, bound: readonly string[]): string | undefined {
  const [, first, rest] = /^([^.]+)\.(.+)$/.exec(text) ?? [];
  if (first === 'body') return `write {body./${rest!.replaceAll('.', '/')}}`;
  if (first !== undefined && nearest(first, ['header']) !== undefined)
    return `did you mean {header.${rest}}?`;
  // of very short names each is near each
  const name = text.length > 2 ? nearest(text, [...bound, ...written.keys()]) : undefined;
  return name === undefined ? undefined : `did you mean {${name}}?`;
}

/** The value of one message as text; undefined where it has none. */
export function messageValue(value: MessageValue, message: Envelope): string | undefined {
  switch (value.kind) {
    case 'field': {
      const field = message[value.name];
      return field === undefined ? undefined : identifierToTextOf(value.name, field);
    }
    case 'header': {
      const header = message.headers.find(([name]) => name === value.name);
      return header === undefined || header[1] === null ? undefined : valueToText(header[1]);
    }
    case 'body':
      return textAt(message.body, value.pointer);
  }
}

type Field = NonNullable<Envelope[(typeof fields)[number]]>;

const identifierToTextOf = (name: (typeof fields)[number], field: Field): string =>
  name === 'id' || name === 'correlationId' ? identifierToText(field) : (field as string);
