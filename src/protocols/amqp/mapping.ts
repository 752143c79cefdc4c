import { isUtf8 } from 'node:buffer';
import { envelope, type Envelope, type Header } from '../../core/envelope.ts';
import { JunctionError } from '../../core/errors.ts';
import { addressAnnotation, hopsAnnotation, isOurs, nameOf } from './annotations.ts';
import { rewriteMessage, writeMessage } from './codec/message-writer.ts';
import {
  AmqpMap,
  symbol,
  Typed,
  type MessageBody,
  type MessageHeader,
  type MessageProperties,
  type MessageView,
} from './codec/types.ts';
import { takeFurther, withFurther, type Further } from './further.ts';

const defaultPriority = 4; // §3.2.1
const nullValue: MessageBody = Object.freeze({ kind: 'value', bytes: Buffer.of(0x40) });

/** What an envelope that came by AMQP keeps for a target that speaks AMQP too. */
class AmqpOrigin {
  readonly view: MessageView;
  readonly annotations: AmqpMap | undefined;
  /** As it came: fields that differ from these have been changed on the way. */
  first: Envelope | undefined;
  constructor(view: MessageView, annotations: AmqpMap | undefined) {
    this.view = view;
    this.annotations = annotations;
    this.first = undefined;
  }
}

/**
 * A message as an envelope. Priority 4 is the default, the same as none.
 * @param address where it was sent to: the link's target, or on an anonymous link its `to`
 * @param now ms since the epoch
 * @throws DecodeError where a section is malformed
 * @throws JunctionError `invalid-message` for a body string that is not UTF-8
 */
export function toEnvelope(view: MessageView, address: string, now: number): Envelope {
  const { header, properties, messageAnnotations, body } = view;
  if (body.kind === 'string') checkUtf8(body.bytes);
  const empty = body.kind === 'value' && body.bytes.length === 1 && body.bytes[0] === 0x40;
  const origin = new AmqpOrigin(view, messageAnnotations);
  const made = envelope({
    id: properties.messageId,
    address,
    body: empty ? null : body.bytes,
    bodyType: empty ? 'data' : body.kind,
    headers: withFurther(view, messageAnnotations, address),
    contentType: properties.contentType,
    contentEncoding: properties.contentEncoding,
    subject: properties.subject,
    correlationId: properties.correlationId,
    replyTo: properties.replyTo,
    key: properties.groupId,
    priority: header.priority === defaultPriority ? undefined : header.priority,
    durable: header.durable,
    expiresAt: properties.absoluteExpiryTime ?? (header.ttl === undefined ? undefined : now + header.ttl),
    timestamp: properties.creationTime,
    deliveryCount: header.deliveryCount,
    hops: messageAnnotations ? readHops(messageAnnotations) : 0,
    origin,
  });
  origin.first = made;
  return made;
}

/**
 * An envelope as an encoded message. One that came by AMQP and was not changed keeps its bare message byte for byte,
 * since that is immutable (§3.2): its `to` stays what the sender wrote, also where a route carries it to another
 * address, which the receiver's link or `addressAnnotation` tells.
 * @param deliveryCount how many deliveries of it failed before
 * @param linkAddress the address of the link it is sent on
 * @param now ms since the epoch
 * @param onRepeated told the name of a header that came twice, of which only the first is written
 * @throws JunctionError `invalid-message` where a field cannot be held
 */
export function fromEnvelope(
  from: Envelope,
  deliveryCount: number,
  linkAddress: string | undefined,
  now: number,
  onRepeated?: (header: string) => void,
): Buffer {
  const origin = from.origin instanceof AmqpOrigin ? from.origin : undefined;
  const header: Partial<MessageHeader> = {
    durable: from.durable,
    priority: from.priority,
    ttl: from.expiresAt === undefined ? undefined : Math.max(0, from.expiresAt - now),
    deliveryCount,
  };
  if (origin && isBareUnchanged(from, origin.first!)) {
    const { view } = origin;
    const told = linkAddress === from.address || view.properties.to === from.address;
    const messageAnnotations = annotations(from, origin.annotations?.entries, told);
    return rewriteMessage({ header, messageAnnotations }, fromBare(view));
  }
  const further = takeFurther(from);
  return writeMessage({
    header,
    messageAnnotations: annotations(from, further.annotations, true),
    properties: properties(from, further),
    applicationProperties: withoutRepeats(further.headers, onRepeated),
    body: bodyOf(from),
  });
}

/** The bare message and the footer behind it. */
const fromBare = ({ bytes, bare }: MessageView): Buffer => bytes.subarray(bare.byteOffset - bytes.byteOffset);

function isBareUnchanged(now: Envelope, first: Envelope): boolean {
  return (
    now.body === first.body &&
    now.headers === first.headers &&
    now.id === first.id &&
    now.correlationId === first.correlationId &&
    now.replyTo === first.replyTo &&
    now.subject === first.subject &&
    now.key === first.key &&
    now.bodyType === first.bodyType &&
    now.contentType === first.contentType &&
    now.contentEncoding === first.contentEncoding &&
    now.expiresAt === first.expiresAt &&
    now.timestamp === first.timestamp
  );
}

function properties(from: Envelope, { properties }: Further): MessageProperties {
  return {
    messageId: from.id,
    userId: properties.userId,
    to: from.address,
    subject: from.subject,
    replyTo: from.replyTo,
    correlationId: from.correlationId,
    contentType: from.contentType,
    contentEncoding: from.contentEncoding,
    absoluteExpiryTime: from.expiresAt,
    creationTime: from.timestamp,
    groupId: from.key,
    groupSequence: from.key === undefined ? undefined : properties.groupSequence,
    replyToGroupId: properties.replyToGroupId,
  };
}

function bodyOf(from: Envelope): MessageBody {
  if (from.body === null) return nullValue;
  if (from.bodyType === 'string') checkUtf8(from.body);
  return { kind: from.bodyType, bytes: from.body };
}

function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes))
    throw new JunctionError('invalid-message', 'the body claims to be a string but is not UTF-8');
}

/** Application properties are a map (§3.2.5), which cannot repeat a name (§1.6.23): the first one counts. */
function withoutRepeats(
  headers: readonly Header[],
  onRepeated?: (header: string) => void,
): readonly Header[] {
  if (headers.length < 2) return headers;
  const seen = new Set<string>();
  for (const [name] of headers) seen.add(name);
  if (seen.size === headers.length) return headers;
  return headers.filter(([name]) => {
    const first = seen.delete(name);
    if (!first) onRepeated?.(name);
    return first;
  });
}

/**
 * Those it came with, how many routes it has passed and, if the rest does not tell, its address.
 * @param told whether the link or the bare message tells the address
 */
function annotations(
  from: Envelope,
  before: AmqpMap['entries'] | undefined,
  told: boolean,
): AmqpMap | undefined {
  if (from.hops === 0 && !before?.length && told) return undefined;
  const kept = before ? before.filter(([key]) => !isOurs(nameOf(key))) : [];
  if (from.hops > 0) kept.push([symbol(hopsAnnotation), new Typed('uint', from.hops)]);
  if (!told) kept.push([symbol(addressAnnotation), from.address]);
  return kept.length === 0 ? undefined : new AmqpMap(kept);
}

function readHops(map: AmqpMap): number {
  const value = map.get(hopsAnnotation);
  const hops = value instanceof Typed ? value.value : value;
  return typeof hops === 'number' && Number.isInteger(hops) && hops >= 0 ? hops : 0;
}
