import { isDeepStrictEqual } from 'node:util';
import type { Envelope, Header, HeaderValue, Identifier } from '../core/envelope.ts';
import { typeOf } from '../core/header-values.ts';
import { durationText } from '../core/duration-text.ts';
import { identifierToText } from '../core/identifier-text.ts';
import type { DeadLetter } from '../core/storage.ts';
import type { Expected } from './test-file.ts';
import type { Sent } from './trial.ts';
import { bytesOf, headersOf, type WrittenBody, type WrittenValue } from './written-message.ts';
import { bodyText, headerText } from './text.ts';

type ExpectedMessage = Exclude<Expected, { dead_letter: unknown }>;
type ExpectedLetter = Extract<Expected, { dead_letter: unknown }>['dead_letter'];

/**
 * What is different about a message that was sent, one line each; none where it is as expected. Only what is written is
 * compared.
 * @param now when messages cross in this trial, ms since the epoch
 * @param resolve the path of a file that the expectation names
 */
export async function differences(
  expected: ExpectedMessage,
  { endpoint, address, arrives }: Sent,
  now: number,
  resolve: (file: string) => string,
): Promise<string[]> {
  const lines: string[] = [];
  const compare = (what: string, wanted: unknown, got: unknown): void => {
    if (wanted !== undefined && !isDeepStrictEqual(wanted, got))
      lines.push(`${what}: expected ${shown(wanted)}, got ${shown(got)}`);
  };
  compare('endpoint', expected.endpoint, endpoint);
  compare('address', expected.address, address);
  compare('id', expected.id, textOf(arrives.id));
  compare('correlation_id', expected.correlation_id, textOf(arrives.correlationId));
  compare('content_type', expected.content_type, arrives.contentType);
  compare('content_encoding', expected.content_encoding, arrives.contentEncoding);
  compare('subject', expected.subject, arrives.subject);
  compare('reply_to', expected.reply_to, arrives.replyTo);
  compare('key', expected.key, arrives.key);
  compare('priority', expected.priority, arrives.priority);
  compare('durable', expected.durable, arrives.durable);
  lines.push(...ttlDifferences(expected.ttl, arrives, now));
  for (const [name, value] of Object.entries(expected.headers ?? {}))
    lines.push(...headerDifferences(name, value, arrives.headers));
  for (const name of expected.without ?? [])
    if (arrives.headers.some(([each]) => each === name)) lines.push(`header ${name}: expected none`);
  if (expected.body !== undefined) lines.push(...(await bodyDifferences(expected.body, arrives, resolve)));
  return lines;
}

/** As `differences`, for a dead letter. */
export function letterDifferences(expected: ExpectedLetter, letter: DeadLetter): string[] {
  const { reason, ...fields } = expected;
  const lines = Object.entries(fields).flatMap(([name, wanted]) => {
    const got = letter[name as keyof typeof fields];
    return wanted === undefined || wanted === got ? [] : [`${name}: expected ${wanted}, got ${got}`];
  });
  if (reason !== undefined && !letter.reason.includes(reason))
    lines.push(`reason: expected "…${reason}…", got "${letter.reason}"`);
  return lines;
}

/** Some protocols count whole seconds and have rounded up. */
function ttlDifferences(wanted: number | undefined, { expiresAt }: Envelope, now: number): string[] {
  const got = expiresAt === undefined ? undefined : expiresAt - now;
  if (wanted === undefined || got === wanted || got === Math.ceil(wanted / 1000) * 1000) return [];
  return [`ttl: expected ${durationText(wanted)}, got ${got === undefined ? 'none' : durationText(got)}`];
}

const textOf = (id: Identifier | undefined): string | undefined =>
  id === undefined ? undefined : identifierToText(id);

const shown = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));

function headerDifferences(name: string, written: WrittenValue, headers: readonly Header[]): string[] {
  const wanted = headersOf(name, written);
  const got = headers.filter(([each]) => each === name);
  const same = wanted.length === got.length && wanted.every((each, n) => sameHeader(each, got[n]!, written));
  if (same) return [];
  const list = (all: readonly Header[]): string =>
    all.length === 0 ? 'none' : all.map(headerText).join(', ');
  return [`header ${name}: expected ${list(wanted)}, got ${list(got)}`];
}

/** Numbers without a written type are equal to those of any type: not every protocol has the same ones. */
function sameHeader([, wanted, type]: Header, [, value, declared]: Header, written: WrittenValue): boolean {
  const untyped = typeof written === 'number' || (Array.isArray(written) && type === undefined);
  if (untyped && isNumber(wanted) && isNumber(value)) return Number(wanted) === Number(value);
  return typeOf(wanted, type) === typeOf(value, declared) && isDeepStrictEqual(plain(wanted), plain(value));
}

const isNumber = (value: HeaderValue): value is number | bigint =>
  typeof value === 'number' || typeof value === 'bigint';

/** A Buffer and another byte array of the same bytes are the same. */
const plain = (value: HeaderValue): unknown => (value instanceof Uint8Array ? [...value] : value);

async function bodyDifferences(
  written: WrittenBody,
  { body }: Envelope,
  resolve: (file: string) => string,
): Promise<string[]> {
  if (typeof written === 'object' && written !== null && 'json' in written) {
    const got = jsonOf(body);
    const same = got !== undefined && isDeepStrictEqual(JSON.parse(JSON.stringify(written.json)), got.value);
    return same ? [] : [`body: expected JSON ${JSON.stringify(written.json)}, got ${bodyText(body)}`];
  }
  const wanted = await bytesOf(written, resolve);
  const same =
    wanted === null || body === null ? wanted === body : Buffer.compare(Buffer.from(wanted), body) === 0;
  return same ? [] : [`body: expected ${bodyText(wanted)}, got ${bodyText(body)}`];
}

function jsonOf(body: Uint8Array | null): { value: unknown } | undefined {
  try {
    return body === null ? undefined : { value: JSON.parse(Buffer.from(body).toString()) };
  } catch {
    return undefined;
  }
}
