import { envelope, type Envelope, type Header } from '../core/envelope.ts';
import { putAside, takenBack } from '../core/reserved-headers.ts';
import type { CloudEventsBinding } from '../core/protocol.ts';
import { attributeOf, canonicalText, invalid, isAttributeName, type AttributeValue } from './attributes.ts';
import type { CloudEvent } from './event.ts';
import { isStructured } from './media-type.ts';

/** How events are held between the two ends of a route: attributes are headers `ce_` and their name. */
export const normalBinding: CloudEventsBinding = { prefix: 'ce_' };

/** An event, and the headers of its message that are no part of it. */
export interface Carried {
  readonly event: CloudEvent;
  readonly rest: readonly Header[];
}

/** The prefix under which a message says that it is an event; undefined where it does not. */
export function prefixOf(
  message: Envelope,
  { prefix, otherPrefixes = [] }: CloudEventsBinding,
): string | undefined {
  return [prefix, ...otherPrefixes].find((each) =>
    message.headers.some(([name]) => name === `${each}specversion`),
  );
}

/**
 * The attributes that stand in the headers of a message, and in fields of the envelope that its protocol takes them for.
 * @throws JunctionError `invalid-message` where one is there twice or no attribute can have its value
 */
export function readBinary(message: Envelope, binding: CloudEventsBinding, prefix: string): Carried {
  const attributes = new Map<string, AttributeValue>();
  const rest: Header[] = [];
  let contentType: string | undefined;
  for (const header of message.headers) {
    const [name, value] = header;
    const attribute = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    if (name === binding.contentType || attribute === 'datacontenttype') {
      if (typeof value === 'string') contentType ??= value;
    } else if (isAttributeName(attribute)) {
      if (attributes.has(attribute)) throw invalid(`the attribute ${attribute} is there twice`);
      const read = attributeOf(attribute, header);
      if (read !== undefined) attributes.set(attribute, read);
    } else rest.push(takenBack(header));
  }
  for (const field of binding.fields ?? [])
    if (message[field] !== undefined && !attributes.has(field)) attributes.set(field, String(message[field]));
  return {
    event: { attributes, contentType: message.contentType ?? contentType, data: dataOf(message) },
    rest,
  };
}

/** @throws JunctionError `invalid-message` for a body that is no sequence of bytes, such as a map of AMQP */
export function dataOf({ body, bodyType }: Envelope): Uint8Array | null {
  if (bodyType === 'value' || bodyType === 'sequence')
    throw invalid(`the body is an AMQP ${bodyType}, and data is bytes or text`);
  return body;
}

/**
 * The message with the event in its headers and fields.
 * @throws JunctionError `invalid-message` where the data is an event itself, which readers would take for this one
 */
export function writeBinary(
  message: Envelope,
  { event, rest }: Carried,
  binding: CloudEventsBinding,
  prefix = binding.prefix,
): Envelope {
  const { attributes, contentType, data } = event;
  if (isStructured(contentType))
    throw invalid(
      `data of the type ${contentType} would be taken for the event itself; use "mode: structured"`,
    );
  const headers: Header[] = [];
  const fields: { subject?: string | undefined; priority?: number; timestamp?: number | undefined } = {};
  for (const field of binding.fields ?? []) {
    const value = attributes.get(field);
    const text = value === undefined ? undefined : canonicalText(value);
    if (field === 'priority') {
      if (text !== undefined && /^[0-9]$/.test(text)) fields.priority = Number(text);
    } else if (field === 'timestamp') {
      fields.timestamp = text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
    } else {
      fields.subject = text;
      if (text === undefined && message.subject !== undefined)
        headers.push(putAside(['subject', message.subject]));
    }
  }
  for (const [name, value] of attributes)
    if (fields[name as keyof typeof fields] === undefined)
      headers.push(headerOf(prefix + name, value, binding));
  for (const header of rest) {
    const [name, value] = header;
    if (name === binding.contentType) continue;
    const free = prefix === '' && traces.has(name) && !attributes.has(name);
    if (free || !looksLikeAttribute(name, prefix)) headers.push(header);
    else if (value !== attributes.get(name.slice(prefix.length))) headers.push(putAside(header));
  }
  if (binding.contentType !== undefined && contentType !== undefined)
    headers.push([binding.contentType, contentType]);
  return envelope({ ...message, ...fields, headers, contentType, body: data, bodyType: 'data' });
}

/** Attributes of their own right (extension Distributed Tracing), which a message without them may well get. */
const traces: ReadonlySet<string> = new Set(['traceparent', 'tracestate']);

const looksLikeAttribute = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) && /^[a-z0-9]+$/.test(name.slice(prefix.length));

function headerOf(name: string, value: AttributeValue, { longs, bytesAsText }: CloudEventsBinding): Header {
  if (typeof value === 'number') return longs ? [name, BigInt(value)] : [name, value, 'int'];
  if (value instanceof Date) return [name, canonicalText(value)];
  if (value instanceof Uint8Array && bytesAsText) return [name, canonicalText(value)];
  return [name, value];
}
