import { AddressSyntaxError, type AddressSyntax, type Captures } from './address.ts';
import { parseBraces } from './braces.ts';
import type { Envelope } from './envelope.ts';
import { JunctionError } from './errors.ts';
import {
  meant,
  messageValue,
  messageValueForms,
  parseMessageValue,
  type MessageValue,
} from './message-value.ts';

type Part =
  | { readonly text: string }
  | { readonly capture: string; readonly raw: boolean; readonly offset: number }
  | {
      readonly value: MessageValue;
      readonly written: string;
      readonly raw: boolean;
      readonly offset: number;
    };

/** An address with `{name}` placeholders, as a route's target has it. `{{` and `}}` are braces. */
export interface Template {
  readonly text: string;
  readonly parts: readonly Part[];
  /** Whether it puts in values of the message, so that it is not the same for all messages of one address. */
  readonly perMessage: boolean;
}

const capture = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/**
 * Reads a template and checks that every placeholder is bound by the route's pattern, or is a value of the message
 * (message-value.ts). `{name!raw}` is one whose value may name several segments.
 * @throws AddressSyntaxError with the offset of what is wrong
 */
export function parseTemplate(text: string, bound: readonly string[]): Template {
  const parts = parseBraces(text, (inside, offset) => readPlaceholder(inside, offset, bound)).map((part) =>
    typeof part === 'string' ? { text: part } : part,
  );
  return { text, parts, perMessage: parts.some((part) => 'value' in part) };
}

function readPlaceholder(inside: string | undefined, offset: number, bound: readonly string[]): Part {
  const raw = inside?.endsWith('!raw') ?? false;
  const name = raw ? inside!.slice(0, -'!raw'.length) : (inside ?? '');
  if (bound.includes(name)) return { capture: name, raw, offset };
  const value = parseMessageValue(name);
  if (value) return { value, written: name, raw, offset };
  const mend = meant(name, bound);
  if (!capture.test(name) && mend !== undefined)
    throw new AddressSyntaxError(`{${name}} is not known here; ${mend}`, offset);
  if (!capture.test(name))
    throw new AddressSyntaxError(
      `a placeholder is written {name} or {name!raw}, or is one of ${messageValueForms.join(', ')}; write "{{" for a brace`,
      offset,
    );
  const has =
    bound.length === 0
      ? 'from.address binds no captures'
      : `from.address binds ${bound.map((b) => `{${b}}`).join(', ')}`;
  throw new AddressSyntaxError(
    `{${name}} is not bound${mend === undefined ? `: ${has}` : `; ${mend} ${has}`}`,
    offset,
  );
}

const control = /[\u0000-\u001f\u007f-\u009f]/;

/**
 * Fills in the captures and values and checks the result against the target's syntax.
 * A value is data: one that holds the target's separators, wildcards or control characters is refused
 * rather than let it name another address.
 * @param message must be there where the template is `perMessage`
 * @throws JunctionError invalid-message, also where the message lacks a value
 */
export function renderTemplate(
  template: Template,
  captures: Captures,
  syntax: AddressSyntax,
  message?: Envelope,
): string {
  let address = '';
  for (const part of template.parts) {
    if ('text' in part) {
      address += part.text;
      continue;
    }
    const name = 'capture' in part ? part.capture : part.written;
    const value = 'capture' in part ? captures.get(name) : message && messageValue(part.value, message);
    if (value === undefined)
      throw new JunctionError(
        'invalid-message',
        `the message has no {${name}}, which the target address ${template.text} needs`,
      );
    const words = typeof value === 'string' ? [value] : value;
    if (!part.raw) for (const word of words) refuseInjection(word, name, template, syntax);
    address += words.join(syntax.separators[0] ?? '');
  }
  const wrong = invalidAddress(address, syntax);
  if (wrong !== undefined)
    throw new JunctionError(
      'invalid-message',
      `target address "${address}" (from ${template.text}): ${wrong}`,
    );
  return address;
}

function refuseInjection(word: string, name: string, template: Template, syntax: AddressSyntax): void {
  const bad = [...syntax.separators, ...syntax.one, ...syntax.rest].find((special) => word.includes(special));
  if (bad !== undefined)
    throw new JunctionError(
      'invalid-message',
      `{${name}} holds "${word}", and "${bad}" has a meaning in the target address ${template.text}; write {${name}!raw} if that is meant`,
    );
}

/** Why a message cannot be sent to this address, or undefined where it can. */
export function invalidAddress(address: string, syntax: AddressSyntax): string | undefined {
  if (address.length === 0) return 'it is empty';
  if (control.test(address)) return 'it holds a control character';
  // a UTF-16 code unit is at most 3 bytes of UTF-8, so short addresses need no count
  if (address.length * 3 > syntax.maxBytes && Buffer.byteLength(address) > syntax.maxBytes)
    return `it is longer than ${syntax.maxBytes} bytes`;
  return syntax.invalid?.(address);
}
