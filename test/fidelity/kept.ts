import assert from 'node:assert/strict';
import type { Envelope, Header } from '../../src/core/envelope.ts';
import type { MessageField, Traits } from '../../src/core/protocol.ts';
import { isAscii } from './messages.ts';

/** What a message is by default: a field that is lost comes back as this. */
const unsaid: Partial<Envelope> = {
  bodyType: 'data',
  headers: [],
  durable: true,
  deliveryCount: 0,
  hops: 0,
  retain: false,
};

/**
 * What must come back of a message from an endpoint with these traits.
 * @param now ms since the epoch at which it crossed
 */
export function kept(message: Envelope, traits: Traits, now: number): Envelope {
  const held: { -readonly [Field in keyof Envelope]: Envelope[Field] } = { ...message };
  for (const field of traits.loses) Object.assign(held, { [field]: unsaid[field] });
  if (traits.headers === 'none') held.headers = [];
  else if (!traits.repeatedHeaders) held.headers = firstOfEach(held.headers);
  if (held.body === null && traits.nullBody === 'empty') held.body = new Uint8Array();
  held.timestamp = narrowed(held.timestamp, traits, 'timestamp', 0, Math.floor);
  held.expiresAt = narrowed(held.expiresAt, traits, 'expiresAt', now, Math.ceil);
  return held;
}

const firstOfEach = (headers: readonly Header[]): Header[] =>
  headers.filter(([name], i) => headers.findIndex(([other]) => other === name) === i);

function narrowed(
  value: number | undefined,
  { narrows }: Traits,
  field: 'timestamp' | 'expiresAt',
  from: number,
  round: (value: number) => number,
): number | undefined {
  const narrow = narrows?.[field];
  if (value === undefined || narrow === undefined) return value;
  const [least, most] = narrow.range ?? [-Infinity, Infinity];
  const { step = 1 } = narrow;
  const distance = round((value - from) / step) * step;
  return distance < least || distance > most ? undefined : from + distance;
}

/** Why an endpoint with these traits refuses a message, or undefined where it takes it. */
export function refused(message: Envelope, { ascii = [], limits = {}, headers }: Traits): string | undefined {
  for (const field of ascii) {
    const text = message[field];
    if (typeof text === 'string' && !isAscii(text)) return `${field} is not ASCII`;
  }
  if (headers !== 'none' && limits.headerName !== undefined)
    for (const [name] of message.headers)
      if (Buffer.byteLength(name) > limits.headerName) return `the name of a header is too long`;
  return undefined;
}

/**
 * Fails where two messages differ, but for: fields that may have been supplied, the order of headers where that may be
 * lost, and priority 4, which is the same as none in AMQP (§3.2.1) and JMS.
 */
export function assertSame(
  got: Envelope,
  wanted: Envelope,
  {
    supplied,
    unordered,
    what,
  }: {
    readonly supplied: readonly MessageField[];
    readonly unordered: boolean;
    readonly what: string;
  },
): void {
  const compared = (message: Envelope): Envelope => {
    const free = supplied.filter((field) => wanted[field] === undefined);
    return plain({
      ...message,
      ...Object.fromEntries(free.map((field) => [field, undefined])),
      headers: unordered ? sorted(message.headers) : message.headers,
      priority: message.priority ?? 4,
    });
  };
  assert.deepStrictEqual(compared(got), compared(wanted), what);
}

/** By name; those of one name stay in order. */
const sorted = (headers: readonly Header[]): Header[] =>
  [...headers].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));

/** Buffers and other byte arrays alike. */
const bytes = <T>(value: T): T => (value instanceof Uint8Array ? new Uint8Array(value) : value) as T;

const plain = (message: Envelope): Envelope => ({
  ...message,
  id: bytes(message.id),
  correlationId: bytes(message.correlationId),
  body: bytes(message.body),
  headers: message.headers.map((header) => header.map(bytes) as unknown as Header),
});
