import type { Captures } from '../core/address.ts';
import type { Envelope, Header, HeaderValue } from '../core/envelope.ts';
import { valueToText } from '../core/header-values.ts';
import { identifierFromText, identifierToText } from '../core/identifier-text.ts';
import { putAside, takenBack } from '../core/reserved-headers.ts';
import { identityOf } from '../core/identity.ts';
import type { CloudEventsBinding } from '../core/protocol.ts';
import type { Transform } from '../core/transform.ts';
import { renderValue, type ValueTemplate } from '../core/value-template.ts';

// Headers and extension headers of the OpenMessaging specification 1.0.0-alpha (specification-schema.md §2.3,
// extensionHeader.md). It has no binding to any protocol: here they are headers of their own names.

/** A field of the envelope: what it is from the value of a header, undefined where that does not fit, and the reverse. */
interface Field {
  read(value: HeaderValue, message: Envelope): Partial<Envelope> | undefined;
  write(message: Envelope): Header | undefined;
}

const fields: ReadonlyMap<string, Field> = new Map<string, Field>([
  [
    'messageId',
    {
      read: (value) => ifText(value, (text) => ({ id: identifierFromText(text) })),
      write: (message) => ['messageId', identityOf(message)],
    },
  ],
  [
    'bornTimestamp',
    {
      read: (value) => ifNumber(value, (timestamp) => ({ timestamp })),
      write: ({ timestamp }) => long('bornTimestamp', timestamp),
    },
  ],
  [
    // 0 at least once, 1 at most once, 2 exactly once: other numbers than those of MQTT
    'qos',
    {
      read: (value) => {
        const qos = numberOf(value);
        return qos === 0 || qos === 1 || qos === 2 ? { durable: qos !== 1 } : undefined;
      },
      write: ({ durable }) => ['qos', durable ? 0 : 1, 'int'],
    },
  ],
  [
    'compression',
    {
      read: (value) => ifText(value, (contentEncoding) => ({ contentEncoding })),
      write: ({ contentEncoding }) => text('compression', contentEncoding),
    },
  ],
  [
    'correlationId',
    {
      read: (value) => ifText(value, (id) => ({ correlationId: identifierFromText(id) })),
      write: ({ correlationId: id }) =>
        text('correlationId', id === undefined ? undefined : identifierToText(id)),
    },
  ],
  [
    'messageKey',
    {
      read: (value) => ifText(value, (key) => ({ key })),
      write: ({ key }) => text('messageKey', key),
    },
  ],
  [
    'expireTime',
    {
      // "if an earlier timestamp is set, the message will not be expired"
      read: (value, { timestamp = 0 }) =>
        ifNumber(value, (expiresAt) => (expiresAt > timestamp ? { expiresAt } : {})),
      write: ({ expiresAt }) => long('expireTime', expiresAt),
    },
  ],
  [
    'deliveryCount',
    {
      read: (value) => ifNumber(value, (deliveryCount) => ({ deliveryCount })),
      write: ({ deliveryCount }) =>
        deliveryCount === 0 ? undefined : ['deliveryCount', deliveryCount, 'int'],
    },
  ],
  [
    // 1 to 10, 5 is the default; what is beyond is ignored
    'priority',
    {
      read: (value) =>
        ifNumber(value, (priority) => (priority >= 1 && priority <= 10 ? { priority: priority - 1 } : {})),
      write: ({ priority }) => (priority === undefined ? undefined : ['priority', priority + 1, 'int']),
    },
  ],
]);

const numberOf = (value: HeaderValue): number | undefined => {
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value;
  const whole = typeof number === 'bigint' ? Number(number) : number;
  return typeof whole === 'number' && Number.isSafeInteger(whole) && whole >= 0 ? whole : undefined;
};

function ifNumber<Result>(value: HeaderValue, make: (number: number) => Result): Result | undefined {
  const number = numberOf(value);
  return number === undefined ? undefined : make(number);
}

const ifText = <Result>(value: HeaderValue, make: (text: string) => Result): Result | undefined =>
  typeof value === 'string' && value !== '' ? make(value) : undefined;

const text = (name: string, value: string | undefined): Header | undefined =>
  value === undefined || value === '' ? undefined : [name, value];

const long = (name: string, value: number | undefined): Header | undefined =>
  value === undefined ? undefined : [name, BigInt(Math.floor(value))];

/**
 * Makes fields of the envelope of the headers that OpenMessaging names; the first of a name counts. `destination` is left
 * out, since the address says where a message is. One whose value does not fit stays a header, as do all other headers.
 * @param binding of the protocol that they come by, which may have taken `priority` for a field already
 */
export function openMessagingIn({ fields: taken = [] }: CloudEventsBinding): Transform<Envelope> {
  const takesPriority = taken.includes('priority');
  return {
    identity: `openmessaging in, ${takesPriority}`,
    apply(message) {
      const found = new Map<string, HeaderValue>();
      if (takesPriority && message.priority !== undefined) found.set('priority', message.priority);
      const headers: Header[] = [];
      for (const header of message.headers) {
        const [name, value] = header;
        const field = fields.get(name);
        if (name === 'destination' && typeof value === 'string') continue;
        if (field && !found.has(name) && field.read(value, message) !== undefined) found.set(name, value);
        else headers.push(takenBack(header));
      }
      let result: Envelope = { ...message, ...(takesPriority && { priority: undefined }), headers };
      for (const [name, field] of fields) {
        const value = found.get(name);
        if (value !== undefined) result = { ...result, ...field.read(value, result) };
      }
      return result;
    },
  };
}

/**
 * Gives messages the headers that OpenMessaging names, from the fields of the envelope, beside all of their own. A header of
 * such a name that a message has itself is no field of it and travels as `junction-header-` and its name.
 * @param binding of the target's protocol, which may write fields under these names
 * @param destination undefined: the address that the message was published to
 */
export function openMessagingOut(
  { fields: taken = [] }: CloudEventsBinding,
  destination: ValueTemplate | undefined,
): Transform {
  const takesPriority = taken.includes('priority');
  return {
    identity: JSON.stringify(['openmessaging out', destination, takesPriority]),
    apply(message, captures) {
      const made: Header[] = [
        ['destination', destinationOf(destination, captures, message)],
        ...[...fields.values()].map((field) => field.write(message)).filter((header) => header !== undefined),
      ];
      const trace = traceId(message);
      if (trace) made.push(trace);
      const own = message.headers.map((header) =>
        header[0] === 'destination' || fields.has(header[0]) ? putAside(header) : header,
      );
      const id = message.id ?? identityOf(message);
      const result = { ...message, id, headers: [...own, ...made] };
      return takesPriority ? { ...result, priority: undefined } : result;
    },
  };
}

const destinationOf = (template: ValueTemplate | undefined, captures: Captures, message: Envelope): string =>
  (template && renderValue(template, captures, message)) ?? message.address;

/** The trace that a message is part of, from its W3C trace context; one of its own is left as it is. */
function traceId({ headers }: Envelope): Header | undefined {
  if (headers.some(([name]) => name === 'traceId')) return undefined;
  const parent = headers.find(([name]) => name === 'traceparent')?.[1];
  const found = parent === undefined ? null : /^[0-9a-f]{2}-([0-9a-f]{32})-/.exec(valueToText(parent));
  return found ? ['traceId', found[1]!] : undefined;
}
