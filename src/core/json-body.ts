import { parse } from 'lossless-json';

const decoder = new TextDecoder('utf-8', { fatal: true });

/** A body is often asked for several values. */
const known = new WeakMap<Uint8Array, { readonly value: unknown }>();

/** The longest body, in bytes, that is read as JSON to take a value out of it. */
const longest = 4 * 2 ** 20;

/**
 * The value at a place of a JSON body, as text: a string as it is, a number as it is written there, however long, `true`
 * or `false`. Undefined where there is none, where it is null, an object or a list, or where the body is no JSON.
 * @param pointer a JSON pointer (RFC 6901), e.g. `/order/lines/0/id`
 */
export function textAt(body: Uint8Array | null, pointer: readonly string[]): string | undefined {
  let value = body === null ? undefined : decoded(body);
  for (const name of pointer) {
    if (typeof value !== 'object' || value === null) return undefined;
    if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(name)) return undefined;
    value = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
  }
  if (typeof value === 'boolean') return String(value);
  return typeof value === 'string' ? value : undefined;
}

/** The names of a JSON pointer; undefined where it is none. */
export function parsePointer(text: string): readonly string[] | undefined {
  if (text === '') return [];
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined;
  return text
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
}

function decoded(body: Uint8Array): unknown {
  let entry = known.get(body);
  if (!entry) known.set(body, (entry = { value: parsed(body) }));
  return entry.value;
}

function parsed(body: Uint8Array): unknown {
  if (body.length > longest) return undefined;
  try {
    // Numbers stay the text that they are: one of 64 bits would be another number otherwise.
    return parse(decoder.decode(body), null, (number) => number);
  } catch {
    return undefined;
  }
}
