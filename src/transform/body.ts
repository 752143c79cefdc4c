import type { Captures } from '../core/address.ts';
import { envelope, type Envelope } from '../core/envelope.ts';
import { valueToText } from '../core/header-values.ts';
import { identifierToText } from '../core/identifier-text.ts';
import { formatOf, plainFormats, type Format, type PlainFormat } from './formats.ts';
import type { Expression } from './jsonata.ts';
import { plainFormat } from './plain.ts';
import { schemaFormat, type SchemaContext } from './schema-format.ts';
import type { BodySettings } from './schema.ts';
import { TransformError, type Step } from './transform.ts';
import { Decimal, invalid, mapLeaves, type Value } from './values.ts';

/** Reads a body, lets the expression have it, and writes it. A body that is null, as a tombstone of Kafka is, stays null. */
export async function compileBody(
  settings: BodySettings,
  context: SchemaContext & { readonly keepsContentType?: boolean },
): Promise<{ readonly step: Step; readonly async: boolean }> {
  const { jsonata, numbers } = settings;
  const { keepsContentType = false } = context;
  if (keepsContentType && settings.from === 'auto')
    throw new TransformError(
      ['body'],
      'the content type is changed before the body is read, so that it does not tell the format',
      {
        hint: 'say by "from:" what bodies come in',
      },
    );
  const from = await sourceOf(settings.from, context);
  const to = settings.to === undefined ? undefined : await formatNamed(settings.to, 'to', context);
  const json = await plainFormat('json');
  const expression =
    jsonata === undefined
      ? undefined
      : (await import('./jsonata.ts')).compileExpression(jsonata, ['body', 'jsonata'], settings.timeout);

  /** In what a body that came in one format goes out. */
  const targetOf = (source: Format): Format => {
    if (to !== undefined) return to;
    return expression !== undefined && keeps.has(source.name) ? source : json;
  };

  const changed = (message: Envelope, body: Uint8Array, format: Format, contentType = format.contentType) =>
    withBody(message, body, format.text, keepsContentType ? message.contentType : contentType);

  const finish = (message: Envelope, source: Format, target: Format, value: Value) => {
    // What is in the right format already stays as it is, to the byte.
    if (expression === undefined && source.name === target.name && plain.has(source.name))
      return changed(message, message.body!, target, message.contentType);
    const body = target.encode(numbers === 'double' ? mapLeaves(value, rounded) : value);
    return body instanceof Promise
      ? body.then((bytes) => changed(message, bytes, target))
      : changed(message, body, target);
  };

  const step: Step = (message, captures) => {
    if (message.body === null) return message;
    const source = from(message);
    const target = targetOf(source);
    const value = source.decode(readable(message));
    if (expression === undefined && !(value instanceof Promise))
      return finish(message, source, target, value);
    return (async () => {
      const read = numbers === 'double' ? mapLeaves(await value, rounded) : await value;
      const made = expression
        ? await expression.evaluate(read, bindings(expression, message, captures))
        : read;
      return finish(message, source, target, made);
    })();
  };
  return { step, async: expression !== undefined || from.async || to?.async === true };
}

/** Formats in which what an expression makes goes out as it came. */
const keeps: ReadonlySet<string> = new Set<PlainFormat>(['json', 'cbor', 'msgpack']);
const plain: ReadonlySet<string> = new Set(plainFormats);

interface SourceOf {
  (message: Envelope): Format;
  readonly async: boolean;
}

async function sourceOf(from: BodySettings['from'], context: SchemaContext): Promise<SourceOf> {
  if (from !== 'auto') {
    const format = await formatNamed(from, 'from', context);
    return Object.assign(() => format, { async: format.async === true });
  }
  const all = new Map<PlainFormat, Format>();
  for (const name of plainFormats) all.set(name, await plainFormat(name));
  const byType = ({ contentType }: Envelope): Format => {
    const name = formatOf(contentType);
    if (name !== undefined) return all.get(name)!;
    throw invalid(`the content type "${contentType}" tells no format that can be read; say it by "from:"`);
  };
  return Object.assign(byType, { async: false });
}

async function formatNamed(
  written: BodySettings['from'] | NonNullable<BodySettings['to']>,
  key: 'from' | 'to',
  context: SchemaContext,
): Promise<Format> {
  if (typeof written === 'object') return schemaFormat(written, ['body', key], context);
  const name = plainFormats.find((each) => each === written);
  if (name === undefined) throw new TransformError(['body', key], `${written} needs its schema`);
  return plainFormat(name);
}

/** @throws JunctionError where the bytes are not what the content type says, but something around it */
function readable({ body, bodyType, contentEncoding }: Envelope): Uint8Array {
  if (contentEncoding !== undefined && contentEncoding !== '' && contentEncoding.toLowerCase() !== 'identity')
    throw invalid(`the body is compressed (${contentEncoding}); "decompress: auto" expands it first`);
  if (bodyType === 'value' || bodyType === 'sequence')
    throw invalid(`the body is not text or bytes but an AMQP ${bodyType}, which cannot be read here`);
  return body!;
}

const rounded = (value: Value): Value => {
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Decimal ? Number(value.text) : value;
};

/** Text that came as text, such as a JMS TextMessage, goes out as text. */
function withBody(
  message: Envelope,
  body: Uint8Array,
  text: boolean,
  contentType: string | undefined,
): Envelope {
  const bodyType = text && message.bodyType === 'string' ? 'string' : 'data';
  return envelope({ ...message, body, bodyType, contentType, origin: undefined });
}

/** What an expression can ask for beside the body: `$message` and `$captures`. */
function bindings(
  expression: Expression,
  message: Envelope,
  captures: Captures,
): Readonly<Record<string, unknown>> {
  return {
    ...(expression.mentions('message') && { message: metadataOf(message) }),
    ...(expression.mentions('captures') && { captures: Object.fromEntries(captures) }),
  };
}

function metadataOf(message: Envelope): unknown {
  const { id, address, key, subject, replyTo, correlationId, contentType, priority } = message;
  const headers = new Map<string, unknown>();
  // of a repeated name the first counts, as in {header.NAME}
  for (const [name, value] of message.headers)
    if (!headers.has(name)) headers.set(name, isPlain(value) ? value : valueToText(value));
  return {
    id: id === undefined ? undefined : identifierToText(id),
    address,
    key,
    subject,
    reply_to: replyTo,
    correlation_id: correlationId === undefined ? undefined : identifierToText(correlationId),
    content_type: contentType,
    priority,
    timestamp: message.timestamp,
    headers: Object.assign(Object.create(null) as object, Object.fromEntries(headers)),
  };
}

const isPlain = (value: unknown): boolean =>
  value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
