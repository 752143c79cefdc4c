import type { Envelope, Header } from '../core/envelope.ts';
import type { CloudEventsBinding } from '../core/protocol.ts';
import type { Transform } from '../core/transform.ts';
import { checkAttributes, invalid } from './attributes.ts';
import { normalBinding, prefixOf, readBinary, writeBinary, type Carried } from './binary.ts';
import type { CloudEvent } from './event.ts';
import { readJsonEvent } from './json-format.ts';
import { isStructured } from './media-type.ts';
import { timeOf } from './time.ts';

/**
 * Takes messages that are CloudEvents, in either mode. Their data becomes the body, attributes become headers `ce_…`, and
 * those for which the envelope has a field fill it: id, time, subject, datacontenttype, and partitionkey where there is
 * no key. What is no valid event is refused as `invalid-message`.
 * @param binding of the protocol that they come by
 */
export function cloudEventsIn(binding: CloudEventsBinding): Transform<Envelope> {
  return {
    identity: JSON.stringify(['cloudevents in', binding]),
    apply(message) {
      const carried = readAnyMode(message, binding, true);
      if (carried === undefined)
        throw invalid(
          `the message has neither the content type application/cloudevents+json nor the header ${binding.prefix}specversion`,
        );
      const { attributes, contentType } = carried.event;
      checkAttributes(attributes, contentType);
      const rest = [...carried.rest, ...traceHeaders(carried)];
      return withFields(writeBinary(message, { ...carried, rest }, normalBinding), carried.event);
    },
  };
}

/**
 * The event that a message is, by its content type or else by its headers; undefined where it says that it is none.
 * @param implied whether a body without any sign is taken for a structured event, as in MQTT 3.1.1
 */
export function readAnyMode(
  message: Envelope,
  binding: CloudEventsBinding,
  implied = false,
): Carried | undefined {
  const named =
    message.contentType ??
    (message.headers.find(([name]) => name === binding.contentType)?.[1] as string | undefined);
  if (isStructured(named)) return readStructured(message, named!, binding);
  const prefix = prefixOf(message, binding);
  if (prefix !== undefined) return readBinary(message, binding, prefix);
  // CloudEvents MQTT binding §3.2.1: without a content type the JSON format is implied.
  const nameless = implied && binding.prefix === '' && message.contentType === undefined;
  return nameless ? readStructured(message, 'application/cloudevents+json', binding) : undefined;
}

/** Headers that repeat attributes (e.g. Kafka binding §3.3.3) are left out: what the body says counts. */
function readStructured(message: Envelope, contentType: string, binding: CloudEventsBinding): Carried {
  if (message.contentEncoding !== undefined && message.contentEncoding !== 'identity')
    throw invalid(`the structured event is compressed (${message.contentEncoding})`);
  const event = readJsonEvent(message.body, contentType);
  const { rest } = readBinary(
    { ...message, bodyType: 'data' },
    binding,
    prefixOf(message, binding) ?? binding.prefix,
  );
  return { event, rest };
}

/** The first trace context of the event is its message's, where that has none (extension Distributed Tracing). */
function traceHeaders({ event: { attributes }, rest }: Carried): Header[] {
  if (!attributes.has('traceparent') || rest.some(([name]) => name === 'traceparent')) return [];
  return ['traceparent', 'tracestate'].flatMap((name): Header[] => {
    const value = attributes.get(name);
    return typeof value === 'string' ? [[name, value]] : [];
  });
}

/** The fields of an envelope that an event has a say in. */
export function withFields(message: Envelope, { attributes }: CloudEvent): Envelope {
  const text = (name: string): string | undefined => {
    const value = attributes.get(name);
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const time = attributes.get('time');
  const ms = time instanceof Date ? time.getTime() : typeof time === 'string' ? timeOf(time) : undefined;
  return {
    ...message,
    id: text('id'),
    subject: text('subject') ?? message.subject,
    key: message.key ?? text('partitionkey'),
    // Protocols have no times before 1970.
    timestamp: ms !== undefined && ms >= 0 ? ms : message.timestamp,
  };
}
