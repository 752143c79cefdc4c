import { isUtf8 } from 'node:buffer';
import { canonicalText, invalid, isAttributeName, isInteger, type AttributeValue } from './attributes.ts';
import type { CloudEvent } from './event.ts';
import { elementsOf, membersOf } from './json-text.ts';
import { encodeText, isJson, isText, structuredFormat } from './media-type.ts';

/** The content type of a structured message (JSON format §3). */
export const jsonEventType = 'application/cloudevents+json; charset=UTF-8';

/**
 * Reads an event in the JSON format, or the one event of a batch of one.
 * @param contentType of the message
 * @throws JunctionError `invalid-message`
 */
export function readJsonEvent(body: Uint8Array | null, contentType: string): CloudEvent {
  const format = structuredFormat(contentType);
  if (format === undefined)
    throw invalid(`the event format of "${contentType}" is not known; application/cloudevents+json is`);
  const text = jsonText(body);
  if (format === 'event') return readEvent(text);
  const events = Array.isArray(JSON.parse(text)) ? elementsOf(text) : [];
  if (events.length !== 1)
    throw invalid(`a batch of ${events.length} events is not one message; send each event by itself`);
  return readEvent(events[0]!);
}

function jsonText(body: Uint8Array | null): string {
  if (body === null || !isUtf8(body)) throw invalid('the body is not JSON in UTF-8');
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    .toString()
    .replace(/^\ufeff/, '');
  try {
    JSON.parse(text);
  } catch {
    throw invalid('the body is not JSON');
  }
  return text;
}

function readEvent(text: string): CloudEvent {
  if (!text.trimStart().startsWith('{')) throw invalid('the body is not a JSON object');
  const attributes = new Map<string, AttributeValue>();
  let data: string | undefined;
  let base64: string | undefined;
  let contentType: AttributeValue | undefined;
  const seen = new Set<string>();
  for (const [name, raw] of membersOf(text)) {
    if (seen.has(name)) throw invalid(`${JSON.stringify(name)} is there twice`);
    seen.add(name);
    if (name === 'data') data = raw;
    else if (name === 'data_base64') base64 = raw === 'null' ? undefined : raw;
    else {
      const value = readValue(name, raw);
      if (value === undefined) continue;
      if (name === 'datacontenttype') contentType = value;
      else attributes.set(name, value);
    }
  }
  if (contentType !== undefined && typeof contentType !== 'string')
    throw invalid('datacontenttype is not a text');
  if (base64 === undefined) return { attributes, ...readData(data, contentType) };
  if (data !== undefined && data !== 'null') throw invalid('it has data and data_base64');
  return { attributes, contentType, data: readBase64(base64) };
}

/** Attributes by the JSON types of §2.2. */
function readValue(name: string, raw: string): AttributeValue | undefined {
  if (!isAttributeName(name))
    throw invalid(
      `${JSON.stringify(name.slice(0, 50))} is no name of an attribute: lower-case letters and digits are`,
    );
  const value: unknown = JSON.parse(raw);
  if (value === null) return undefined;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && /^-?\d+$/.test(raw) && isInteger(value)) return value === 0 ? 0 : value;
  throw invalid(`the attribute ${name} is neither a text, a boolean nor an integer of 32 bits`);
}

function readData(raw: string | undefined, contentType: string | undefined): Omit<CloudEvent, 'attributes'> {
  if (raw === undefined) return { contentType, data: null };
  // Without datacontenttype data is JSON, which another format or protocol must be told (§3.1.2).
  if (contentType === undefined) return { contentType: 'application/json', data: Buffer.from(raw) };
  if (isJson(contentType)) {
    const data = encodeText(raw, contentType);
    if (data) return { contentType, data };
    throw invalid(`data cannot be written as ${contentType}`);
  }
  if (raw === 'null') return { contentType, data: null };
  const text: unknown = JSON.parse(raw);
  if (typeof text !== 'string') throw invalid(`data is not a text, but ${contentType} is not JSON`);
  const data = text.isWellFormed() ? encodeText(text, contentType) : undefined;
  if (!data) throw invalid(`data cannot be written as ${contentType}`);
  return { contentType, data };
}

function readBase64(raw: string): Uint8Array {
  const text: unknown = JSON.parse(raw);
  const bytes = typeof text === 'string' ? Buffer.from(text, 'base64') : undefined;
  // Node skips what is not base64; the padding may be missing.
  if (typeof text !== 'string' || unpadded(bytes!.toString('base64')) !== unpadded(text))
    throw invalid('data_base64 is not base64');
  return bytes!;
}

function unpadded(base64: string): string {
  let end = base64.length;
  while (base64[end - 1] === '=') end--;
  return base64.slice(0, end);
}

/** An event in the JSON format: JSON data as it is, text as a string, all other data in base64 (§3.1.1). */
export function writeJsonEvent({ attributes, contentType, data }: CloudEvent): Buffer {
  const members: string[] = [];
  for (const [name, value] of attributes) members.push(`${JSON.stringify(name)}:${jsonValue(value)}`);
  if (contentType !== undefined) members.push(`"datacontenttype":${JSON.stringify(contentType)}`);
  const head = `{${members.join(',')}`;
  if (data === null) return Buffer.from(`${head}}`);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (contentType !== undefined && isJson(contentType) && holdsJson(bytes))
    return Buffer.concat([Buffer.from(`${head},"data":`), bytes, Buffer.from('}')]);
  if (contentType !== undefined && !isJson(contentType) && isText(contentType) && isUtf8(bytes))
    return Buffer.from(`${head},"data":${JSON.stringify(bytes.toString())}}`);
  return Buffer.from(`${head},"data_base64":"${bytes.toString('base64')}"}`);
}

const jsonValue = (value: AttributeValue): string =>
  JSON.stringify(typeof value === 'number' || typeof value === 'boolean' ? value : canonicalText(value));

function holdsJson(bytes: Buffer): boolean {
  if (!isUtf8(bytes)) return false;
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
