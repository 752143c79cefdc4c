import { isUtf8 } from 'node:buffer';
import type { Envelope, HeaderType, Identifier } from '../core/envelope.ts';
import { typeOf, valueToText } from '../core/header-values.ts';
import { identifierToText } from '../core/identifier-text.ts';
import type { DeadLetterSummary, StoredDeadLetter } from '../core/storage.ts';

/** A dead letter in a list, as JSON. Times are ISO 8601, identifiers as in `identifierToText`. */
export interface SummaryView {
  readonly id: string;
  /** Left out for one that was in a queue of its endpoint. */
  readonly route?: string;
  readonly source: string;
  /** Left out, as `address` is, for one of a route as a whole. */
  readonly endpoint?: string;
  readonly address?: string;
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly message: { readonly id?: string; readonly address: string; readonly key?: string };
  readonly bytes: number;
}

/** The message of a dead letter, as JSON; fields that it does not have are left out. */
export interface MessageView {
  readonly id?: string;
  readonly address: string;
  readonly key?: string;
  readonly headers: readonly { readonly name: string; readonly type: HeaderType; readonly value: unknown }[];
  /** Text where it is UTF-8, else base64; null where there is none. */
  readonly body: { readonly text: string } | { readonly base64: string } | null;
  readonly [field: string]: unknown;
}

export type LetterView = Omit<SummaryView, 'message'> & { readonly message: MessageView };

export function summaryView({ message, bytes, ...letter }: DeadLetterSummary): SummaryView {
  const { id, address, key } = message;
  return { ...common(letter), message: present({ id: textOf(id), address, key }), bytes };
}

export function letterView({ message, ...letter }: StoredDeadLetter): LetterView {
  return { ...common(letter), bytes: message.body?.length ?? 0, message: messageView(message) };
}

type Common = Omit<SummaryView, 'message' | 'bytes'>;

function common(letter: Omit<StoredDeadLetter, 'message'>): Common {
  const { id, route, source, endpoint, address, code, reason, attempts } = letter;
  const [firstAt, lastAt] = [isoTime(letter.firstAt), isoTime(letter.lastAt)];
  return {
    id,
    ...(route !== undefined && { route }),
    source,
    ...(endpoint !== undefined && { endpoint }),
    ...(address !== undefined && { address }),
    code,
    reason,
    attempts,
    firstAt,
    lastAt,
  };
}

function messageView({ origin: _, via: __, body, headers, ...message }: Envelope): MessageView {
  const { id, correlationId, expiresAt, timestamp } = message;
  return {
    ...present({
      ...message,
      id: textOf(id),
      correlationId: textOf(correlationId),
      expiresAt: expiresAt === undefined ? undefined : isoTime(expiresAt),
      timestamp: timestamp === undefined ? undefined : isoTime(timestamp),
    }),
    headers: headers.map(([name, value, declared]) => ({
      name,
      type: typeOf(value, declared),
      value:
        typeof value === 'boolean' || isPlainNumber(value)
          ? value
          : value === null
            ? null
            : valueToText(value),
    })),
    body: body && bodyView(body),
  };
}

const textOf = (id: Identifier | undefined): string | undefined =>
  id === undefined ? undefined : identifierToText(id);

const isPlainNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);

function bodyView(body: Uint8Array): { text: string } | { base64: string } {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return isUtf8(bytes) ? { text: bytes.toString() } : { base64: bytes.toString('base64') };
}

/** A time that no calendar has stays a number. */
function isoTime(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? String(ms) : date.toISOString();
}

/** Without the fields that have no value. */
function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
