import { isUtf8 } from 'node:buffer';
import type { Header } from '../../../core/envelope.ts';
import { JunctionError } from '../../../core/errors.ts';
import { typeOf } from '../../../core/header-values.ts';
import { code, descriptor } from './codes.ts';
import { Cursor } from './cursor.ts';
import { encodeMap, encodeScalar } from './encode.ts';
import type { AmqpMap } from './types.ts';
import { type MessageBody, type MessageHeader, type MessageParts, type MessageProperties } from './types.ts';
import * as write from './write-values.ts';
import { Writer } from './writer.ts';

/** Messages are written one at a time, so they share one growing buffer; each result is a part of it and never changes. */
const shared = new Writer();
/** A larger message gets a buffer of its own size, so that it does not strand the rest of a shared one. */
const ownBufferFrom = 16 * 1024;

/**
 * Writes a message; the result is never written to again.
 * @throws JunctionError `invalid-message` for a value that its AMQP type cannot hold
 */
export function writeMessage(parts: MessageParts): Buffer {
  const size = parts.body.bytes.length;
  return finish(size < ownBufferFrom ? shared : new Writer(size + 4096), (writer) => {
    writePrelude(writer, parts);
    if (parts.properties) writeProperties(writer, parts.properties);
    if (parts.applicationProperties && parts.applicationProperties.length > 0)
      writeApplicationProperties(writer, parts.applicationProperties);
    writeBody(writer, parts.body);
    writeAnnotations(writer, descriptor.footer, parts.footer);
  });
}

/**
 * Writes a received message's bare part (and footer) byte for byte behind a header and annotations of our own.
 * @param bare what `MessageView.bare` gave, with or without a footer behind it
 */
export function rewriteMessage(
  parts: Pick<MessageParts, 'header' | 'deliveryAnnotations' | 'messageAnnotations'>,
  bare: Uint8Array,
): Buffer {
  return finish(bare.length < ownBufferFrom ? shared : new Writer(bare.length + 4096), (writer) => {
    writePrelude(writer, parts);
    writer.bytes(bare);
  });
}

function finish(writer: Writer, fill: (writer: Writer) => void): Buffer {
  try {
    fill(writer);
  } catch (error) {
    writer.pos = writer.start;
    throw error;
  }
  return writer.take();
}

function writePrelude(
  writer: Writer,
  parts: Pick<MessageParts, 'header' | 'deliveryAnnotations' | 'messageAnnotations'>,
): void {
  if (parts.header) writeHeader(writer, parts.header);
  writeAnnotations(writer, descriptor.deliveryAnnotations, parts.deliveryAnnotations);
  writeAnnotations(writer, descriptor.messageAnnotations, parts.messageAnnotations);
}

function writeAnnotations(writer: Writer, section: number, map: AmqpMap | undefined): void {
  if (!map) return;
  write.describe(writer, section);
  encodeMap(writer, map);
}

function writeHeader(writer: Writer, header: Partial<MessageHeader>): void {
  const { durable, priority, ttl, firstAcquirer, deliveryCount } = header;
  const count = deliveryCount
    ? 5
    : firstAcquirer
      ? 4
      : ttl !== undefined
        ? 3
        : priority !== undefined
          ? 2
          : durable
            ? 1
            : 0;
  write.describe(writer, descriptor.header);
  if (count === 0) return writer.u8(code.list0);
  const at = write.beginCompound(writer, code.list32);
  write.boolean(writer, durable ?? false);
  if (count > 1) {
    if (priority === undefined) writer.u8(code.null);
    else write.ubyte(writer, checked(priority, 0xff, 'priority'));
  }
  if (count > 2) {
    if (ttl === undefined) writer.u8(code.null);
    // A uint of ms ends at 49.7 days; what lives longer is written with the longest life that fits.
    else write.uint(writer, Math.min(Math.max(0, Math.trunc(ttl)), 0xffff_ffff));
  }
  if (count > 3) write.boolean(writer, firstAcquirer ?? false);
  if (count > 4) write.uint(writer, checked(deliveryCount!, 0xffff_ffff, 'delivery count'));
  write.endCompound(writer, at, count, code.list8);
}

function checked(value: number, most: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value > most)
    throw new JunctionError('invalid-message', `a ${what} of ${value} does not fit into AMQP`);
  return value;
}

function writeProperties(writer: Writer, p: Partial<MessageProperties>): void {
  const count = lastProperty(p);
  if (count === 0) return;
  write.describe(writer, descriptor.properties);
  const at = write.beginCompound(writer, code.list32);
  for (let field = 0; field < count; field++) writeProperty(writer, p, field);
  write.endCompound(writer, at, count, code.list8);
}

