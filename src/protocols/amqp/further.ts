import { isUtf8 } from 'node:buffer';
import type { Envelope, Header } from '../../core/envelope.ts';
import { furtherFields, reservedPrefix } from '../../core/reserved-headers.ts';
import { isOurs, nameOf } from './annotations.ts';
import { Cursor } from './codec/cursor.ts';
import { decodeValue } from './codec/decode.ts';
import { encodeMap } from './codec/encode.ts';
import { AmqpMap, DecodeError, type MessageProperties, type MessageView } from './codec/types.ts';
import { Writer } from './codec/writer.ts';

const control = /[\u0000-\u001f\u007f-\u009f]/;
const jmsDestination = 'x-opt-jms-dest';

/**
 * The application properties, and behind them, as reserved headers, what an envelope has no field for: so that it comes
 * back when the message has been through other protocols.
 * @param address of the message
 */
export function withFurther(
  view: MessageView,
  annotations: AmqpMap | undefined,
  address: string,
): readonly Header[] {
  const { userId, groupSequence, replyToGroupId } = view.properties;
  const own = view.applicationProperties;
  if (
    annotations === undefined &&
    userId === undefined &&
    groupSequence === undefined &&
    replyToGroupId === undefined
  )
    return own;
  const headers = [...own];
  if (userId !== undefined) headers.push([furtherFields.userId, textOrBytes(userId)]);
  if (groupSequence !== undefined) headers.push([furtherFields.groupSequence, groupSequence, 'uint']);
  if (replyToGroupId !== undefined) headers.push([furtherFields.replyToGroup, replyToGroupId]);
  const bytes = annotations && bytesOf(annotations, view);
  if (bytes) {
    headers.push([furtherFields.annotations, bytes]);
    if (annotations.get(jmsDestination) !== undefined)
      headers.push([furtherFields.annotatedAddress, address]);
  }
  return headers;
}

function textOrBytes(bytes: Uint8Array): string | Uint8Array {
  if (!isUtf8(bytes)) return new Uint8Array(bytes);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  return control.test(text) ? new Uint8Array(bytes) : text;
}

/** Undefined where there are none but our own. */
function bytesOf(annotations: AmqpMap, view: MessageView): Uint8Array | undefined {
  const others = annotations.entries.filter(([key]) => !isOurs(nameOf(key)));
  if (others.length === 0) return undefined;
  if (others.length === annotations.entries.length) return new Uint8Array(view.annotationBytes);
  const writer = new Writer(1024);
  encodeMap(writer, new AmqpMap(others));
  return new Uint8Array(writer.take());
}

/** What the headers of an envelope say beyond application properties. */
export interface Further {
  readonly properties: Partial<Pick<MessageProperties, 'userId' | 'groupSequence' | 'replyToGroupId'>>;
  /** Entries of the message annotations. */
  readonly annotations: AmqpMap['entries'];
  /** The others. */
  readonly headers: readonly Header[];
}

const none: AmqpMap['entries'] = [];

/** The reverse of withFurther. A reserved header that does not hold what it should stays an application property. */
export function takeFurther(from: Envelope): Further {
  const { headers } = from;
  if (!headers.some(([name]) => name.startsWith(reservedPrefix)))
    return { properties: {}, annotations: none, headers };
  const properties: { -readonly [Field in keyof Further['properties']]: Further['properties'][Field] } = {};
  let annotations = none;
  let address: string | undefined;
  const others = headers.filter(([name, value]) => {
    switch (name) {
      case furtherFields.userId:
        if (typeof value === 'string') properties.userId ??= Buffer.from(value);
        else if (value instanceof Uint8Array) properties.userId ??= value;
        else return true;
        return false;
      case furtherFields.groupSequence:
        if (!isUint(value)) return true;
        properties.groupSequence ??= value;
        return false;
      case furtherFields.replyToGroup:
        if (typeof value !== 'string') return true;
        properties.replyToGroupId ??= value;
        return false;
      case furtherFields.annotations: {
        const entries = value instanceof Uint8Array ? entriesOf(value) : undefined;
        if (entries && annotations === none) annotations = entries;
        return entries === undefined;
      }
      case furtherFields.annotatedAddress:
        if (typeof value !== 'string') return true;
        address ??= value;
        return false;
      default:
        return true;
    }
  });
  if (annotations.length > 0)
    annotations = annotations.filter(([key]) => stillTrue(nameOf(key), from, address, annotations));
  return { properties, annotations, headers: others };
}

const isUint = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff;

function entriesOf(bytes: Uint8Array): AmqpMap['entries'] | undefined {
  const cursor = new Cursor(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    const value = decodeValue(cursor);
    return value instanceof AmqpMap && cursor.pos === bytes.length ? value.entries : undefined;
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

/**
 * Whether an annotation still says what the message is: it may have been changed on the way. What JMS annotates
 * follows from `to`, `reply-to` and the body; JMS clients fail where it does not fit.
 */
function stillTrue(
  name: string | undefined,
  from: Envelope,
  annotated: string | undefined,
  all: AmqpMap['entries'],
): boolean {
  switch (name) {
    case jmsDestination:
      return annotated === from.address;
    case 'x-opt-jms-reply-to':
      return from.replyTo !== undefined;
    case 'x-opt-jms-msg-type': {
      const kind = new AmqpMap(all).get(name);
      return fitsJms(
        Number(kind !== null && typeof kind === 'object' && 'value' in kind ? kind.value : kind),
        from,
      );
    }
    default:
      return true;
  }
}

const serialized = 'application/x-java-serialized-object';

/** Whether a JMS message of this kind (0 Message, 1 Object, 2 Map, 3 Bytes, 4 Stream, 5 Text) can have this body. */
function fitsJms(kind: number, { body, bodyType, contentType }: Envelope): boolean {
  if (body === null) return true;
  switch (kind) {
    case 0:
      return body.length === 0; // it has no body at all
    case 1:
      return bodyType !== 'data' || contentType === serialized;
    case 2:
      return bodyType === 'value';
    case 3:
      return bodyType === 'data' || bodyType === 'binary';
    case 4:
      return bodyType === 'sequence' || bodyType === 'value';
    case 5:
      return bodyType === 'string' || bodyType === 'data';
    default:
      return false;
  }
}
