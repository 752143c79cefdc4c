import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import {
  envelope,
  headerTypes,
  Uuid,
  type Envelope,
  type Header,
  type HeaderType,
} from '../core/envelope.ts';
import { valueFromText } from '../core/header-values.ts';
import { identifierFromText } from '../core/identifier-text.ts';
import { duration } from '../core/units.ts';

/** YAML tells these itself, and nobody writes decimals in base64. */
const untold = ['null', 'boolean', 'string', 'decimal32', 'decimal64', 'decimal128'] as const;
type Told = Exclude<HeaderType, (typeof untold)[number]>;
const types = headerTypes.filter((type): type is Told => !(untold as readonly HeaderType[]).includes(type));

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const typed = z
  .partialRecord(z.enum(types), z.union([z.string(), z.number()]))
  .refine((map) => Object.keys(map).length === 1, 'write one type and its value, e.g. { int: 5 }');

const headerValue = z
  .union([scalar, typed, z.array(z.union([scalar, typed])).min(1)])
  .describe(
    'Text, true, false, a number (whole ones are longs, others doubles), null, or a value with its type, e.g. { int: 5 }; binary in base64. A list: several headers of the name.',
  );

const body = z
  .union([
    z.string(),
    z.null(),
    z.strictObject({ json: z.unknown().describe('Written as JSON.') }),
    z.strictObject({ base64: z.string().describe('Bytes in base64.') }),
    z.strictObject({ file: z.string().min(1).describe('The content of a file beside this one.') }),
  ])
  .describe('Text, or null for none at all (a Kafka tombstone).');

/** The fields of a message as people write them. */
export const messageFields = {
  id: z.string().optional().describe('The message id; types other than text as in JMS, e.g. AMQP_ULONG:5.'),
  body: body.optional(),
  headers: z
    .record(z.string().min(1), headerValue)
    .optional()
    .describe('Headers, properties, user properties.'),
  content_type: z.string().optional(),
  content_encoding: z.string().optional(),
  subject: z.string().optional(),
  correlation_id: z.string().optional().describe('As text; other types as in JMS, e.g. AMQP_BINARY:00ff.'),
  reply_to: z.string().optional(),
  key: z.string().optional().describe('The ordering key.'),
  priority: z.int().min(0).max(9).optional(),
  durable: z.boolean().optional(),
  ttl: duration().optional().describe('How long until it expires, from when it is published.'),
};

export const writtenMessageSchema = z.strictObject({
  ...messageFields,
  timestamp: z.int().optional().describe('When it was made, ms since the epoch.'),
  delivery_count: z.int().min(0).optional().describe('How often it was delivered before.'),
  hops: z.int().min(0).optional().describe('How many routes it has passed.'),
  retain: z.boolean().optional().describe('MQTT’s retain flag.'),
});

export type WrittenMessage = z.output<typeof writtenMessageSchema>;
export type WrittenValue = z.output<typeof headerValue>;
export type WrittenBody = z.output<typeof body>;

/**
 * The message that is meant.
 * @param now ms since the epoch
 * @param resolve the path of a file that is named in it
 * @throws Error of the file system
 */
export async function toEnvelope(
  written: WrittenMessage,
  address: string,
  now: number,
  resolve: (file: string) => string,
): Promise<Envelope> {
  const { id, correlation_id, ttl, headers } = written;
  return envelope({
    address,
    id: id === undefined ? undefined : identifierFromText(id),
    body: await bytesOf(written.body, resolve),
    headers: Object.entries(headers ?? {}).flatMap(([name, value]) => headersOf(name, value)),
    contentType: written.content_type ?? (isJson(written.body) ? 'application/json' : undefined),
    contentEncoding: written.content_encoding,
    subject: written.subject,
    correlationId: correlation_id === undefined ? undefined : identifierFromText(correlation_id),
    replyTo: written.reply_to,
    key: written.key,
    priority: written.priority,
    ...(written.durable !== undefined && { durable: written.durable }),
    expiresAt: ttl === undefined ? undefined : now + ttl,
    timestamp: written.timestamp,
    ...(written.delivery_count !== undefined && { deliveryCount: written.delivery_count }),
    ...(written.hops !== undefined && { hops: written.hops }),
    ...(written.retain !== undefined && { retain: written.retain }),
  });
}

const isJson = (written: WrittenBody | undefined): boolean =>
  typeof written === 'object' && written !== null && 'json' in written;

/** The bytes of a body. */
export async function bytesOf(
  written: WrittenBody | undefined,
  resolve: (file: string) => string,
): Promise<Uint8Array | null> {
  if (written === null) return null;
  if (written === undefined) return new Uint8Array();
  if (typeof written === 'string') return Buffer.from(written);
  if ('json' in written) return Buffer.from(JSON.stringify(written.json));
  return 'base64' in written ? Buffer.from(written.base64, 'base64') : readFile(resolve(written.file));
}

/** The headers of one name. */
export const headersOf = (name: string, written: WrittenValue): Header[] =>
  (Array.isArray(written) ? written : [written]).map((each): Header => {
    if (typeof each === 'number') return Number.isSafeInteger(each) ? [name, BigInt(each)] : [name, each];
    if (typeof each !== 'object' || each === null) return [name, each];
    const [type, value] = Object.entries(each)[0]! as [HeaderType, string | number];
    return type === 'uuid' ? [name, new Uuid(String(value))] : valueFromText(name, String(value), type);
  });