function lastProperty(p: Partial<MessageProperties>): number {
  if (p.replyToGroupId !== undefined) return 13;
  if (p.groupSequence !== undefined) return 12;
  if (p.groupId !== undefined) return 11;
  if (p.creationTime !== undefined) return 10;
  if (p.absoluteExpiryTime !== undefined) return 9;
  if (p.contentEncoding !== undefined) return 8;
  if (p.contentType !== undefined) return 7;
  if (p.correlationId !== undefined) return 6;
  if (p.replyTo !== undefined) return 5;
  if (p.subject !== undefined) return 4;
  if (p.to !== undefined) return 3;
  if (p.userId !== undefined) return 2;
  return p.messageId !== undefined ? 1 : 0;
}

function writeProperty(writer: Writer, p: Partial<MessageProperties>, field: number): void {
  switch (field) {
    case 0:
      return p.messageId === undefined ? writer.u8(code.null) : write.identifier(writer, p.messageId);
    case 1:
      return p.userId === undefined ? writer.u8(code.null) : write.binary(writer, p.userId);
    case 2:
      return optionalString(writer, p.to);
    case 3:
      return optionalString(writer, p.subject);
    case 4:
      return optionalString(writer, p.replyTo);
    case 5:
      return p.correlationId === undefined ? writer.u8(code.null) : write.identifier(writer, p.correlationId);
    case 6:
      return p.contentType === undefined
        ? writer.u8(code.null)
        : encodeScalar(writer, p.contentType, 'symbol');
    case 7:
      return p.contentEncoding === undefined
        ? writer.u8(code.null)
        : encodeScalar(writer, p.contentEncoding, 'symbol');
    case 8:
      return optionalTime(writer, p.absoluteExpiryTime);
    case 9:
      return optionalTime(writer, p.creationTime);
    case 10:
      return optionalString(writer, p.groupId);
    case 11:
      return p.groupSequence === undefined
        ? writer.u8(code.null)
        : write.uint(writer, checked(p.groupSequence, 0xffff_ffff, 'group sequence'));
    default:
      return optionalString(writer, p.replyToGroupId);
  }
}

const optionalString = (writer: Writer, value: string | undefined): void =>
  value === undefined ? writer.u8(code.null) : write.string(writer, value);

const optionalTime = (writer: Writer, value: number | undefined): void =>
  value === undefined ? writer.u8(code.null) : write.timestamp(writer, value);

function writeApplicationProperties(writer: Writer, headers: readonly Header[]): void {
  write.describe(writer, descriptor.applicationProperties);
  const at = write.beginCompound(writer, code.map32);
  for (const [name, value, type] of headers) {
    write.string(writer, name);
    if (typeof value === 'string' && type === undefined) write.string(writer, value);
    else encodeScalar(writer, value, typeOf(value, type));
  }
  write.endCompound(writer, at, headers.length * 2, code.map8);
}

function writeBody(writer: Writer, body: MessageBody): void {
  switch (body.kind) {
    case 'data':
      write.describe(writer, descriptor.data);
      return write.binary(writer, body.bytes);
    case 'binary':
      write.describe(writer, descriptor.value);
      return write.binary(writer, body.bytes);
    case 'string':
      write.describe(writer, descriptor.value);
      return utf8(writer, body.bytes);
    case 'value':
      write.describe(writer, descriptor.value);
      return encoded(writer, body.bytes);
    case 'sequence':
      return sequences(writer, body.bytes);
  }
}

function utf8(writer: Writer, bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new JunctionError('invalid-message', 'a text body is not valid UTF-8');
  const wide = bytes.length > 0xff;
  writer.u8(wide ? code.string32 : code.string8);
  if (wide) writer.u32(bytes.length);
  else writer.u8(bytes.length);
  writer.bytes(bytes);
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Already encoded, but perhaps by way of another protocol's client: it must be exactly one value. */
function encoded(writer: Writer, bytes: Uint8Array): void {
  const cursor = new Cursor(asBuffer(bytes));
  try {
    cursor.skip();
  } catch (error) {
    throw new JunctionError('invalid-message', 'the body is not an encoded AMQP value', { cause: error });
  }
  if (cursor.pos !== bytes.length)
    throw new JunctionError('invalid-message', 'the body is more than one AMQP value');
  writer.bytes(bytes);
}

function sequences(writer: Writer, bytes: Uint8Array): void {
  const cursor = new Cursor(asBuffer(bytes));
  try {
    do {
      const from = cursor.pos;
      const format = cursor.u8();
      if (format !== code.list0 && format !== code.list8 && format !== code.list32)
        cursor.fail('a list was expected');
      cursor.skipBody(format);
      write.describe(writer, descriptor.sequence);
      writer.bytes(bytes.subarray(from, cursor.pos));
    } while (cursor.pos < bytes.length);
  } catch (error) {
    throw new JunctionError('invalid-message', 'the body is not a sequence of encoded AMQP lists', {
      cause: error,
    });
  }
}
