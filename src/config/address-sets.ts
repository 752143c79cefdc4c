import { parsePattern, type AddressPattern, type AddressSyntax } from '../core/address.ts';
import { setOfPattern, setOfTemplate, type AddressSet } from '../core/address-set.ts';
import type { Template } from '../core/template.ts';

export type Use = 'read' | 'write';

/** `AddressSyntax.canonical`, where there is one. */
export const canonical = (written: string, use: Use, syntax: AddressSyntax): string =>
  syntax.canonical?.(written, use) ?? written;

/** The addresses that a route reads, in the endpoint's one way of writing them. */
export const readBy = (pattern: AddressPattern, syntax: AddressSyntax): AddressSet =>
  setOfPattern(canonicalPattern(pattern, syntax), syntax);

export function canonicalPattern(pattern: AddressPattern, syntax: AddressSyntax): AddressPattern {
  const written = canonical(pattern.text, 'read', syntax);
  return written === pattern.text ? pattern : parsePattern(written, syntax);
}

/** The addresses that a route's target may be, in the endpoint's one way of writing them. */
export function sentTo(template: Template, from: AddressPattern, syntax: AddressSyntax): AddressSet {
  const { text, parts, perMessage } = template;
  const written = canonical(text, 'write', syntax);
  const begin = written.endsWith(text) ? written.slice(0, written.length - text.length) : '';
  const whole = begin === '' ? parts : [{ text: begin }, ...parts];
  return setOfTemplate({ text, parts: whole, perMessage }, from, syntax);
}
