import type { Captures } from '../core/address.ts';
import type { Envelope } from '../core/envelope.ts';
import { identityOf } from '../core/identity.ts';
import type { CloudEventsBinding } from '../core/protocol.ts';
import type { Transform } from '../core/transform.ts';
import { renderValue } from '../core/value-template.ts';
import { checkAttributes, invalid, toUriReference, wrongText, type AttributeValue } from './attributes.ts';
import { normalBinding, prefixOf, readBinary, writeBinary, type Carried } from './binary.ts';
import type { CloudEvent } from './event.ts';
import { readAnyMode } from './incoming.ts';
import { jsonEventType, writeJsonEvent } from './json-format.ts';
import { isStructured } from './media-type.ts';
import type { CloudEventsSettings, EventSource } from './settings.ts';

/** The type of an event that is given none. */
export const defaultType = 'junction.message';

/**
 * Makes every message a CloudEvent in the target's protocol. One that is an event already, as `cloudEventsIn` made it or as
 * its source's protocol carries them, keeps its attributes and gets those required ones and configured ones that it lacks. All
 * others become the data of an event.
 * @param binding of the target's protocol
 */
export function cloudEventsOut(
  settings: CloudEventsSettings,
  binding: CloudEventsBinding,
  source: EventSource,
): Transform {
  return {
    identity: JSON.stringify([
      'cloudevents out',
      { ...settings, attributes: [...settings.attributes] },
      binding,
      source,
    ]),
    apply(message, captures) {
      const found = read(message, source.binding);
      const event = complete(found, message, captures, settings, source.endpoint);
      checkAttributes(event.attributes, event.contentType);
      const carried = { event, rest: found.rest };
      const id = message.id ?? (event.attributes.get('id') as string);
      if (settings.mode === 'binary')
        return { ...writeBinary(message, carried, binding, settings.prefix), id };
      return { ...structured(message, carried, binding), id };
    },
  };
}

interface Found extends Carried {
  /** The message says that it is an event. */
  readonly isEvent: boolean;
}

function read(message: Envelope, binding: CloudEventsBinding): Found {
  const normal = prefixOf(message, normalBinding) !== undefined && !isStructured(message.contentType);
  const carried = normal || !saysEvent(message, binding) ? undefined : readAnyMode(message, binding);
  if (carried !== undefined) return { ...carried, isEvent: true };
  return { ...readBinary(message, normalBinding, normalBinding.prefix), isEvent: normal };
}

/** Where attributes have no prefix, `specversion` alone does not say that a message is an event. */
const saysEvent = ({ headers, contentType }: Envelope, { prefix }: CloudEventsBinding): boolean =>
  prefix !== '' ||
  isStructured(contentType) ||
  ['id', 'source', 'type', 'specversion'].every((name) => headers.some((header) => header[0] === name));

function complete(
  { event, isEvent }: Found,
  message: Envelope,
  captures: Captures,
  settings: CloudEventsSettings,
  endpoint: string,
): CloudEvent {
  const given = event.attributes;
  const attributes = new Map<string, AttributeValue>();
  const give = (name: string, value: () => AttributeValue | undefined): void => {
    const known = given.get(name) ?? attributes.get(name) ?? value();
    if (known !== undefined && known !== '') attributes.set(name, known);
  };
  const configured = (name: string): AttributeValue | undefined => {
    const setting = settings.attributes.get(name);
    if (typeof setting !== 'object') return setting;
    const value = renderValue(setting, captures, message);
    return value !== undefined && uris.has(name) ? toUriReference(value) : value;
  };
  give('specversion', () => '1.0');
  give('id', () => identityOf(message));
  give('source', () => configured('source') ?? defaultSource(endpoint, message.address));
  give('type', () => configured('type') ?? defaultType);
  for (const [name, value] of given) attributes.set(name, value);
  for (const name of settings.attributes.keys()) give(name, () => configured(name));
  if (!isEvent) {
    // Those that cannot be attributes are still fields of the message.
    give('subject', () => fitting(message.subject));
    give('time', () => timeAttribute(message.timestamp));
    give('partitionkey', () => fitting(message.key));
    for (const name of ['traceparent', 'tracestate']) give(name, () => textHeader(message, name));
  }
  const contentType =
    event.contentType ??
    (event.data === null ? undefined : settings.contentType) ??
    (message.bodyType === 'string' ? 'text/plain; charset=utf-8' : undefined);
  return { attributes, contentType, data: event.data };
}

const uris: ReadonlySet<string> = new Set(['source', 'dataschema']);

const fitting = (text: string | undefined): string | undefined =>
  text === undefined || wrongText(text) !== undefined ? undefined : text;

const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

const timeAttribute = (ms: number | undefined): Date | undefined =>
  ms !== undefined && ms >= 0 && ms <= lastTime ? new Date(ms) : undefined;

function textHeader({ headers }: Envelope, name: string): string | undefined {
  const value = headers.find((header) => header[0] === name)?.[1];
  return typeof value === 'string' ? value : undefined;
}

/** `/junction/<endpoint>/<address>`, percent-encoded but for the slashes. */
const defaultSource = (endpoint: string, address: string): string =>
  `/junction/${endpoint}/${address.toWellFormed().replace(/^\//, '').split('/').map(encodeURIComponent).join('/')}`;

function structured(message: Envelope, { event, rest }: Carried, binding: CloudEventsBinding): Envelope {
  if (message.contentEncoding !== undefined && message.contentEncoding !== 'identity')
    throw invalid(
      `compressed data (${message.contentEncoding}) cannot be put into a structured event; use "mode: binary"`,
    );
  const headers = rest.filter(([name]) => name !== binding.contentType);
  if (binding.contentType !== undefined) headers.push([binding.contentType, jsonEventType]);
  return { ...message, headers, contentType: jsonEventType, body: writeJsonEvent(event), bodyType: 'data' };
}
