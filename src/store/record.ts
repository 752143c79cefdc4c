import { crc32 } from 'node:zlib';
import { Packr, RESERVE_START_SPACE } from 'msgpackr';
import {
  bodyTypes,
  envelope,
  headerTypes,
  Uuid,
  type Envelope,
  type Header,
  type HeaderValue,
  type Identifier,
} from '../core/envelope.ts';
import { JunctionError } from '../core/errors.ts';

/** The version of what follows: a fixed array of fields in msgpack. A change of the fields needs a new one. */
const recordVersion = 1;
/** One byte of version and four of checksum. */
const prefix = 5;

// Types are stored by their places in the lists of core/envelope.ts, those of headers counted from 1.
const bodyTypeIndex = new Map(bodyTypes.map((type, index) => [type, index]));
const headerTypeIndex = new Map(headerTypes.map((type, index) => [type, index + 1]));

const packr = new Packr({ useRecords: false, encodeUndefinedAsNil: true, useBigIntExtension: true });

/** A Uuid is `[text]`, minus zero `[]`: no other value is an array. */
type StoredValue = string | number | bigint | boolean | Uint8Array | null | readonly [] | readonly [string];

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function packValue(value: HeaderValue): StoredValue {
  if (value instanceof Uint8Array) return asBuffer(value);
  if (value instanceof Uuid) return [value.text];
  return Object.is(value, -0) ? [] : value;
}

function unpackValue(stored: StoredValue): HeaderValue {
  if (!Array.isArray(stored)) return stored as HeaderValue;
  return stored.length === 0 ? -0 : new Uuid(stored[0] as string);
}

const packId = (id: Identifier | undefined): StoredValue | undefined =>
  id === undefined ? undefined : packValue(id);
const unpackId = (stored: StoredValue): Identifier | undefined =>
  (unpackValue(stored) as Identifier | null) ?? undefined;

function packHeaders(headers: readonly Header[]): unknown[] {
  const flat: unknown[] = [];
  for (const [name, value, type] of headers)
    flat.push(name, packValue(value), type === undefined ? 0 : headerTypeIndex.get(type)!);
  return flat;
}

function unpackHeaders(flat: readonly unknown[]): Header[] {
  const headers: Header[] = [];
  for (let i = 0; i < flat.length; i += 3) {
    const name = flat[i] as string;
    const value = unpackValue(flat[i + 1] as StoredValue);
    const type = flat[i + 2] as number;
    headers.push(type === 0 ? [name, value] : [name, value, headerTypes[type - 1]!]);
  }
  return headers;
}

/**
 * A message and what belongs to it as bytes for the disk: a byte of version, a CRC-32, and a msgpack array.
 * `origin` is not stored.
 * @param extra what the reader gets back beside the message: numbers, strings, null
 */
export function encodeRecord(message: Envelope, extra: readonly unknown[]): Buffer {
  return seal(
    packr.pack(
      [
        extra,
        packId(message.id),
        message.address,
        message.body && asBuffer(message.body),
        bodyTypeIndex.get(message.bodyType),
        packHeaders(message.headers),
        message.contentType,
        message.contentEncoding,
        message.subject,
        packId(message.correlationId),
        message.replyTo,
        message.key,
        message.priority,
        message.durable,
        message.expiresAt,
        message.timestamp,
        message.deliveryCount,
        message.hops,
        message.via,
        message.retain,
        message.identity,
      ],
      RESERVE_START_SPACE + prefix,
    ),
  );
}

/** Fills the room before the packed bytes with the version and the checksum. */
function seal(packed: Buffer): Buffer {
  packed[0] = recordVersion;
  packed.writeUInt32LE(crc32(packed.subarray(prefix)), 1);
  return packed;
}

export interface DecodedRecord {
  readonly extra: readonly unknown[];
  readonly message: Envelope;
}

/**
 * What encodeRecord wrote. Byte arrays of the message are views of `bytes`.
 * @throws JunctionError internal where the bytes are damaged or of a version that is not known here
 */
export function decodeRecord(bytes: Buffer): DecodedRecord {
  const fields = open(bytes);
  return {
    extra: fields[0] as unknown[],
    message: envelope({
      id: unpackId(fields[1] as StoredValue),
      address: fields[2] as string,
      body: fields[3] as Uint8Array | null,
      bodyType: bodyTypes[fields[4] as number]!,
      headers: unpackHeaders(fields[5] as unknown[]),
      contentType: (fields[6] as string | null) ?? undefined,
      contentEncoding: (fields[7] as string | null) ?? undefined,
      subject: (fields[8] as string | null) ?? undefined,
      correlationId: unpackId(fields[9] as StoredValue),
      replyTo: (fields[10] as string | null) ?? undefined,
      key: (fields[11] as string | null) ?? undefined,
      priority: (fields[12] as number | null) ?? undefined,
      durable: fields[13] as boolean,
      expiresAt: (fields[14] as number | null) ?? undefined,
      timestamp: (fields[15] as number | null) ?? undefined,
      deliveryCount: fields[16] as number,
      hops: fields[17] as number,
      via: fields[18] as string[],
      retain: fields[19] as boolean,
      // not there in records of earlier programs
      identity: (fields[20] as string | null | undefined) ?? undefined,
    }),
  };
}

function open(bytes: Buffer): unknown[] {
  if (bytes[0] !== recordVersion)
    throw new JunctionError(
      'internal',
      `a stored record has version ${bytes[0]}; this program knows ${recordVersion}`,
    );
  if (bytes.length <= prefix || bytes.readUInt32LE(1) !== crc32(bytes.subarray(prefix)))
    throw new JunctionError('internal', 'a stored record is damaged: its checksum does not fit');
  try {
    return packr.unpack(bytes.subarray(prefix)) as unknown[];
  } catch (cause) {
    throw new JunctionError('internal', 'a stored record is damaged: it cannot be decoded', { cause });
  }
}
